"""Models that packages of PyPI carry, run by `run_model` beside ONNX Runtime, in one sitting.

    python3 -m venv env && env/bin/pip install numpy onnxruntime==1.32.0
    env/bin/pip download --no-deps -d wheels silero-vad magika rapidocr-onnxruntime openwakeword==0.4.0
    for wheel in wheels/*.whl; do unzip -q -d models/$(basename $wheel .whl) $wheel; done
    cargo build --release --all-features --example run_model
    env/bin/python benches/peers/onnx_models.py models
    env/bin/python benches/peers/onnx_models.py models --only magika,silero_vad --turns 9

Both have two threads and take turns; a time is the median of all runs of all turns. Outputs are compared by the largest
difference over the largest magnitude. `load` is, here, reading the file, building the graph and making the session, and
there making the session; `ready` is the same with our first run less a later one, which is when we plan: what ONNX
Runtime does while it makes a session. Ratios are ours over theirs.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

import numpy as np
import onnxruntime

ROOT = pathlib.Path(__file__).resolve().parents[2]
RUN_MODEL = ROOT / "target/release/examples/run_model"

# Each model: its name, its file below the folder, its inputs, and what is bound: a scalar that decides shapes or a branch.
# An input is a shape of normal numbers, or of integers below a number, or of a page: on noise, what finds text finds next to
# nothing, and differences would be those of numbers near 0. Where something is bound, all shapes are told.
PAGE = "page"
MODELS = [
    ("silero_vad", "silero_vad/data/silero_vad.onnx", {"input": (1, 576), "state": (2, 1, 128)}, {"sr": 16000}),
    ("magika", "magika/models/*/model.onnx", {"bytes": ((1, 2048), 256, np.int32)}, {}),
    ("ocr_detect", "ch_PP-OCRv4_det_infer.onnx", {"x": (PAGE, (1, 3, 320, 320))}, {}),
    ("ocr_recognize", "ch_PP-OCRv4_rec_infer.onnx", {"x": (PAGE, (1, 3, 48, 320))}, {}),
    ("ocr_direction", "ch_ppocr_mobile_v2.0_cls_infer.onnx", {"x": (PAGE, (1, 3, 48, 192))}, {}),
    ("wake_embedding", "openwakeword/resources/models/embedding_model.onnx", {"input_1": (1, 76, 32, 1)}, {}),
    ("wake_spectrogram", "openwakeword/resources/models/melspectrogram.onnx", {"input": (1, 16000)}, {}),
    ("wake_word", "openwakeword/resources/models/hey_jarvis_v0.1.onnx", {"x.1": (1, 16, 96)}, {}),
]


def page(random, shape):
    """Dark strokes on a light page, from -1 to 1."""
    image, (height, width) = np.full(shape[2:], 0.9, np.float32), shape[2:]
    for _ in range(width * height // 400):
        y, x = random.integers(0, height), random.integers(0, width)
        rows, columns = ((6, 2), (2, 6))[random.integers(0, 2)]
        image[y:y + rows, x:x + columns] = -0.8
    return np.broadcast_to(image, shape).copy()


def fed(inputs):
    """An array for each input."""
    random = np.random.default_rng(0)
    arrays = {}
    for name, what in inputs.items():
        if what[0] == PAGE:
            arrays[name] = page(random, what[1])
        elif isinstance(what[0], tuple):
            shape, below, dtype = what
            arrays[name] = random.integers(0, below, shape).astype(dtype)
        else:
            arrays[name] = random.standard_normal(what).astype(np.float32)
    return arrays


def timed(run):
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


def difference(ours, theirs):
    """The largest difference of two arrays over the largest magnitude."""
    if ours.shape != theirs.shape:
        return float("inf")
    largest = np.abs(theirs.astype(np.float64)).max(initial=0)
    return np.abs(ours.astype(np.float64) - theirs).max(initial=0) / max(largest, 1e-30)


class Ours:
    """`run_model` as a process of its own for each turn."""

    def __init__(self, file, arrays, bound, folder, threads):
        self.saved = folder / "outputs.npz"
        np.savez(folder / "inputs.npz", **arrays)
        self.command = [RUN_MODEL, file, "--npz", folder / "inputs.npz", "--threads", str(threads), "--json"]
        self.command += [part for name, value in bound.items() for part in ("--bind", f"{name}={value}")]
        shapes = {name: ",".join(map(str, array.shape)) for name, array in arrays.items()} if bound else {}
        self.command += [part for name, shape in shapes.items() for part in ("--shape", f"{name}={shape}")]

    def turn(self, runs, save=False):
        command = [*self.command, "--runs", str(runs), *(["--save", self.saved] if save else [])]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip())
        return json.loads(done.stdout)


def measure(file, inputs, bound, args):
    arrays = fed(inputs)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = args.threads, 1

    def session():
        return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])

    theirs = session()
    everything = arrays | {name: np.array(value) for name, value in bound.items()}
    once, expected = timed(lambda: theirs.run(None, everything))
    once, expected = timed(lambda: theirs.run(None, everything))
    runs = max(3, min(200, int(args.seconds / max(once, 1e-6))))
    with tempfile.TemporaryDirectory() as folder:
        ours = Ours(file, arrays, bound, pathlib.Path(folder), args.threads)
        ours.turn(1, save=True)
        with np.load(ours.saved) as given:
            found = [given[output.name] for output in theirs.get_outputs()]
        worst = max(difference(a, np.asarray(b)) for a, b in zip(found, expected, strict=True))
        times = {"ours": [], "theirs": [], "load": [], "ready": [], "session": []}
        for _ in range(args.turns):
            times["theirs"] += [timed(lambda: theirs.run(None, everything))[0] for _ in range(runs)]
            turn = ours.turn(runs)
            times["ours"] += turn["runs"]
            times["load"].append(turn["load"])
            times["ready"].append(turn["load"] + max(0, turn["first"] - turn["median"]))
            times["session"].append(timed(session)[0])
    return worst, {what: 1e3 * statistics.median(of) for what, of in times.items()}


def main():
    parser = argparse.ArgumentParser(description="Models beside ONNX Runtime")
    parser.add_argument("folder", type=pathlib.Path, help="what the wheels are unpacked in")
    parser.add_argument("--only", default="", help="names of models, with commas between")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="of runs a turn")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    only = [name for name in args.only.split(",") if name]
    print(f"ONNX Runtime {onnxruntime.__version__}, {args.threads} threads; times in milliseconds")
    print("| model | difference | ours | ONNX Runtime | ratio | load | ready | session | load ratio | ready ratio |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for name, path, inputs, bound in MODELS:
        if only and name not in only:
            continue
        file = next(args.folder.rglob(path), None)
        if file is None:
            print(f"| {name} | no {path} in {args.folder} |")
            continue
        try:
            worst, ms = measure(file, inputs, bound, args)
        except Exception as error:  # One model that fails must not hide the others.
            print(f"| {name} | {error} |")
            continue
        print(
            f"| {name} | {worst:.1e} | {ms['ours']:.3f} | {ms['theirs']:.3f} | {ms['ours'] / ms['theirs']:.2f} "
            f"| {ms['load']:.1f} | {ms['ready']:.1f} | {ms['session']:.1f} "
            f"| {ms['load'] / ms['session']:.2f} | {ms['ready'] / ms['session']:.2f} |",
            flush=True,
        )


main()
