"""TensorBoard reads event files: by its event accumulator, and as its tabs ask its server for them.

The server is asked twice, once reading files in Python and once by the faster data server, where that is there.
"""

import io
import json
import math
import re
import sys
import time
import urllib.parse
import urllib.request

import numpy as np
from PIL import Image
from google.protobuf import text_format
from tensorboard import program, version
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto import graph_pb2, types_pb2
from tensorboard.plugins.histogram.summary import histogram_pb
from tensorboard.util import tensor_util

import expected

DTYPES = {
    "f32": types_pb2.DT_FLOAT,
    "f64": types_pb2.DT_DOUBLE,
    "i32": types_pb2.DT_INT32,
    "i64": types_pb2.DT_INT64,
    "bool": types_pb2.DT_BOOL,
}

# TensorFlow's names of nodes (tensorflow/core/framework/node_def_util.cc).
LEGAL_NAME = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")

# How long a server may take until it has read the files.
SECONDS_TO_LOAD = 60


def main(logdir, description):
    runs = expected.load(description)
    for run, told in runs.items():
        check_accumulator(f"{logdir}/{run}", told)
    for way, load_fast in [("Python", "false"), ("data server", "true")]:
        if load_fast == "true" and not has_data_server():
            print("skipped: TensorBoard's data server is not installed")
            continue
        ask = serve(logdir, load_fast)
        wait_for_runs(ask, sorted(runs))
        for run, told in runs.items():
            check_tabs(f"{way}, {run}", ask, run, told)
        print(f"TensorBoard {version.VERSION} shows {len(runs)} runs, read by {way}")


def check_accumulator(path, told):
    events = EventAccumulator(path, size_guidance={"scalars": 0, "histograms": 0, "images": 0}).Reload()
    expected.same("scalar tags", sorted(events.Tags()["scalars"]), sorted(told["scalars"]))
    for tag, points in told["scalars"].items():
        found = [(point.step, str(point.value)) for point in events.Scalars(tag)]
        expected.same(tag, found, [(step, str(float(value))) for step, value in points])
        if any(abs(point.wall_time - time.time()) > 3600 for point in events.Scalars(tag)):
            sys.exit(f"{tag}: not written in the last hour")

    expected.same("histogram tags", sorted(events.Tags()["histograms"]), sorted(told["histograms"]))
    for tag, steps in told["histograms"].items():
        found = events.Histograms(tag)
        expected.same(f"steps of {tag}", [event.step for event in found], [step for step, _ in steps])
        for event, (step, values) in zip(found, steps):
            histogram = event.histogram_value
            what = f"{tag} at {step}"
            expected.same(f"number in {what}", histogram.num, len(values))
            expected.same(f"count of {what}", sum(histogram.bucket), len(values))
            ends = (min(values, default=0), max(values, default=0))
            expected.same(f"ends of {what}", (histogram.min, histogram.max), ends)
            same_sum(f"sum of {what}", histogram.sum, values)
            same_sum(f"squares of {what}", histogram.sum_squares, [value**2 for value in values])
    expected.same("image tags", sorted(events.Tags()["images"]), sorted(told["images"]))
    for tag, images in told["images"].items():
        found = [(event.step, *decoded(event.encoded_image_string)) for event in events.Images(tag)]
        expected.same(tag, found, [tuple(image) for image in images])
        sizes = [[event.height, event.width] for event in events.Images(tag)]
        expected.same(f"sizes of {tag}", sizes, [shape[:2] for _, shape, _ in images])
    check_graph("event accumulator", events.Graph(), told["nodes"])


def decoded(png):
    """Height, width and channels of an image, and its samples."""
    image = np.array(Image.open(io.BytesIO(png)))
    shape = image.shape if image.ndim == 3 else (*image.shape, 1)
    return list(shape), image.flatten().tolist()


def same_sum(what, found, values):
    """Equal but for the rounding of a plain sum."""
    bound = len(values) * np.finfo(float).eps * math.fsum(map(abs, values))
    if not abs(found - math.fsum(values)) <= bound:
        sys.exit(f"{what}: expected {math.fsum(values)}, found {found}")


