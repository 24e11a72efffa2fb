"""Makes the checkpoints of tests/interop/tensor_bundle with TensorFlow 2.21, and what is in them.

    python tests/interop/generate_tensor_bundle.py

`one`: a Saver of the first version, one file. `sharded`: the same over two devices, two files. `two`: a Saver of the
second version, with all element types and a partitioned variable. `shards`: two files of elements. `object`: a
tf.train.Checkpoint. `many`: so many names that the index has several places where keys are written out.
`expected.json`: the shape and the numbers of each tensor of each checkpoint.
"""

import json
import os
import pathlib

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np
import tensorflow as tf

tf1 = tf.compat.v1
HERE = pathlib.Path(__file__).parent / "tensor_bundle"
NARROW = ("int8", "uint8", "int16", "uint16", "uint32", "uint64", "float16", "bfloat16", "float8_e5m2", "float8_e4m3fn")
# Those that a Saver of the first version takes.
OF_ONE = ("int8", "int16")


def variables(types):
    of = lambda name, value, **options: tf1.get_variable(name, initializer=tf.constant(value), use_resource=False, **options)
    found = [
        of("scope/kernel", np.arange(6, dtype=np.float32).reshape(2, 3) / 4),
        of("scope/kernel_double", np.array([1e300, -0.1])),
        of("scalar", np.float32(-2.5)),
        of("empty", np.zeros([0, 4], np.float32)),
        of("i32", np.array([-1, 2**31 - 1, -(2**31)], np.int32)),
        of("i64", np.array([[-1], [2**63 - 1], [-(2**63)]])),
        of("flags", np.array([True, False, True])),
    ]
    for name in types:
        numbers = tf.constant([0.0, 1.0, 1.5, -2.0 if "u" not in name else 2.0, 96.0])
        numbers = tf.cast(numbers, tf.as_dtype(name))
        found.append(tf1.get_variable("of_" + name, initializer=numbers, use_resource=True))
    rows = tf1.get_variable("rows", [7, 2], tf.float64, tf1.random_normal_initializer(seed=1), partitioner=tf1.fixed_size_partitioner(3), use_resource=False)
    columns = tf1.get_variable("columns", [2, 5], tf.float32, tf1.random_normal_initializer(seed=2), partitioner=tf1.fixed_size_partitioner(2, axis=1), use_resource=False)
    return found + list(rows) + list(columns)


def main():
    HERE.mkdir(exist_ok=True)
    for old in HERE.iterdir():
        if old.suffix != ".rs":
            old.unlink()
    for name, version, types, devices in (
        ("one", tf1.train.SaverDef.V1, OF_ONE, 1),
        ("sharded", tf1.train.SaverDef.V1, (), 2),
        ("two", tf1.train.SaverDef.V2, NARROW, 1),
        ("shards", tf1.train.SaverDef.V2, (), 2),
    ):
        with tf.Graph().as_default():
            place = iter(range(1000))
            with tf1.device(lambda _: f"/cpu:{next(place) % devices}") if devices > 1 else tf1.device(None):
                variables(types)
            saver = tf1.train.Saver(write_version=version, sharded=devices > 1)
            config = tf1.ConfigProto(device_count={"CPU": devices})
            with tf1.Session(config=config) as session:
                session.run(tf1.global_variables_initializer())
                saver.save(session, str(HERE / name), write_meta_graph=False, write_state=False)
    with tf.Graph().as_default():
        for place in range(60):
            tf1.get_variable(f"model/layer_{place // 7}/block_{place}/weight", initializer=np.float32(place), use_resource=False)
        with tf1.Session() as session:
            session.run(tf1.global_variables_initializer())
            tf1.train.Saver().save(session, str(HERE / "many"), write_meta_graph=False, write_state=False)
    inner = tf.Module()
    inner.w = tf.Variable(np.arange(4.0), name="w")
    outer = tf.Module()
    outer.list = [inner, tf.Variable(3)]
    tf.train.Checkpoint(model=outer, step=tf.Variable(7, dtype=tf.int64)).write(str(HERE / "object"))
    expected = {}
    for name in ("one", "sharded", "two", "shards", "many", "object"):
        prefix = str(HERE / name)
        pattern = prefix + "-?????-of-?????" if name == "sharded" else prefix
        reader = tf.train.load_checkpoint(pattern)
        tensors = {}
        for tensor in reader.get_variable_to_shape_map():
            # A reader does not join the parts of a partitioned variable; the ops for restoring do.
            dtype = reader.get_variable_to_dtype_map()[tensor]
            if name in ("one", "sharded"):
                value = tf.raw_ops.Restore(file_pattern=pattern, tensor_name=tensor, dt=dtype).numpy()
            else:
                value = tf.raw_ops.RestoreV2(prefix=prefix, tensor_names=[tensor], shape_and_slices=[""], dtypes=[dtype])[0].numpy()
            if isinstance(value, bytes):
                tensors[tensor] = {"type": "string", "shape": [], "numbers": []}
                continue
            value = np.asarray(value)
            element = tf.as_dtype(value.dtype).name
            wide = value.astype(np.float64) if element.startswith(("float", "bfloat")) else value
            tensors[tensor] = {"type": element, "shape": list(value.shape), "numbers": [repr(x) for x in wide.reshape(-1).tolist()]}
        expected[name] = tensors
    (HERE / "expected.json").write_text(json.dumps(expected, indent=0, sort_keys=True) + "\n")
    print({path.name: path.stat().st_size for path in sorted(HERE.iterdir())})


main()
