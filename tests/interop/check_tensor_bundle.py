"""Reads a checkpoint that flowgrad wrote with TensorFlow, and compares it to a list of names, shapes and numbers.

    python tests/interop/check_tensor_bundle.py PREFIX EXPECTED.tsv
"""

import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np
import tensorflow as tf

prefix, expected = sys.argv[1:]
reader = tf.train.load_checkpoint(prefix)
shapes = reader.get_variable_to_shape_map()
lines = [line.rstrip("\n").split("\t") for line in open(expected, encoding="utf-8")]
assert sorted(shapes) == sorted(name for name, _, _ in lines), "other names"
for name, shape, numbers in lines:
    value = np.asarray(reader.get_tensor(name))
    assert list(value.shape) == [int(length) for length in shape.split(",") if length], (name, value.shape, shape)
    wanted = np.array([{"True": 1, "False": 0}.get(number) if number in ("True", "False") else (float if value.dtype.kind == "f" else int)(number) for number in numbers.split(",") if number], value.dtype)
    assert np.array_equal(value.reshape(-1), wanted), (name, value, wanted)
    assert np.array_equal(np.signbit(value.reshape(-1)), np.signbit(wanted)) if value.dtype.kind == "f" else True, name
# And as a Saver restores them.
with tf.Graph().as_default(), tf.compat.v1.Session() as session:
    kernel = tf.compat.v1.get_variable("f32", [2, 2])
    tf.compat.v1.train.Saver([kernel]).restore(session, prefix)
    assert np.array_equal(session.run(kernel), reader.get_tensor("f32"))
print(f"{len(lines)} tensors are the same")
