"""Writes the fixtures beside it: files as safetensors writes them, whose contents `tests/files/readers/foreign.rs` tells.

    pip install numpy ml_dtypes safetensors==0.8.0 && python tests/files/safetensors/generate.py
"""

from pathlib import Path

import ml_dtypes
import numpy as np
from safetensors import TensorSpec, serialize_file

HERE = Path(__file__).parent

# The formats of 8 bits: the name that safetensors takes, and the type that says what the bits mean.
EIGHT_BITS = {
    "float8_e4m3fn": ml_dtypes.float8_e4m3fn,
    "float8_e5m2": ml_dtypes.float8_e5m2,
    "float8_e4m3fnuz": ml_dtypes.float8_e4m3fnuz,
    "float8_e5m2fnuz": ml_dtypes.float8_e5m2fnuz,
    "float8_e8m0fnu": ml_dtypes.float8_e8m0fnu,
}


def tensor(dtype, array):
    return dtype, np.require(array, requirements="C")


def write(name, tensors, metadata=None):
    specs = {
        name: TensorSpec(dtype=dtype, shape=array.shape, data_ptr=array.ctypes.data, data_len=array.nbytes)
        for name, (dtype, array) in tensors.items()
    }
    serialize_file(specs, HERE / name, metadata)


def main():
    # All bits of the small formats beside the numbers that they stand for.
    codes = np.arange(256, dtype="u1")
    numbers = {}
    for name, dtype in EIGHT_BITS.items():
        numbers[name] = tensor(name, codes)
        numbers[f"{name}.expected"] = tensor("float32", codes.view(dtype).astype("f4"))
    some = np.random.default_rng(7).integers(0, 1 << 16, 200, dtype="u2")
    for name, dtype in {"bfloat16": ml_dtypes.bfloat16, "float16": np.float16}.items():
        numbers[name] = tensor(name, some)
        numbers[f"{name}.expected"] = tensor("float32", some.view(dtype).astype("f4"))
    write("numbers.safetensors", numbers)

    # A model as PyTorch has it, half of it in bfloat16, with what flowgrad has no like of.
    weight = np.arange(6, dtype="f4").reshape(2, 3) / 4
    model = {
        "fc.weight": tensor("bfloat16", weight.astype(ml_dtypes.bfloat16)),
        "fc.bias": tensor("float32", np.array([0.5, -1.5], "f4")),
        "fc.scale": tensor("float16", np.array(0.1, "f2")),
        "bn.num_batches_tracked": tensor("int64", np.array(12, "i8")),
        "small": tensor("int8", np.array([-128, 127], "i1")),
        "pixels": tensor("uint8", np.array([[0, 255]], "u1")),
        "wide": tensor("uint16", np.array([65535], "u2")),
        "wider": tensor("uint32", np.array([2**32 - 1], "u4")),
        "widest": tensor("uint64", np.array([2**64 - 1, 0], "u8")),
        "mask": tensor("bool", np.array([True, False])),
        "nothing": tensor("float64", np.zeros((0, 3))),
        "complex": tensor("complex64", np.array([1 + 2j], "c8")),
        "größe \"\\\n": tensor("int32", np.array([7], "i4")),
    }
    write("model.safetensors", model, {"format": "pt", "note": "a \"test\"\n"})


main()
