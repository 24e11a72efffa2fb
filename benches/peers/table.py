"""Rows of `bench_table` beside NumPy, JAX under `jit`, PyTorch's eager mode and TensorFlow's session, in one sitting.

    python3 -m venv env && env/bin/pip install jax==0.10.2 tensorflow==2.21.*
    env/bin/pip install torch --index-url https://download.pytorch.org/whl/cpu
    cargo build --release --all-features --example bench_table
    env/bin/python benches/peers/table.py
    env/bin/python benches/peers/table.py --rows chain,softmax_rows --turns 7

A peer that is not installed is left out; each runs in a process of its own, as their libraries do not get on in one. All
take turns; a time is the median of the turns, and the number behind it says
how many times as long as ours that is. Peers may use all cores; of the rows, `bench_table` gives two threads to
`linreg_large`, `elementwise`, `mlp_step` and `wide_graph`, and one to the others. What is compiled or planned at first
is left out on all sides. Arrays that we feed are the peers' arguments, and states are changed in place where a peer can do
that (`donate_argnums` in JAX, variables in the session).
"""

import argparse
import importlib.util
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
BENCH_TABLE = ROOT / "target/release/examples/bench_table"
RATE, EPSILON = 0.001, 1e-3
WIDTHS, BATCH = [784, 256, 128, 10], 128


def spread(shape, step=0.618033988749895, low=-1.0, high=1.0, dtype=np.float32):
    """Numbers spread evenly, in no order, as `bench_table` has them."""
    fractions = np.arange(np.prod(shape)) * step % 1.0
    return (low + (high - low) * fractions).reshape(shape).astype(dtype)


def multiplied(products, factors):
    """Batches of matrices, times others four times."""
    for _ in range(4):
        products = products @ factors
    return products


def regression(rows, dtype):
    x = np.stack([np.ones(rows), np.linspace(0, 2, rows)], 1).astype(dtype)
    return x, (3 + 2 * x[:, 1:] + 0.3 * spread((rows, 1))).astype(dtype)


def layers():
    pairs = list(zip(WIDTHS, WIDTHS[1:]))
    kernels = [spread(pair, 0.414213562373095) * np.float32((6 / sum(pair)) ** 0.5) for pair in pairs]
    return kernels, [np.zeros(width, np.float32) for width in WIDTHS[1:]]


def batch():
    return spread((BATCH, WIDTHS[0]), 0.732050807568877), np.arange(BATCH) * 7 % WIDTHS[-1]


def normalized():
    x, dy = spread((4096, 512), low=-1, high=3), spread((4096, 512), 0.414213562373095)
    return x, dy, spread(512, 0.732050807568877, 0.5, 1.5), spread(512, 0.236067977499790)


