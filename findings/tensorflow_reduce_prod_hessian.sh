#!/usr/bin/env bash
# tensorflow 2.21.0 on the CPU.
#
# Behavior: the gradient of `tf.reduce_prod` is right where one factor is 0, but its second derivative is not: the
# gradient is built from exclusive cumulative products, and the gradient of `tf.math.cumprod` is computed by dividing by
# the factors and drops what it cannot divide. The Hessian of x*y*z at (2, 0, 3) comes out without two of its four
# entries, and so is not even symmetric. No warning is given. Where no factor is 0 it is right.
#
# Output seen: [[0, 0, 0], [3, 0, 2], [0, 0, 0]]; right is [[0, 3, 0], [3, 0, 2], [0, 2, 0]].
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet tensorflow==2.21.0
TF_CPP_MIN_LOG_LEVEL=3 "$dir/venv/bin/python" - <<'PYTHON'
import tensorflow as tf


def derivatives(factors):
    x = tf.constant(factors, dtype=tf.float64)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            product = tf.reduce_prod(x)
        gradient = inner.gradient(product, x)
    return gradient.numpy().tolist(), outer.jacobian(gradient, x).numpy().tolist()


gradient, hessian = derivatives([2, 5, 3])
assert (gradient, hessian) == ([15, 6, 10], [[0, 3, 5], [3, 0, 2], [5, 2, 0]]), (gradient, hessian)
gradient, hessian = derivatives([2, 0, 3])
assert gradient == [0, 6, 0], gradient
assert hessian == [[0, 0, 0], [3, 0, 2], [0, 0, 0]], f"changed: {hessian}"
print("as described: the Hessian of x*y*z at (2, 0, 3) is", hessian)
PYTHON
