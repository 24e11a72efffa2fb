#!/usr/bin/env bash
# tensorflow 2.21.0 on the CPU, float32.
#
# Behavior: `tf.reduce_mean` of the same numbers differs by hundreds with the axis along which they lie. Over the last
# axis partial sums are added up and the mean is right to the last digit; over the first axis of a long, narrow matrix
# each column is one running sum in float32, which loses what is below its last digit. Columns of 100,000 numbers that
# alternate between c and c + 1, with c = 10,000 and 20,000, have means c + 0.5; the mean over axis 0 is below every
# number in the column. `tf.math.reduce_variance` of such columns, 0.25 each, follows.
#
# Output seen: axis 0: 9996.88 and 19993.75 (variances 13.4 and 45.8); the transpose over its last axis: 10000.5 and
# 20000.5.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet tensorflow==2.21.0
TF_CPP_MIN_LOG_LEVEL=3 "$dir/venv/bin/python" - <<'PYTHON'
import numpy as np
import tensorflow as tf

rows = np.stack([10_000.0 * c + np.arange(100_000) % 2 for c in (1, 2)], axis=1).astype(np.float32)
down = tf.reduce_mean(rows, axis=0).numpy()
along = tf.reduce_mean(np.ascontiguousarray(rows.T), axis=1).numpy()
variances = tf.math.reduce_variance(rows, axis=0).numpy()
print("axis 0:", down, "variances", variances, "last axis of the transpose:", along)
assert along.tolist() == [10_000.5, 20_000.5], along
assert (down < rows.min(axis=0)).all(), "changed: the mean over axis 0 lies within the numbers"
assert (variances > 1).all(), "changed: the variances are near 0.25"
print("as described")
PYTHON
