"""Makes fixture.json: what JAX and TensorFlow say in float64 about conditionals and loops.

    python3 -m venv env && env/bin/pip install tensorflow==2.21.0 jax==0.10.2
    env/bin/python tests/control/generate.py

These are the versions (with Python 3.11) that made the committed file; another run on the same machine makes the same
file, as inputs come from a generator that is seeded by the case's name. A new case is a function here and one of the
same name in `tests/control/peers/cases.rs`, which builds the same in Rust. `tests/control/peers.rs` reads the file,
without Python.

The file holds one case a line: its name, what is special about it, who computed it, the inputs, the outputs, all of
float64, and for each output a cotangent; then, as far as the peer gives them, the vector-Jacobian products of all
float64 inputs (`vjp`), a direction for each of these, the gradient of sum(product * direction) by each of them (`hvp`),
and the derivatives of the outputs along the directions (`jvp`). Arrays are {dtype, shape, data}; data are the elements
in row-major order in Python's shortest decimal form, which gives back the same bits.

JAX has no gradient of a `while_loop`, but derivatives along a direction; the gradients are TensorFlow's, from
`tf.gradients` and `while_loop` in a session of `tf.compat.v1`.
"""

import json
import os
import pathlib
import sys
import zlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import jax
import jax.numpy as jnp
import numpy as np
import tensorflow.compat.v1 as tf
from jax import lax

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "common"))
from cases import encoded, tuple_of

jax.config.update("jax_enable_x64", True)
tf.disable_eager_execution()
tf.enable_control_flow_v2()

CASES = []


def drawn(name, shapes):
    """Numbers between -1 and 1."""
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    return [generator.uniform(-1.0, 1.0, shape) for shape in shapes]


class Case:
    """Inputs, cotangents of outputs and directions of inputs, and what a peer made of them."""

    def __init__(self, peer, function, inputs, about):
        name = function.__name__
        self.entry = {"name": name, "about": about, "peer": peer}
        self.inputs = [np.asarray(x) for x in inputs]
        self.floats = [i for i, x in enumerate(self.inputs) if x.dtype == np.float64]
        self.directions = drawn(name + "/directions", [self.inputs[i].shape for i in self.floats])
        self.put("inputs", self.inputs)
        self.put("directions", self.directions)

    def put(self, part, arrays):
        self.entry[part] = [encoded(x) for x in arrays]

    def outputs(self, outputs):
        self.put("outputs", outputs)
        self.cotangents = drawn(self.entry["name"] + "/cotangents", [np.shape(y) for y in outputs])
        self.put("cotangents", self.cotangents)

    def add(self):
        CASES.append(self.entry)


def by_jax(function, *inputs, gradients=True, about=""):
    """Adds a case; without gradients, only derivatives along the directions."""
    case = Case("JAX", function, inputs, about)

    def compute(*floats):
        full = list(map(jnp.asarray, case.inputs))
        for i, x in zip(case.floats, floats):
            full[i] = x
        return tuple_of(function(*full))

    xs = tuple(jnp.asarray(case.inputs[i]) for i in case.floats)
    along = tuple(map(jnp.asarray, case.directions))
    outputs, tangents = jax.jvp(compute, xs, along)
    case.outputs(outputs)
    case.put("jvp", tangents)
    if gradients:
        weights = tuple(map(jnp.asarray, case.cotangents))
        pull = lambda *xs: jax.vjp(compute, *xs)[1](weights)
        products, _ = pull(*xs), None
        weighted = lambda *xs: sum(jnp.vdot(v, d) for v, d in zip(pull(*xs), along))
        case.put("vjp", products)
        case.put("hvp", jax.grad(weighted, tuple(range(len(xs))))(*xs))
    case.add()


def by_tensorflow(function, *inputs, about=""):
    """Adds a case."""
    case = Case("TensorFlow", function, inputs, about)
    with tf.Graph().as_default(), tf.Session() as session:
        full = [tf.placeholder(x.dtype, x.shape) for x in case.inputs]
        feeds = dict(zip(full, case.inputs))
        ys = tuple_of(function(*full))
        xs = [full[i] for i in case.floats]
        # All is built before anything runs, for a gradient adds outputs to loops and branches.
        zeros = lambda found: [tf.zeros_like(x) if d is None else d for x, d in zip(xs, found)]
        weights = [tf.placeholder(y.dtype, y.shape) for y in ys]
        first = zeros(tf.gradients(ys, xs, weights))
        weighted = tf.add_n([tf.reduce_sum(v * d) for v, d in zip(first, case.directions)])
        hvp = zeros(tf.gradients(weighted, xs))
        case.outputs(session.run(ys, feeds))
        feeds |= dict(zip(weights, case.cotangents))
        case.put("vjp", session.run(first, feeds))
        case.put("hvp", session.run(hvp, feeds))
    case.add()


