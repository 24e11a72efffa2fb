#!/usr/bin/env bash
# safetensors 0.8.0 (Python) with NumPy 2.4.6.
#
# Behavior: `safetensors.numpy.save` writes an array's memory as it lies under the array's own shape. A C-contiguous
# array comes back as it was. A Fortran-ordered one comes back with its elements in other places, and every second
# element of a vector comes back as the first half of the vector. No error is raised and the file is valid: only a
# comparison of the values shows it. `save(dict(w=w.T))` is enough.
#
# Output seen: [[0, 1, 2], [3, 4, 5]] in Fortran order is read back as [[0, 3, 1], [4, 2, 5]];
# [0, 2, 4], every second of [0, 1, 2, 3, 4, 5], as [0, 1, 2].
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet safetensors==0.8.0 numpy==2.4.6
"$dir/venv/bin/python" - <<'PYTHON'
import numpy as np
from safetensors.numpy import load, save


def read_back(array):
    return load(save({"array": array}))["array"].tolist()


rows = np.arange(6, dtype=np.float32).reshape(2, 3)
assert read_back(rows) == [[0, 1, 2], [3, 4, 5]], read_back(rows)
columns = np.asfortranarray(rows)
assert (columns == rows).all()
assert read_back(columns) == [[0, 3, 1], [4, 2, 5]], f"changed: {read_back(columns)}"
every_second = np.arange(6, dtype=np.float32)[::2]
assert read_back(every_second) == [0, 1, 2], f"changed: {read_back(every_second)}"
print("as described: arrays that are not C-contiguous are written in memory order")
PYTHON