class NumPy:
    name = f"NumPy {np.__version__}"

    def linreg(self, rows, dtype):
        (x, d), w = regression(rows, dtype), np.zeros((2, 1), dtype)

        def run():
            nonlocal w
            w = w - dtype(2 * RATE / rows) * (x.T @ (x @ w - d))
        return run

    def elementwise(self, count):
        a, b, c = spread(count, high=2, low=-2), spread(count, 0.414213562373095), spread(count, 0.732050807568877)

        def run():
            tanh, bell = np.tanh(a * b + c), np.exp(-(a * a))
            return (tanh * bell).sum(), (1 - tanh * tanh) * b * bell - 2 * a * tanh * bell
        return run

    def chain(self, count):
        x, y = spread(count), spread(count, 0.414213562373095)

        def run():
            z = x
            for _ in range(4):
                z = np.maximum((z + y) * np.float32(0.75), x) * y + np.float32(0.125)
            return z
        return run

    def softmax(self, rows, width):
        x = spread((rows, width), low=-4, high=4)

        def run():
            e = np.exp(x - x.max(-1, keepdims=True))
            return e / e.sum(-1, keepdims=True)
        return run

    def adam(self, count):
        w, g, steps = spread(count), spread(count, 0.414213562373095), 0
        m, v = np.zeros_like(w), np.zeros_like(w)

        def run():
            nonlocal m, v, w, steps
            steps += 1
            m = m * np.float32(0.9) + g * np.float32(0.1)
            v = v * np.float32(0.999) + g * g * np.float32(0.001)
            rate = np.float32(RATE * (1 - 0.999**steps) ** 0.5 / (1 - 0.9**steps))
            w = w - rate * m / (np.sqrt(v) + np.float32(1e-8))
        return run

    def normalization(self, axis):
        x, dy, scale, offset = normalized()

        def run():
            centered = x - x.mean(axis, keepdims=True)
            to_unit = 1 / np.sqrt((centered * centered).mean(axis, keepdims=True) + np.float32(EPSILON))
            unit, g = centered * to_unit, dy * scale
            dx = to_unit * (g - g.mean(axis, keepdims=True) - unit * (g * unit).mean(axis, keepdims=True))
            return unit * scale + offset, dx, (dy * unit).sum(0), dy.sum(0)
        return run

    def mlp(self):
        (x, labels), (kernels, biases) = batch(), layers()
        hot = np.eye(WIDTHS[-1], dtype=np.float32)[labels]

        def run():
            values = [x]
            for index, (kernel, bias) in enumerate(zip(kernels, biases)):
                z = values[-1] @ kernel + bias
                values.append(np.maximum(z, 0) if index < 2 else z)
            e = np.exp(values[-1] - values[-1].max(-1, keepdims=True))
            d = (e / e.sum(-1, keepdims=True) - hot) / np.float32(BATCH)
            for index in (2, 1, 0):
                dk, db = values[index].T @ d, d.sum(0)
                d = (d @ kernels[index].T) * (values[index] > 0) if index else None
                kernels[index] -= np.float32(0.01) * dk
                biases[index] -= np.float32(0.01) * db
        return run

    def wide(self):
        starts, factors = spread((8, 256, 256)), spread((8, 256, 256), 0.414213562373095) * np.float32(0.1)
        return lambda: multiplied(starts, factors)

    def count(self):
        count = np.zeros((), np.float32)

        def run():
            nonlocal count
            count += np.float32(1)
        return run


class Jax:
    def __init__(self):
        import jax

        jax.config.update("jax_enable_x64", True)
        self.jax, self.jnp = jax, jax.numpy
        self.name = f"JAX {jax.__version__}"

    def of(self, function, *arguments):
        """Runs a compiled function of arrays that are there already."""
        arguments = [self.jnp.asarray(argument) for argument in arguments]
        function = self.jax.jit(function)
        return lambda: self.jax.block_until_ready(function(*arguments))

    def changing(self, function, states, *arguments):
        """The same with states that each run replaces."""
        states = self.jax.tree.map(self.jnp.array, states)
        arguments = [self.jnp.asarray(argument) for argument in arguments]
        function = self.jax.jit(function, donate_argnums=0)

        def run():
            nonlocal states
            states = self.jax.block_until_ready(function(states, *arguments))
        return run

    def linreg(self, rows, dtype):
        x, d = regression(rows, dtype)
        loss = lambda w, x, d: self.jnp.mean((x @ w - d) ** 2)
        step = lambda w, x, d: w - dtype(RATE) * self.jax.grad(loss)(w, x, d)
        return self.changing(step, np.zeros((2, 1), dtype), x, d)

    def elementwise(self, count):
        y = lambda a, b, c: self.jnp.sum(self.jnp.tanh(a * b + c) * self.jnp.exp(-a * a))
        steps = [0.618033988749895, 0.414213562373095, 0.732050807568877]
        return self.of(self.jax.value_and_grad(y), *[spread(count, step) for step in steps])

    def chain(self, count):
        def function(x, y):
            z = x
            for _ in range(4):
                z = self.jnp.maximum((z + y) * 0.75, x) * y + 0.125
            return z
        return self.of(function, spread(count), spread(count, 0.414213562373095))

    def softmax(self, rows, width):
        return self.of(self.jax.nn.softmax, spread((rows, width), low=-4, high=4))

    def adam(self, count):
        def step(state, g):
            w, m, v, steps = state
            steps = steps + 1
            m, v = m * 0.9 + g * 0.1, v * 0.999 + g * g * 0.001
            rate = RATE * self.jnp.sqrt(1 - 0.999**steps) / (1 - 0.9**steps)
            return w - rate * m / (self.jnp.sqrt(v) + 1e-8), m, v, steps
        w = spread(count)
        return self.changing(step, (w, np.zeros_like(w), np.zeros_like(w), np.float32(0)), spread(count, 0.414213562373095))

    def normalization(self, axis):
        def y(x, scale, offset):
            mean, variance = x.mean(axis, keepdims=True), x.var(axis, keepdims=True)
            return (x - mean) * self.jax.lax.rsqrt(variance + EPSILON) * scale + offset

        def both(x, dy, scale, offset):
            value, back = self.jax.vjp(y, x, scale, offset)
            return value, back(dy)
        return self.of(both, *normalized())

    def gelu(self, count):
        def both(x, dy):
            y, back = self.jax.vjp(lambda x: self.jax.nn.gelu(x, approximate=False), x)
            return y, back(dy)
        return self.of(both, spread(count, low=-4, high=4), spread(count, 0.414213562373095))

    def mlp(self):
        x, labels = batch()

        def loss(parameters, x, labels):
            for index, (kernel, bias) in enumerate(zip(*parameters)):
                x = x @ kernel + bias
                x = self.jax.nn.relu(x) if index < 2 else x
            return -self.jnp.take_along_axis(self.jax.nn.log_softmax(x), labels[:, None], 1).mean()

        def step(parameters, x, labels):
            gradient = self.jax.grad(loss)(parameters, x, labels)
            return self.jax.tree.map(lambda p, g: p - 0.01 * g, parameters, gradient)
        return self.changing(step, layers(), x, labels)

    def wide(self):
        def function(starts, factors):
            for _ in range(4):
                starts = [start @ factor for start, factor in zip(starts, factors)]
            return starts
        return self.of(function, spread((8, 256, 256)), spread((8, 256, 256), 0.414213562373095) * np.float32(0.1))

    def count(self):
        return self.changing(lambda count: count + 1, np.zeros((), np.float32))


