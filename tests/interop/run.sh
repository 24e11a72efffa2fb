#!/usr/bin/env bash
# Other programs read our files, and we read theirs: TensorBoard, safetensors, NumPy.
#
# PYTHON names the interpreter (python3 if it is not set); what it lacks of tests/interop/requirements.txt skips the
# tests that need it. Further arguments go to the tests, such as the name of one.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec cargo test --features tensorboard,safetensors,npz --test interop -- --nocapture "$@"
