"""Runs exported graphs in TensorFlow, and compares what they give with what is beside them.

A folder has for each case a `GraphDef` (`name.pb`) and what is to be done with it (`name.json`): runs of one session, each
with feeds, operations, and what is fetched. A folder `name.saved` is a SavedModel instead. Ends with 1 if something
differs. `cases.rs` writes the folder.
"""

import json
import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import numpy as np
import tensorflow as tf

DTYPES = {"f32": np.float32, "f64": np.float64, "i32": np.int32, "i64": np.int64, "bool": np.bool_}


def array(stored):
    return np.array(stored["numbers"], dtype=np.float64).reshape(stored["shape"]).astype(DTYPES[stored["dtype"]])


def difference(name, found, expected, apart):
    if found.dtype != expected.dtype or found.shape != expected.shape:
        return f"{name}: expected {expected.dtype}{expected.shape}, got {found.dtype}{found.shape}"
    if not expected.size:
        return None
    found, expected = found.astype(np.float64), expected.astype(np.float64)
    finite = np.abs(expected[np.isfinite(expected)])
    # What is next to nothing beside 1 is the rounding of a 0.
    largest = max(finite.max() if finite.size else 0.0, 1e-6)
    with np.errstate(invalid="ignore"):
        near = (found == expected) | (np.abs(found - expected) <= apart * largest) | (np.isnan(found) & np.isnan(expected))
    if near.all():
        return None
    at = tuple(np.argwhere(~near)[0])
    return f"{name}: {np.count_nonzero(~near)} of {near.size} differ, first {found[at]!r} where {expected[at]!r} is expected"


def check(path):
    case = json.loads(path.with_suffix(".json").read_text())
    graph = tf.Graph()
    with graph.as_default():
        graph_def = tf.compat.v1.GraphDef()
        graph_def.ParseFromString(path.read_bytes())
        tf.import_graph_def(graph_def, name="")
    differences = []
    with tf.compat.v1.Session(graph=graph) as session:
        session.run(case["initializer"])
        for index, run in enumerate(case["runs"]):
            feeds = {name: array(fed) for name, fed in run["feeds"].items()}
            names = list(run["fetches"])
            operations = [graph.get_operation_by_name(name) for name in run["operations"]]
            found = session.run([names, operations], feeds)[0]
            for name, value in zip(names, found):
                differs = difference(name, np.asarray(value), array(run["fetches"][name]), case["apart"])
                if differs:
                    differences.append(f"run {index}: {differs}")
    return differences


def check_saved(path):
    case = json.loads(path.with_suffix(".json").read_text())
    feeds = {name: array(fed) for name, fed in case["feeds"].items()}
    expected = {name: array(fetched) for name, fetched in case["fetches"].items()}
    loaded = tf.saved_model.load(str(path)).signatures[case["signature"]]
    found = {name: value.numpy() for name, value in loaded(**{name: tf.constant(fed) for name, fed in feeds.items()}).items()}
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        model = tf.compat.v1.saved_model.load(session, ["serve"], str(path))
        signature = model.signature_def[case["signature"]]
        named = {signature.inputs[name].name: fed for name, fed in feeds.items()}
        found_first = session.run({name: info.name for name, info in signature.outputs.items()}, named)
    differences = []
    for loader, values in [("tf.saved_model.load", found), ("tf.compat.v1.saved_model.load", found_first)]:
        if sorted(values) != sorted(expected):
            differences.append(f"{loader}: expected {sorted(expected)}, got {sorted(values)}")
            continue
        for name, value in values.items():
            differs = difference(name, value, expected[name], case["apart"])
            if differs:
                differences.append(f"{loader}: {differs}")
    return differences


def main():
    folder = pathlib.Path(sys.argv[1])
    failed = 0
    for path in sorted([*folder.glob("*.pb"), *folder.glob("*.saved")]):
        try:
            differences = check(path) if path.suffix == ".pb" else check_saved(path)
        except Exception as error:  # Whatever TensorFlow does not like.
            differences = [f"{type(error).__name__}: {str(error)[:600]}"]
        for differs in differences:
            print(f"{path.stem}: {differs}")
        failed += bool(differences)
    sys.exit(1 if failed else 0)


main()