# Conditionals.


def cond(p, x, w):
    """The input w is used in one branch alone."""
    return lax.cond(p, lambda: jnp.sin(x) * w, lambda: jnp.exp(x) * 2.0)


def cond_of_values(x, w):
    return lax.cond(jnp.sum(x) > 0.1, lambda: (x * w, jnp.sum(x)), lambda: (jnp.cos(w), jnp.prod(x)))


def switch(k, x, w):
    return lax.switch(k, [lambda: x * w, lambda: jnp.tanh(x) + w, lambda: jnp.exp(x - w)])


def switch_out_of_range(k, x, w):
    return tf.switch_case(tf.cast(k, tf.int32), [lambda: x * w, lambda: tf.tanh(x) + w, lambda: tf.exp(x - w)])


def cond_in_cond(p, q, x, w):
    inner = lambda: lax.cond(q, lambda: x * x * w, lambda: jnp.sin(w))
    return lax.cond(p, inner, lambda: x - w)


# Scans.


def scan(xs, h, w):
    def step(h, x):
        h = jnp.tanh(h @ w + x)
        return h, h * x
    return lax.scan(step, h, xs)


def scan_in_reverse(xs, h, w):
    def step(h, x):
        h = jnp.sin(h * w + x)
        return h, jnp.exp(h)
    return lax.scan(step, h, xs, reverse=True)


def scan_of_nothing(xs, h, w):
    def step(h, x):
        return h * w + x, h
    last, stacked = lax.scan(step, h, xs)
    return last, jnp.sum(stacked) + jnp.sum(w)


def scan_of_structures(xs, us, a, b, c):
    def step(state, row):
        (a, (b, c)), (x, u) = state, row
        a, b, c = b * u + x, jnp.sin(c) + a * u, a
        return (a, (b, c)), (a * c, jnp.sum(b))
    (a, (b, c)), (products, sums) = lax.scan(step, (a, (b, c)), (xs, us))
    return a, b, c, products, sums


def scan_in_scan(xs, us, h):
    def outer(h, x):
        def inner(h, u):
            h = jnp.sin(h * u + x)
            return h, h * x
        h, stacked = lax.scan(inner, h, us)
        return h * 1.5, stacked
    return lax.scan(outer, h, xs)


def scan_in_cond(p, xs, h, w):
    def scanned():
        return lax.scan(lambda h, x: (jnp.tanh(h * w + x), h), h, xs)
    return lax.cond(p, scanned, lambda: (h * h, xs * w))


def cond_in_scan(xs, h, w):
    def step(h, x):
        h = lax.cond(jnp.sum(x) > 0.0, lambda: jnp.sin(h * w), lambda: h + x)
        return h, h * h
    return lax.scan(step, h, xs)


def long_scan(xs, h, w):
    def step(h, x):
        h = jnp.tanh(h * w + x)
        return h, jnp.sum(h)
    last, sums = lax.scan(step, h, xs)
    return last, jnp.mean(sums)


def scan_with_checkpoints(xs, h, w):
    def block(h, xs):
        return lax.scan(lambda h, x: (jnp.tanh(h * w + x), h * x), h, xs)
    h, stacked = lax.scan(jax.checkpoint(block), h, xs.reshape(3, 3, -1))
    return h, stacked.reshape(9, -1)


def descent(xs, w):
    """Each step takes a gradient."""
    loss = lambda w, x: jnp.sum(jnp.tanh(w * x) ** 2) + 0.1 * jnp.sum(w**4)
    return lax.scan(lambda w, x: (w - 0.3 * jax.grad(loss)(w, x), loss(w, x)), w, xs)


def fold(xs, h, w):
    return lax.scan(lambda h, x: (h * jnp.cos(x) + w, None), h, xs)[0]


def map_rows(xs, w):
    return lax.map(lambda x: (jnp.sum(jnp.sin(x) * w), x * w), xs)


def map_in_scan(xs, us, h):
    def step(h, x):
        h = jnp.tanh(h + jnp.sum(lax.map(lambda u: u * jnp.sin(x * u), us)))
        return h, h * x
    return lax.scan(step, h, xs)


