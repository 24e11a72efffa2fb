"""Checks models that were exported: by ONNX's own checker, and by ONNX Runtime's numbers.

    venv/bin/pip install onnx==1.23.2 onnxruntime numpy
    FLOWGRAD_PYTHON=venv/bin/python cargo test --features onnx --test onnx export

A case in the folder is a model, `NAME.onnx`, what it is fed, `NAME.in.npz`, what it must give, `NAME.out.npz`, and how near,
relative to the largest magnitude, or to 1 where that is less: `NAME.limit`. Ends with 1 if one is wrong, and tells all.
"""

import pathlib
import sys

import numpy as np
import onnx
import onnxruntime


def difference(found, expected):
    """The largest difference over the largest magnitude."""
    if found.dtype != expected.dtype or found.shape != expected.shape:
        return f"expected {expected.dtype}{expected.shape}, got {found.dtype}{found.shape}"
    found, expected = found.astype(np.float64), expected.astype(np.float64)
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    with np.errstate(invalid="ignore"):
        off = np.where(same, 0, np.abs(found - expected))
    return off.max(initial=0) / max(1, np.abs(np.where(np.isfinite(expected), expected, 0)).max(initial=0))


def check(folder, name):
    """What is wrong with a case."""
    file = folder / f"{name}.onnx"
    limit = float((folder / f"{name}.limit").read_text())
    onnx.checker.check_model(str(file), full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    with np.load(folder / f"{name}.in.npz") as fed, np.load(folder / f"{name}.out.npz") as expected:
        names = [output.name for output in session.get_outputs()]
        given = dict(zip(names, session.run(None, dict(fed))))
        for output in expected.files:
            if output not in given:
                yield f"{output}: expected an output, got none"
                continue
            off = difference(np.asarray(given[output]), expected[output])
            if isinstance(off, str):
                yield f"{output}: {off}"
            elif not off <= limit:
                yield f"{output} is off by {off:.1e}: {given[output].ravel()[:4]} for {expected[output].ravel()[:4]}"


def main():
    folder = pathlib.Path(sys.argv[1])
    wrong, names = [], sorted(file.stem for file in folder.glob("*.onnx"))
    for name in names:
        try:
            wrong += [f"{name}: {line}" for line in check(folder, name)]
        except Exception as error:  # Whatever the checker or the runtime says is what is wrong.
            wrong.append(f"{name}: {str(error).strip()[:600]}")
    print("\n".join(wrong))
    print(f"{len(names)} models, onnx {onnx.__version__}, ONNX Runtime {onnxruntime.__version__}")
    return 1 if wrong or not names else 0


sys.exit(main())