def check_graph(reader, graph, nodes):
    expected.same(f"{reader}: names", [node.name for node in graph.node], [node["name"] for node in nodes])
    for node, told in zip(graph.node, nodes):
        if not LEGAL_NAME.fullmatch(node.name):
            sys.exit(f"{reader}: {node.name!r} is no legal name")
        found = {
            "op": node.op,
            "inputs": list(node.input),
            "dtype": node.attr["T"].type,
            "shapes": [[dim.size for dim in shape.dim] for shape in node.attr["_output_shapes"].list.shape],
            "attributes": node.attr["attributes"].s.decode(),
            "built_at": node.attr["built_at"].s.decode(),
        }
        wanted = {
            "op": "Const" if told["op"] == "constant" else told["op"],
            "inputs": told["inputs"] + ["^" + name for name in told["control_inputs"]],
            "dtype": DTYPES[told["dtype"]],
            "shapes": [[-1 if length is None else length for length in told["shape"]]],
            "attributes": told["attributes"],
            "built_at": told["built_at"],
        }
        expected.same(f"{reader}: node {node.name}", found, wanted)


def has_data_server():
    try:
        import tensorboard_data_server
    except ImportError:
        return False
    return tensorboard_data_server.server_binary() is not None


def serve(logdir, load_fast):
    """Starts TensorBoard and gives a function that asks it for the answer to a path and query."""
    tensorboard = program.TensorBoard()
    tensorboard.configure(("tensorboard", "--logdir", logdir, "--port=0", f"--load_fast={load_fast}"))
    url = tensorboard.launch()
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ask(path, **query):
        address = f"{url}data/{path}?{urllib.parse.urlencode(query)}"
        with direct.open(address, timeout=SECONDS_TO_LOAD) as answer:
            return answer.read().decode()

    return ask


def wait_for_runs(ask, runs):
    deadline = time.monotonic() + SECONDS_TO_LOAD
    # The graph of a run is written last.
    while sorted(json.loads(ask("plugin/graphs/info"))) != runs:
        if time.monotonic() > deadline:
            sys.exit(f"TensorBoard does not show the runs {runs}, but {ask('runs')}")
        time.sleep(0.1)


def check_tabs(reader, ask, run, told):
    """What the tabs of scalars, histograms, distributions and graphs show."""
    for tag, points in told["scalars"].items():
        answer = json.loads(ask("plugin/scalars/scalars", run=run, tag=tag))
        found = [(step, str(float(value))) for _, step, value in answer]
        expected.same(f"{reader}: {tag}", found, [(step, str(float(value))) for step, value in points])

    for tag, steps in told["histograms"].items():
        histograms = json.loads(ask("plugin/histograms/histograms", run=run, tag=tag))
        distributions = json.loads(ask("plugin/distributions/distributions", run=run, tag=tag))
        for answer in (histograms, distributions):
            expected.same(f"{reader}: steps of {tag}", [step for _, step, _ in answer], [step for step, _ in steps])
        for (step, values), (_, _, buckets), (_, _, points) in zip(steps, histograms, distributions):
            what = f"{reader}: {tag} at {step}"
            expected.same(f"buckets of {what}", counting(buckets), counting(own_buckets(values)))
            ends = [min(values, default=0), max(values, default=0)]
            expected.same(f"ends of {what}", singles([points[0][1], points[-1][1]]), singles(ends))

    for tag, images in told["images"].items():
        answer = json.loads(ask("plugin/images/images", run=run, tag=tag, sample=0))
        found = [(image["step"], image["height"], image["width"]) for image in answer]
        expected.same(f"{reader}: {tag}", found, [(step, *shape[:2]) for step, shape, _ in images])

    info = json.loads(ask("plugin/graphs/info"))
    expected.same(f"{reader}: graph of the run", info[run]["run_graph"], True)
    graph = graph_pb2.GraphDef()
    text_format.Parse(ask("plugin/graphs/graph", run=run, limit_attr_size=1024, large_attrs_key="large"), graph)
    check_graph(reader, graph, told["nodes"])


def own_buckets(values):
    """The buckets that TensorBoard makes of values itself."""
    [summary] = histogram_pb("", values).value
    return tensor_util.make_ndarray(summary.tensor).tolist()


def counting(buckets):
    """From the first that counts any to the last, which are all that the reader in Python keeps."""
    kept = [position for position, (_, _, count) in enumerate(buckets) if count]
    return singles(buckets[kept[0] : kept[-1] + 1]) if kept else []


def singles(numbers):
    """In single precision, which is what the reader in Python keeps."""
    return np.array(numbers, dtype=np.float32).tolist()


main(*sys.argv[1:])