def times(x, w):
    return lax.fori_loop(0, 7, lambda i, x: jnp.sin(x * w) + 0.1 * i, x)


def times_of_switches(x, w):
    branches = [lambda x: x * w, lambda x: jnp.sin(x) + w, lambda x: x - w * x]
    return lax.fori_loop(0, 5, lambda i, x: lax.switch(i % 3, branches, x), x)


def third_derivative(x, w):
    y = lambda x: lax.fori_loop(0, 3, lambda _, x: jnp.sin(x * w) + x * x * 0.3, x)
    return jax.grad(jax.grad(jax.grad(y)))(x)


def hessian_of_scan(h, xs):
    y = lambda h: jnp.sum(lax.scan(lambda h, x: (jnp.sin(h * x) + 0.2 * h * jnp.sum(h), None), h, xs)[0])
    return jax.hessian(y)(h)


# Loops of as many iterations as the numbers ask for, by JAX.


def while_of_root(a):
    def goes_on(state):
        x, before = state
        return jnp.abs(x - before) > 1e-12
    return lax.while_loop(goes_on, lambda state: ((state[0] + a / state[0]) * 0.5, state[0]), (a, a + 1.0))[0]


def while_of_types(n, x, w):
    """A state of floats, an integer and a boolean."""
    def step(state):
        i, up, x = state
        return i + 1, ~up, jnp.where(up, x * w + 0.1 * i, jnp.sin(x))
    i, _, x = lax.while_loop(lambda state: state[0] < n, step, (jnp.int64(0), True, x))
    return x, i * 1.0


# And by TensorFlow, in a session.


def while_loop(x, w):
    """The number of iterations depends on the numbers."""
    goes_on = lambda x, i: tf.reduce_sum(x * x) < 20.0
    x, i = tf.while_loop(goes_on, lambda x, i: (x * 1.3 + tf.sin(x * w), i + 1.0), (x, tf.constant(0.0, tf.float64)))
    return x, i


def while_without_end(x, w):
    """Ended by the greatest number of iterations."""
    return tf.while_loop(lambda x: True, lambda x: tf.sin(x * w), (x,), maximum_iterations=4)


def while_never(x, w):
    return tf.while_loop(lambda x: tf.reduce_sum(x) > 1e3, lambda x: x * w, (x,))


def while_of_three(x, y, w):
    """States that take turns."""
    step = lambda i, a, b, c: (i + 1, b, tf.sin(c) + a, a * w)
    goes_on = lambda i, a, b, c: i < 5
    return tf.while_loop(goes_on, step, (tf.constant(0, tf.int64), x, y, x * y))[1:]


def while_of_matrices(x, w):
    step = lambda i, x: (i + 1, tf.tanh(tf.matmul(x, w)) + x * 0.5)
    return tf.while_loop(lambda i, x: i < 4, step, (0, x))[1]


def while_in_while(x, w):
    """The inner loop runs once, then twice, then three times."""
    def outer(i, x):
        inner = lambda j, x: (j + 1, tf.sin(x * w) + x * 0.5)
        return i + 1, tf.while_loop(lambda j, x: j <= i, inner, (0, x))[1] * w
    return tf.while_loop(lambda i, x: i < 3, outer, (0, x))[1]


def cond_in_while(x, w):
    def step(i, x):
        return i + 1, tf.cond(tf.reduce_sum(x) > 0.0, lambda: tf.sin(x) - w, lambda: x * w + 0.5)
    return tf.while_loop(lambda i, x: i < 6, step, (0, x))[1]


def while_in_cond(p, x, w):
    looped = lambda: tf.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, tf.sin(x * w)), (0, x))[1]
    return tf.cond(p, looped, lambda: x * 2.0)


def while_in_scan(xs, h, w):
    def step(h, x):
        halved = lambda h: (h * 0.5 + 0.1 * x * w,)
        return tf.while_loop(lambda h: tf.reduce_sum(h * h) > 0.3, halved, (h + x,))
    return tf.scan(step, xs, h)


def lorenz(parameters, state):
    """Two hundred steps."""
    def slope(s):
        x, y, z = tf.unstack(s)
        sigma, rho, beta = tf.unstack(parameters)
        return tf.stack([sigma * (y - x), x * (rho - z) - y, x * y - beta * z])

    def step(i, s, total):
        first = slope(s)
        second = slope(s + first * 0.005)
        third = slope(s + second * 0.005)
        fourth = slope(s + third * 0.01)
        s = s + (first + (second + third) * 2.0 + fourth) * (0.01 / 6.0)
        return i + 1, s, total + tf.reduce_sum(s * s)

    start = (0, state, tf.constant(0.0, tf.float64))
    return tf.while_loop(lambda i, s, total: i < 200, step, start)[2] / 200.0


