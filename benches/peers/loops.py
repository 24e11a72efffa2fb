"""Times gradients through loops beside JAX's `lax.scan` under `jit` on the CPU, and PyTorch's eager mode where it is
asked for: the rows `lorenz` and `gru` of `bench_table`, as far as it has them.

    python3 -m venv env && env/bin/pip install jax==0.10.2
    env/bin/pip install torch --index-url https://download.pytorch.org/whl/cpu  # for --torch
    cargo build --release --example bench_table
    env/bin/python benches/peers/loops.py

All take turns; a time is the median of the turns, and the ratio says how many of our steps take as long as one of the
peer's. We run on one thread. What is compiled at the first call is left out on all sides. Of JAX's loops the one is
taken that is fastest with so many iterations written out in each (`unroll`).
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import time

import jax
import jax.numpy as jnp
from jax import lax

jax.config.update("jax_enable_x64", True)

ROOT = pathlib.Path(__file__).resolve().parents[2]
BENCH_TABLE = ROOT / "target/release/examples/bench_table"
UNROLLED = [1, 10]

LORENZ_STEPS = 1000
STEP = 0.01
PARAMETERS = [10.0, 28.0, 8.0 / 3.0]
START = [1.0, 1.0, 1.0]

GRU_STEPS, BATCH, INPUTS, UNITS = 200, 16, 32, 32


def slope(state, parameters):
    (x, y, z), (sigma, rho, beta) = state, parameters
    return [sigma * (y - x), x * (rho - z) - y, x * y - beta * z]


def moved(state, by, time):
    return [x + dx * time for x, dx in zip(state, by)]


def lorenz_step(state, parameters):
    """A step by the classical Runge-Kutta method."""
    first = slope(state, parameters)
    second = slope(moved(state, first, STEP / 2), parameters)
    third = slope(moved(state, second, STEP / 2), parameters)
    fourth = slope(moved(state, third, STEP), parameters)
    middle = [(b + c) * 2 for b, c in zip(second, third)]
    return [x + (a + m + d) * (STEP / 6) for x, a, m, d in zip(state, first, middle, fourth)]


def jax_lorenz(unroll):
    """The mean square of the states, with its gradients by parameters and by the first state."""
    def loss(parameters, start):
        def step(carried, _):
            state, total = carried
            state = lorenz_step(state, parameters)
            return (state, total + sum(x * x for x in state)), None
        first = (start, jnp.float64(0.0))
        (_, total), _ = lax.scan(step, first, None, length=LORENZ_STEPS, unroll=unroll)
        return total / LORENZ_STEPS
    gradient = jax.jit(jax.value_and_grad(loss, (0, 1)))
    arguments = [[jnp.float64(x) for x in numbers] for numbers in (PARAMETERS, START)]
    return lambda: jax.block_until_ready(gradient(*arguments))


def jax_gru(unroll):
    """The mean square of the states in float32, with its gradients by all weights; the inputs' products are one."""
    def loss(kernel, recurrent, bias, recurrent_bias, xs):
        inputs = xs @ kernel + bias

        def step(h, x):
            of_state = h @ recurrent
            z = jax.nn.sigmoid(x[:, :UNITS] + of_state[:, :UNITS])
            r = jax.nn.sigmoid(x[:, UNITS : 2 * UNITS] + of_state[:, UNITS : 2 * UNITS])
            new = jnp.tanh(x[:, 2 * UNITS :] + r * (of_state[:, 2 * UNITS :] + recurrent_bias))
            h = z * h + (1 - z) * new
            return h, h
        start = jnp.zeros((BATCH, UNITS), jnp.float32)
        return jnp.mean(lax.scan(step, start, inputs, unroll=unroll)[1] ** 2)
    keys = jax.random.split(jax.random.key(0), 5)
    shapes = [(INPUTS, 3 * UNITS), (UNITS, 3 * UNITS), (3 * UNITS,), (UNITS,), (GRU_STEPS, BATCH, INPUTS)]
    arguments = [jax.random.normal(key, shape, jnp.float32) * 0.2 for key, shape in zip(keys, shapes)]
    gradient = jax.jit(jax.value_and_grad(loss, (0, 1, 2, 3)))
    return lambda: jax.block_until_ready(gradient(*arguments))


def torch_lorenz():
    import torch

    def run():
        numbers = PARAMETERS + START
        leaves = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in numbers]
        parameters, state = leaves[:3], leaves[3:]
        total = torch.tensor(0.0, dtype=torch.float64)
        for _ in range(LORENZ_STEPS):
            state = lorenz_step(state, parameters)
            total = total + sum(x * x for x in state)
        return torch.autograd.grad(total / LORENZ_STEPS, leaves)
    return run


def torch_gru():
    import torch

    torch.manual_seed(0)
    layer, xs = torch.nn.GRU(INPUTS, UNITS), torch.randn(GRU_STEPS, BATCH, INPUTS) * 0.2

    def run():
        return torch.autograd.grad((layer(xs)[0] ** 2).mean(), list(layer.parameters()))
    return run


def nanoseconds(run, steps, most=0.3):
    """Of a step, in one turn."""
    start, runs = time.perf_counter(), 0
    while runs == 0 or time.perf_counter() - start < most:
        run()
        runs += 1
    return (time.perf_counter() - start) / runs / steps * 1e9


def rows_there():
    """The rows that the built table has."""
    help_text = subprocess.run([BENCH_TABLE, "--help"], check=True, capture_output=True, text=True).stdout
    return {word.strip(",[]:- ") for word in help_text.split()}


def our_turn(row, steps):
    command = [BENCH_TABLE, "--rows", row, "--quick", "--json", "-"]
    output = subprocess.run(command, capture_output=True, text=True).stdout
    (line,) = json.loads(output)["rows"]
    a_step = line["ours_us"] if line["unit"].endswith("a step") else line["ours_us"] / steps
    return a_step * 1e3


def measured(row, steps, peers, turns):
    """Prints the times of a step."""
    for run in peers.values():
        run()
    times = {name: [] for name in ["flowgrad", *peers]}
    for _ in range(turns):
        times["flowgrad"].append(our_turn(row, steps))
        for name, run in peers.items():
            times[name].append(nanoseconds(run, steps))
    times = {name: statistics.median(found) for name, found in times.items()}
    ours = times.pop("flowgrad")
    print(f"{row}: {ours:.0f} ns a step of {steps}, with the gradient")
    best = min((name for name in times if name.startswith("JAX")), key=times.get)
    for name, found in times.items():
        mark = ", its best" if name == best else ""
        print(f"    {name}: {found:.0f} ns{mark}: {found / ours:.1f} times as long")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--torch", action="store_true", help="time PyTorch's eager mode too")
    arguments = parser.parse_args()
    print(f"JAX {jax.__version__}, medians of {arguments.turns} turns")
    there = rows_there()
    rows = [("lorenz", LORENZ_STEPS, jax_lorenz, torch_lorenz), ("gru", GRU_STEPS, jax_gru, torch_gru)]
    for row, steps, by_jax, by_torch in rows:
        if row not in there:
            print(f"{row}: bench_table has no such row")
            continue
        peers = {f"JAX, unroll={unroll}": by_jax(unroll) for unroll in UNROLLED}
        if arguments.torch:
            peers["PyTorch"] = by_torch()
        measured(row, steps, peers, arguments.turns)


if __name__ == "__main__":
    main()
