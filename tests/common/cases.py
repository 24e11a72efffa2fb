"""What the scripts have in common that write fixtures of cases (`tests/common/case.rs`): the inputs, and arrays as text."""

import zlib

import numpy as np

GENERATORS = {}
DTYPES = {"float64": "f64", "int64": "i64", "int32": "i32", "bool": "bool"}


def rng(op):
    """The op's own generator of numbers, so that a new op leaves the others' cases as they are."""
    return GENERATORS.setdefault(op, np.random.default_rng(zlib.crc32(op.encode())))


def normal(op, *shapes):
    return [rng(op).standard_normal(shape) for shape in shapes]


def encoded(array):
    array = np.asarray(array)
    kind = DTYPES[array.dtype.name]
    text = (lambda x: str(int(x))) if kind != "f64" else repr
    return {"dtype": kind, "shape": list(array.shape), "data": " ".join(text(x) for x in array.ravel().tolist())}


def tuple_of(outputs):
    return tuple(outputs) if isinstance(outputs, (tuple, list)) else (outputs,)