def conditionals():
    for p in [True, False]:
        by_jax(cond, p, *drawn("cond", [3, 3]), about=f"{p}")
        by_jax(scan_in_cond, p, *drawn("scan_in_cond", [(4, 2), 2, 2]), about=f"{p}")
        by_tensorflow(while_in_cond, p, *drawn("while_in_cond", [3, 3]), about=f"{p}")
        for q in [True, False]:
            by_jax(cond_in_cond, p, q, *drawn("cond_in_cond", [2, 2]), about=f"{p}, {q}")
    by_jax(cond_of_values, np.array([0.3, 0.4]), np.array([-0.7, 0.2]), about="then")
    by_jax(cond_of_values, np.array([-0.3, 0.2]), np.array([-0.7, 0.2]), about="else")
    for k in [0, 1, 2]:
        by_jax(switch, k, *drawn("switch", [3, 3]), about=f"{k}")
    # Where JAX takes the nearest index, TensorFlow takes the last.
    for k in [-1, 0, 3, 100]:
        by_tensorflow(switch_out_of_range, k, *drawn("switch_out_of_range", [3, 3]), about=f"{k}")


def scans():
    by_jax(scan, *drawn("scan", [(5, 3), 3, (3, 3)]))
    by_jax(scan_in_reverse, *drawn("scan_in_reverse", [(4, 2), 2, 2]))
    by_jax(scan_of_nothing, *drawn("scan_of_nothing", [(0, 2), 2, 2]))
    by_jax(scan_of_structures, *drawn("scan_of_structures", [(4, 2), (4,), 2, 2, 2]))
    by_jax(scan_in_scan, *drawn("scan_in_scan", [(3, 2), (4, 2), 2]))
    by_jax(cond_in_scan, *drawn("cond_in_scan", [(6, 2), 2, 2]))
    by_jax(long_scan, *drawn("long_scan", [(300, 2), 2, 2]))
    by_jax(scan_with_checkpoints, *drawn("scan_with_checkpoints", [(9, 2), 2, 2]))
    by_jax(descent, *drawn("descent", [(4, 3), 3]))
    by_jax(fold, *drawn("fold", [(5, 2), 2, 2]))
    by_jax(map_rows, *drawn("map_rows", [(4, 3), 3]))
    by_jax(map_in_scan, *drawn("map_in_scan", [(3, 2), (2, 2), 2]))
    by_jax(times, *drawn("times", [3, 3]))
    by_jax(times_of_switches, *drawn("times_of_switches", [2, 2]))
    by_jax(third_derivative, *drawn("third_derivative", [(), ()]))
    by_jax(hessian_of_scan, *drawn("hessian_of_scan", [3, (4, 3)]))


def loops():
    for a in [2.0, 0.3, 1e6]:
        by_jax(while_of_root, np.float64(a), gradients=False, about=f"{a}")
    for n in [0, 5]:
        by_jax(while_of_types, n, *drawn("while_of_types", [2, 2]), gradients=False, about=f"{n}")
    by_tensorflow(while_loop, np.array([0.3, -0.2]), np.array([0.8, 0.5]), about="short")
    by_tensorflow(while_loop, np.array([0.003, -0.002]), np.array([0.8, 0.5]), about="long")
    by_tensorflow(while_without_end, *drawn("while_without_end", [2, 2]))
    by_tensorflow(while_never, *drawn("while_never", [3, 3]))
    by_tensorflow(while_of_three, *drawn("while_of_three", [2, 2, 2]))
    by_tensorflow(while_of_matrices, *drawn("while_of_matrices", [(2, 3), (3, 3)]))
    by_tensorflow(while_in_while, *drawn("while_in_while", [2, 2]))
    by_tensorflow(cond_in_while, *drawn("cond_in_while", [2, 2]))
    by_tensorflow(while_in_scan, *drawn("while_in_scan", [(4, 2), 2, 2]))
    by_tensorflow(lorenz, np.array([10.0, 28.0, 8.0 / 3.0]), np.array([1.0, 1.0, 1.0]))


def main():
    conditionals()
    scans()
    loops()
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in CASES)
    path = pathlib.Path(__file__).with_name("fixture.json")
    path.write_text(f"[\n{lines}\n]\n")
    print(f"{len(CASES)} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
