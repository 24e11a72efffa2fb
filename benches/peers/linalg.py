"""Times factorizations, with the gradient of a weighted sum of all that they give, beside PyTorch's on the CPU: one matrix
of 256×256, and 1,000 of 8×8, in float64.

    python3 -m venv env && env/bin/pip install torch --index-url https://download.pytorch.org/whl/cpu
    cargo bench --no-run --features linalg --bench linalg
    env/bin/python benches/peers/linalg.py

Both take turns, with as many threads as there are cores, or PyTorch with one where that is faster; a time is the median of
the turns, of each of which the fastest call counts, and the ratio is of ours to PyTorch's. What happens at the first call is
left out on both sides.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import time

import torch

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHAPES = {"large": (256, 256), "small": (1000, 8, 8)}
TURN = 0.2


def sines(shape, step):
    """The numbers of `benches/linalg.rs`: element k is sin(step·k²)."""
    k = torch.arange(1, torch.Size(shape).numel() + 1, dtype=torch.float64)
    return torch.sin(step * k * k).reshape(shape)


def any_matrix(shape):
    return sines(shape, 1.0)


def positive_definite(shape):
    a = sines(shape, 1.0)
    return a @ a.mT / shape[-1] + torch.eye(shape[-1], dtype=torch.float64)


def lu(a):
    return (torch.linalg.lu_factor(a).LU,)


def solve(a):
    return (torch.linalg.solve(a, sines((*a.shape[:-1], 1), 1.0)),)


def solve_many(a):
    return (torch.linalg.solve(a, sines(a.shape, 1.0)),)


CASES = {
    "cholesky": (positive_definite, lambda a: (torch.linalg.cholesky(a),)),
    "lu": (any_matrix, lu),
    "solve": (any_matrix, solve),
    "solve_many": (any_matrix, solve_many),
    "qr": (any_matrix, torch.linalg.qr),
    "eigh": (any_matrix, torch.linalg.eigh),
    "svd": (any_matrix, lambda a: torch.linalg.svd(a, full_matrices=False)),
}


def torch_call(case, shape):
    inputs, of = CASES[case]
    a = inputs(shape).requires_grad_()
    with torch.no_grad():
        weights = [sines(part.shape, 2.0 + index) for index, part in enumerate(of(a))]

    def call():
        a.grad = None
        loss = sum((part * weight).sum() for part, weight in zip(of(a), weights))
        loss.backward()
        return loss, a.grad
    return call


def best_threads(call, most):
    """With how many threads PyTorch is faster: where other work has a core, threads that wait for each other lose."""
    def turn(threads):
        torch.set_num_threads(threads)
        call()
        return torch_turn(call)
    return min({1, most}, key=turn)


def torch_turn(call):
    """The time of the fastest call in a turn, in nanoseconds, which other work on the machine disturbs least."""
    start, times = time.perf_counter_ns(), []
    while not times or time.perf_counter_ns() - start < TURN * 1e9:
        begin = time.perf_counter_ns()
        call()
        times.append(time.perf_counter_ns() - begin)
    return min(times)


class Ours:
    """The bench, which answers to cases."""

    def __init__(self, threads):
        command = ["cargo", "bench", "--no-run", "--features", "linalg", "--bench", "linalg", "--message-format", "json"]
        built = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        programs = [json.loads(line).get("executable") for line in built.splitlines()]
        (program,) = [found for found in programs if found]
        command = [program, "--serve", "--threads", str(threads)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def turn(self, name):
        self.process.stdin.write(name + "\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("only", nargs="?", default="", help="only cases that have this in their names")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--threads", type=int, default=0, help="of both; 0 is one for each core")
    arguments = parser.parse_args()
    most = arguments.threads or torch.get_num_threads()
    ours = Ours(arguments.threads)
    print(f"PyTorch {torch.__version__}, {most} threads, medians of {arguments.turns} turns")
    print(f"{'':20} {'ours, us':>12} {'PyTorch, us':>12} {'its threads':>12} {'ratio':>7}")
    for size, shape in SHAPES.items():
        for case in CASES:
            name = f"{case}/{size}"
            if arguments.only not in name:
                continue
            call = torch_call(case, shape)
            threads = best_threads(call, most)
            torch.set_num_threads(threads)
            times = [(ours.turn(name), torch_turn(call)) for _ in range(arguments.turns)]
            own, peer = (statistics.median(side) for side in zip(*times))
            print(f"{name:20} {own / 1e3:12.1f} {peer / 1e3:12.1f} {threads:12} {own / peer:7.2f}", flush=True)


if __name__ == "__main__":
    main()