class Torch:
    def __init__(self):
        import torch

        torch.set_num_threads(os.cpu_count())
        self.torch = torch
        self.name = f"PyTorch {torch.__version__.split('+')[0]}"

    def leaf(self, array):
        return self.torch.tensor(array, requires_grad=True)

    def linreg(self, rows, dtype):
        x, d = map(self.torch.tensor, regression(rows, dtype))
        w = self.leaf(np.zeros((2, 1), dtype))

        def run():
            (gradient,) = self.torch.autograd.grad(((x @ w - d) ** 2).mean(), w)
            with self.torch.no_grad():
                w.sub_(gradient, alpha=RATE)
        return run

    def elementwise(self, count):
        steps = [0.618033988749895, 0.414213562373095, 0.732050807568877]
        a, b, c = [self.torch.tensor(spread(count, step)) for step in steps]
        a.requires_grad_()

        def run():
            y = ((a * b + c).tanh() * (-a * a).exp()).sum()
            return y, self.torch.autograd.grad(y, a)
        return run

    def chain(self, count):
        x, y = self.torch.tensor(spread(count)), self.torch.tensor(spread(count, 0.414213562373095))

        def run():
            z = x
            for _ in range(4):
                z = self.torch.maximum((z + y) * 0.75, x) * y + 0.125
            return z
        return run

    def softmax(self, rows, width):
        x = self.torch.tensor(spread((rows, width), low=-4, high=4))
        return lambda: x.softmax(-1)

    def adam(self, count):
        w = self.leaf(spread(count))
        w.grad = self.torch.tensor(spread(count, 0.414213562373095))
        return self.torch.optim.Adam([w], lr=RATE, fused=True).step

    def normalization(self, axis):
        x, dy, scale, offset = normalized()
        x, scale, offset, dy = self.leaf(x), self.leaf(scale), self.leaf(offset), self.torch.tensor(dy)
        functional = self.torch.nn.functional

        def run():
            if axis == 0:
                y = functional.batch_norm(x, None, None, scale, offset, training=True, eps=EPSILON)
            else:
                y = functional.layer_norm(x, (512,), scale, offset, EPSILON)
            return y, self.torch.autograd.grad(y, [x, scale, offset], dy)
        return run

    def gelu(self, count):
        x, dy = self.leaf(spread(count, low=-4, high=4)), self.torch.tensor(spread(count, 0.414213562373095))

        def run():
            y = self.torch.nn.functional.gelu(x)
            return y, self.torch.autograd.grad(y, x, dy)
        return run

    def mlp(self):
        (x, labels), (kernels, biases) = map(self.torch.tensor, batch()), layers()
        kernels, biases = [[self.leaf(array) for array in arrays] for arrays in (kernels, biases)]
        optimizer = self.torch.optim.SGD(kernels + biases, lr=0.01)

        def run():
            optimizer.zero_grad()
            value = x
            for index, (kernel, bias) in enumerate(zip(kernels, biases)):
                value = self.torch.addmm(bias, value, kernel)
                value = value.relu() if index < 2 else value
            loss = self.torch.nn.functional.cross_entropy(value, labels)
            loss.backward()
            optimizer.step()
            return loss.item()
        return run

    def wide(self):
        starts = self.torch.tensor(spread((8, 256, 256)))
        factors = self.torch.tensor(spread((8, 256, 256), 0.414213562373095)) * 0.1
        return lambda: multiplied(starts, factors)

    def count(self):
        count = self.torch.zeros(())
        return lambda: count.add_(1)


