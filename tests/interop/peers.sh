#!/usr/bin/env bash
# Installs the runtimes that graphs go to and come from, TensorFlow, ONNX and ONNX Runtime, below target/, and prints the Python
# that has them. With it, the tests that need one run, and are skipped no more:
#
#     FLOWGRAD_PYTHON=$(tests/interop/peers.sh) cargo test --all-features
set -euo pipefail
cd "$(dirname "$0")/../.."
peers=$PWD/target/peers
{
    python3 -c 'import ensurepip, venv' || { apt-get update && apt-get install --yes python3 python3-venv; }
    python3 -m venv "$peers"
    "$peers/bin/python" -m pip install --quiet --requirement tests/interop/requirements.txt
} >&2
echo "$peers/bin/python"
