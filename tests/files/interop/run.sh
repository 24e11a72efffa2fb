#!/usr/bin/env bash
# Other programs read our files, and we read theirs: TensorBoard, safetensors, NumPy.
#
# FLOWGRAD_PYTHON names the interpreter (python3 if it is not set); what it lacks of tests/files/interop/requirements.txt skips the
# tests that need it. Arguments, such as the name of one test, are handed to the tests in place of `interop::`.
set -euo pipefail
cd "$(dirname "$0")/../../.."
exec cargo test --features tensorboard,safetensors,npz --test files -- --nocapture "${@:-interop::}"
