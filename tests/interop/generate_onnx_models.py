"""Runs whole models with ONNX Runtime and writes what they give as cases that `tests/interop/onnx/cases.rs` runs.

    venv/bin/pip install onnx==1.23.2 onnxruntime numpy
    venv/bin/pip download --no-deps silero-vad magika rapidocr-onnxruntime    # wheels that hold models
    venv/bin/python tests/interop/generate_onnx_models.py OUT.safetensors model.onnx input=1x3x32x96 sr=16000 ...
    ONNX_CASES=OUT.safetensors cargo test --features onnx --test onnx all_cases -- --ignored --nocapture

An input is given a shape, for numbers that look random, or a whole number.
"""

import sys

import numpy as np
import onnx
import onnxruntime

from generate_onnx import write

TYPES = {1: np.float32, 6: np.int32, 7: np.int64, 9: np.bool_, 11: np.float64}


def array(random, element, text):
    """What is fed for an argument."""
    dtype = TYPES[element]
    if "x" not in text:
        return np.array(int(text), dtype=dtype)
    shape = [int(length) for length in text.strip("x").split("x")]
    if dtype in (np.float32, np.float64):
        return random.standard_normal(shape).astype(dtype)
    return random.integers(0, 50, shape).astype(dtype)


def main():
    path, *rest = sys.argv[1:]
    arrays, model, random = {}, None, np.random.default_rng(0)
    models = []
    for argument in rest:
        if argument.endswith(".onnx"):
            models.append((argument, {}))
        else:
            name, text = argument.rsplit("=", 1)
            models[-1][1][name] = text
    for file, given in models:
        model = onnx.load(file)
        known = {tensor.name for tensor in model.graph.initializer}
        inputs = [value for value in model.graph.input if value.name not in known]
        fed = {value.name: array(random, value.type.tensor_type.elem_type, given[value.name]) for value in inputs}
        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        outputs = session.run(None, fed)
        name = file.rsplit("/", 1)[-1].removesuffix(".onnx")
        arrays[f"{name}|model"] = np.frombuffer(model.SerializeToString(), dtype=np.uint8)
        arrays[f"{name}|limits"] = np.array([1e-3, 1e-5])
        for index, (key, value) in enumerate(fed.items()):
            arrays[f"{name}|in|{index}|{key}"] = value
        for index, (value, info) in enumerate(zip(outputs, session.get_outputs())):
            arrays[f"{name}|out|{index}|{info.name}"] = np.asarray(value)
    write(path, arrays)


main()