class TensorFlow:
    """The session of `tf.compat.v1`, by `make_callable`."""

    def __init__(self):
        import tensorflow

        tensorflow.compat.v1.disable_eager_execution()
        self.tf, self.v1 = tensorflow, tensorflow.compat.v1
        self.name = f"TF session {tensorflow.__version__}"

    def of(self, build, *arrays):
        """Runs what is built of placeholders for these arrays."""
        with self.tf.Graph().as_default():
            fed = [self.v1.placeholder(array.dtype, array.shape) for array in arrays]
            run = build(*fed)
            session = self.v1.Session()
            session.run(self.v1.global_variables_initializer())
            call = session.make_callable(run, fed)
        return lambda: call(*arrays)

    def kept(self, tensor):
        """The operation that leaves a tensor in a variable."""
        variable = self.v1.get_variable(f"kept_{tensor.op.name.replace('/', '_')}", tensor.shape, tensor.dtype)
        return variable.assign(tensor, read_value=False)

    def variable(self, name, value):
        return self.v1.get_variable(name, initializer=self.tf.constant(value))

    def linreg(self, rows, dtype):
        def build():
            x, d = map(self.tf.constant, regression(rows, dtype))
            w = self.variable("w", np.zeros((2, 1), dtype))
            loss = self.tf.reduce_mean((x @ w - d) ** 2)
            return self.v1.train.GradientDescentOptimizer(RATE).minimize(loss)
        return self.of(build)

    def elementwise(self, count):
        def build(a, b, c):
            y = self.tf.reduce_sum(self.tf.tanh(a * b + c) * self.tf.exp(-a * a))
            return y, self.kept(self.v1.gradients(y, a)[0])
        steps = [0.618033988749895, 0.414213562373095, 0.732050807568877]
        return self.of(build, *[spread(count, step) for step in steps])

    def chain(self, count):
        def build(x, y):
            z = x
            for _ in range(4):
                z = self.tf.maximum((z + y) * 0.75, x) * y + 0.125
            return self.kept(z)
        return self.of(build, spread(count), spread(count, 0.414213562373095))

    def softmax(self, rows, width):
        build = lambda x: self.kept(self.tf.nn.softmax(x))
        return self.of(build, spread((rows, width), low=-4, high=4))

    def adam(self, count):
        def build(g):
            w = self.variable("w", spread(count))
            return self.v1.train.AdamOptimizer(RATE).apply_gradients([(g, w)])
        return self.of(build, spread(count, 0.414213562373095))

    def normalization(self, axis):
        def build(x, dy, scale, offset):
            mean, variance = self.tf.nn.moments(x, [axis], keepdims=True)
            y = self.tf.nn.batch_normalization(x, mean, variance, offset, scale, EPSILON)
            return self.tf.group(*map(self.kept, [y, *self.v1.gradients(y, [x, scale, offset], dy)]))
        return self.of(build, *normalized())

    def gelu(self, count):
        def build(x, dy):
            y = self.tf.nn.gelu(x)
            return self.tf.group(*map(self.kept, [y, *self.v1.gradients(y, x, dy)]))
        return self.of(build, spread(count, low=-4, high=4), spread(count, 0.414213562373095))

    def mlp(self):
        def build(value, labels):
            for index, (kernel, bias) in enumerate(zip(*layers())):
                value = value @ self.variable(f"kernel_{index}", kernel) + self.variable(f"bias_{index}", bias)
                value = self.tf.nn.relu(value) if index < 2 else value
            losses = self.tf.nn.sparse_softmax_cross_entropy_with_logits(labels, value)
            loss = self.tf.reduce_mean(losses)
            return loss, self.v1.train.GradientDescentOptimizer(0.01).minimize(loss)
        return self.of(build, *batch())

    def wide(self):
        def build():
            starts, factors = spread((8, 256, 256)), spread((8, 256, 256), 0.414213562373095) * np.float32(0.1)
            products = []
            for chain, (start, factor) in enumerate(zip(starts, factors)):
                product, factor = self.variable(f"start_{chain}", start), self.variable(f"factor_{chain}", factor)
                for _ in range(4):
                    product = product @ factor
                products.append(self.kept(product))
            return self.tf.group(*products)
        return self.of(build)

    def count(self):
        build = lambda: self.variable("count", np.zeros((), np.float32)).assign_add(1, read_value=False)
        return self.of(build)


