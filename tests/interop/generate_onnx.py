"""Writes ONNX's own node tests to one file that `tests/interop/onnx/cases.rs` runs.

    python3 -m venv venv && venv/bin/pip install onnx==1.23.2 numpy
    venv/bin/python tests/interop/generate_onnx.py                 # all cases: target/onnx_cases.safetensors
    venv/bin/python tests/interop/generate_onnx.py --fixture FILE  # a few an op, for the repository

Of each case on f32, f64, i32, i64 and bool the file has the model (`case|model`), the tolerances (`case|limits`), and the
inputs and outputs (`case|in|index|name`, `case|out|index|name`).
"""

import argparse
import json
import struct
import warnings

warnings.filterwarnings("ignore")

import numpy as np
from onnx import TensorProto
from onnx.backend.test.case.node import collect_testcases

OWN = {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT32, TensorProto.INT64, TensorProto.BOOL}
TYPES = {"float32": "F32", "float64": "F64", "int32": "I32", "int64": "I64", "bool": "BOOL", "uint8": "U8"}


def is_own(case):
    """Whether all inputs and outputs are tensors of the types that flowgrad has."""
    for value in list(case.model.graph.input) + list(case.model.graph.output):
        if value.type.WhichOneof("value") != "tensor_type" or value.type.tensor_type.elem_type not in OWN:
            return False
    return True


def arrays_of(case):
    """What the file has of a case."""
    arrays = {
        f"{case.name}|model": np.frombuffer(case.model.SerializeToString(), dtype=np.uint8),
        f"{case.name}|limits": np.array([case.rtol, case.atol], dtype=np.float64),
    }
    [(inputs, outputs)] = case.data_sets[:1]
    for kind, values, infos in (("in", inputs, case.model.graph.input), ("out", outputs, case.model.graph.output)):
        for index, (value, info) in enumerate(zip(values, infos)):
            array = np.asarray(value)
            # What an optional input that lacks is given.
            if array.dtype.name in TYPES:
                arrays[f"{case.name}|{kind}|{index}|{info.name}"] = array
    return arrays


def write(path, arrays):
    """A safetensors file."""
    header, blobs, offset = {}, [], 0
    for name, array in arrays.items():
        blob = np.ascontiguousarray(array).tobytes()
        header[name] = {
            "dtype": TYPES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + len(blob)],
        }
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for blob in blobs:
            file.write(blob)


def few(cases, most_each, most_bytes):
    """The smallest cases of each op: of equal size, the first."""
    size = lambda case: sum(array.nbytes for array in arrays_of(case).values())
    by_op = {}
    for case in sorted(cases, key=lambda case: (size(case), case.name)):
        ops = "+".join(sorted({node.op_type for node in case.model.graph.node}))
        if size(case) <= most_bytes:
            by_op.setdefault(ops, []).append(case)
    return [case for chosen in by_op.values() for case in chosen[:most_each]]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fixture", help="write a few cases of each op to this file")
    parser.add_argument("--except-cases", help="a file whose lines begin with names of cases that are left out")
    options = parser.parse_args()
    cases = [case for case in collect_testcases(None) if is_own(case)]
    print(f"{len(cases)} cases")
    if options.except_cases:
        with open(options.except_cases) as file:
            left_out = {line.split("\t")[0].strip() for line in file}
        cases = [case for case in cases if case.name not in left_out]
    if options.fixture:
        cases = few(cases, 2, 5000)
    path = options.fixture or "target/onnx_cases.safetensors"
    arrays = {}
    for case in cases:
        arrays.update(arrays_of(case))
    write(path, arrays)
    print(f"wrote {len(cases)} to {path}")


if __name__ == "__main__":
    main()