# What each row asks of a peer: the method, and with what.
ROWS = {
    "linreg_f64": ("linreg", 10_000, np.float64),
    "linreg_f32": ("linreg", 10_000, np.float32),
    "linreg_large": ("linreg", 4_000_000, np.float32),
    "elementwise": ("elementwise", 1_000_000),
    "chain": ("chain", 1_000_000),
    "chain_2000": ("chain", 2_000),
    "softmax_rows": ("softmax", 4096, 512),
    "softmax_narrow": ("softmax", 16_384, 10),
    "adam": ("adam", 784 * 256),
    "layer_norm": ("normalization", -1),
    "batch_norm": ("normalization", 0),
    "gelu": ("gelu", 1_000_000),
    "mlp_step": ("mlp",),
    "wide_graph": ("wide",),
    "call_overhead": ("count",),
    "call_16": ("chain", 16),
}


PEERS = {"numpy": NumPy, "jax": Jax, "torch": Torch, "tensorflow": TensorFlow}


def microseconds(run, most=0.1):
    """Of a run, in one turn."""
    start, runs = time.perf_counter(), 0
    while runs == 0 or time.perf_counter() - start < most:
        run()
        runs += 1
    return (time.perf_counter() - start) / runs * 1e6


def serve(name):
    """Says what the peer is called, then for each row that is asked for the microseconds of a turn, or that it has none."""
    peer, rows = PEERS[name](), {}
    print(peer.name, flush=True)
    for line in sys.stdin:
        row = line.strip()
        method, *given = ROWS[row]
        if not hasattr(peer, method):
            print("none", flush=True)
            continue
        if row not in rows:
            # What another row has in memory is in nobody's way.
            rows = {row: getattr(peer, method)(*given)}
            rows[row]()
        print(microseconds(rows[row]), flush=True)


class Peer:
    """A peer in a process of its own."""

    def __init__(self, name):
        command = [sys.executable, __file__, "--serve", name]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
        self.name = self.process.stdout.readline().strip()

    def turn(self, row):
        print(row, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().strip()
        return None if answer == "none" else float(answer)


def peers():
    found = [Peer(name) for name in PEERS if importlib.util.find_spec(name)]
    return [peer for peer in found if peer.name]


def rows_there():
    """The rows that the built table has."""
    help_text = subprocess.run([BENCH_TABLE, "--help"], check=True, capture_output=True, text=True).stdout
    return {word.strip(",[]:- ") for word in help_text.split()}


def our_turn(row):
    command = [BENCH_TABLE, "--rows", row, "--quick", "--json", "-"]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(output)["rows"][0]["ours_us"]


def digits(number):
    return f"{number:.3g}" if number < 1000 else f"{number:.0f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rows", type=lambda rows: rows.split(","), default=list(ROWS), help="comma-separated")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--serve", choices=PEERS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        return serve(arguments.serve)
    there, known = peers(), rows_there()
    print(f"µs a run, medians of {arguments.turns} turns, {os.cpu_count()} cores; × ours in brackets")
    print(f"{'':<15}{'flowgrad':>10}" + "".join(f"{peer.name:>24}" for peer in there), flush=True)
    for row in arguments.rows:
        if row not in known:
            print(f"{row}: bench_table has no such row")
            continue
        ours, times = [], [[] for _ in there]
        for _ in range(arguments.turns):
            ours.append(our_turn(row))
            for peer, found in zip(there, times):
                found.append(peer.turn(row))
        ours = statistics.median(ours)
        line = f"{row:<15}{digits(ours):>10}"
        for found in times:
            theirs = None if None in found else statistics.median(found)
            line += f"{'–' if theirs is None else f'{digits(theirs)} ({digits(theirs / ours)})':>24}"
        print(line, flush=True)


if __name__ == "__main__":
    main()
