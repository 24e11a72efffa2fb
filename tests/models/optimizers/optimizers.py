"""Makes optimizers.json: what PyTorch's optimizers make of a small model in 100 steps, in float64.

    python3 -m venv env && env/bin/pip install torch==2.15.0
    env/bin/python tests/models/optimizers/optimizers.py

This is the version (with Python 3.11, on a CPU) that made the committed file; another run on the same machine makes
the same file. A new optimizer or option is a `case` here and a row in `tests/models/optimizers/pytorch.rs`, which reads the
file without Python.

The model is a perceptron with one hidden layer, tanh(x·w1 + b1)·w2 + b2, the loss its mean squared error over all
rows, times the case's `scale`. The file holds the data, the parameters before the first step, and for each case the
parameters after steps 1, 2, 10 and 100. Numbers are in Python's shortest decimal form.

`clip_grad_norm_` adds 1e-6 to the norm, which flowgrad does not. Where it clips, the loss is scaled so that this is
less than 1e-10 of the norm, and the rates so that the steps are of the usual size.
"""

import json
import math
import pathlib

import torch
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.optim import SGD, Adagrad, Adam, AdamW, RMSprop
from torch.optim.lr_scheduler import CosineAnnealingLR, ExponentialLR, LinearLR, MultiStepLR, SequentialLR, StepLR

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

STEPS = (1, 2, 10, 100)
ROWS, INPUTS, HIDDEN, OUTPUTS = 6, 3, 4, 2
CASES = []


def spread(shape, start):
    """Numbers within 1 of 0 in no order: sines of the whole numbers from `start` on."""
    numbers = [math.sin(float(start + i)) for i in range(math.prod(shape))]
    return torch.tensor(numbers).reshape(shape)


X, TARGETS = spread((ROWS, INPUTS), 1), spread((ROWS, OUTPUTS), 100)
START = {
    "w1": spread((INPUTS, HIDDEN), 200),
    "b1": spread((HIDDEN,), 300),
    "w2": spread((HIDDEN, OUTPUTS), 400),
    "b2": spread((OUTPUTS,), 500),
}


def listed(tensors):
    return {name: tensor.tolist() for name, tensor in tensors.items()}


def case(name, optimizer, clip=lambda parameters: None, schedule=None, scale=1.0):
    """Adds a case: how to make the optimizer of the parameters, what to do to their gradients before each step,
    how to make the schedule of the optimizer."""
    model = {key: start.clone().requires_grad_() for key, start in START.items()}
    parameters = list(model.values())
    optimizer = optimizer(parameters)
    schedule = schedule and schedule(optimizer)
    after = {}
    for step in range(1, max(STEPS) + 1):
        optimizer.zero_grad()
        y = torch.tanh(X @ model["w1"] + model["b1"]) @ model["w2"] + model["b2"]
        (scale * torch.mean((y - TARGETS) ** 2)).backward()
        clip(parameters)
        optimizer.step()
        if schedule:
            schedule.step()
        if step in STEPS:
            after[step] = listed(model)
    CASES.append({"name": name, "scale": scale, "after": after})


def warm_up(optimizer, steps, then):
    """Rises from a quarter of the rate, then goes on with another schedule."""
    rise = LinearLR(optimizer, start_factor=0.25, end_factor=1.0, total_iters=steps)
    return SequentialLR(optimizer, [rise, then(optimizer)], milestones=[steps])


def clip_each(limit):
    def clip(parameters):
        for parameter in parameters:
            clip_grad_norm_([parameter], limit)

    return clip


case("sgd", lambda p: SGD(p, 0.1))
case("sgd, decay", lambda p: SGD(p, 0.1, weight_decay=0.05))
case("momentum", lambda p: SGD(p, 0.05, momentum=0.9))
case("momentum, decay", lambda p: SGD(p, 0.05, momentum=0.9, weight_decay=0.05))
case("nesterov", lambda p: SGD(p, 0.05, momentum=0.9, nesterov=True))
case("nesterov, decay", lambda p: SGD(p, 0.05, momentum=0.8, nesterov=True, weight_decay=0.05))
case("rms_prop", lambda p: RMSprop(p, 0.001))
case("rms_prop, alpha, epsilon", lambda p: RMSprop(p, 0.002, alpha=0.9, eps=0.01))
case("rms_prop, momentum", lambda p: RMSprop(p, 0.001, momentum=0.9))
case("rms_prop, centered", lambda p: RMSprop(p, 0.0005, alpha=0.95, eps=0.01, centered=True))
case(
    "rms_prop, all",
    lambda p: RMSprop(p, 0.0005, alpha=0.9, eps=0.01, centered=True, momentum=0.5, weight_decay=0.05),
)
case("adagrad", lambda p: Adagrad(p, 0.1))
case(
    "adagrad, all",
    lambda p: Adagrad(p, 0.1, initial_accumulator_value=0.1, eps=0.01, weight_decay=0.05),
)
case("adam", lambda p: Adam(p, 0.01))
case("adam, betas, epsilon", lambda p: Adam(p, 0.01, betas=(0.8, 0.95), eps=0.001))
case("adam, decay", lambda p: Adam(p, 0.01, weight_decay=0.05))
case("adam_w", lambda p: AdamW(p, 0.01))
case("adam_w, all", lambda p: AdamW(p, 0.005, betas=(0.7, 0.9), eps=0.001, weight_decay=0.5))
case("adam_w, no decay", lambda p: AdamW(p, 0.01, weight_decay=0.0))
case("value", lambda p: SGD(p, 0.2, momentum=0.5), lambda p: clip_grad_value_(p, 0.03))
case("norm", lambda p: SGD(p, 1e-7), clip_each(1e5), scale=1e6)
case("global norm", lambda p: SGD(p, 1e-7), lambda p: clip_grad_norm_(p, 1e5), scale=1e6)
case("global norm, decay", lambda p: AdamW(p, 0.02), lambda p: clip_grad_norm_(p, 1e5), scale=1e6)
case("exponential", lambda p: SGD(p, 0.2), schedule=lambda o: ExponentialLR(o, 0.95))
case("staircase", lambda p: SGD(p, 0.2, momentum=0.5), schedule=lambda o: StepLR(o, 30, 0.5))
case("piecewise", lambda p: Adagrad(p, 0.2), schedule=lambda o: MultiStepLR(o, [1, 9, 60], 0.5))
case("cosine", lambda p: Adam(p, 0.02), schedule=lambda o: CosineAnnealingLR(o, 100, 0.001))
case(
    "warm-up",
    lambda p: AdamW(p, 0.02, weight_decay=0.1),
    schedule=lambda o: warm_up(o, 20, lambda o: CosineAnnealingLR(o, 80)),
)
case("warm-up, exponential", lambda p: SGD(p, 0.2), schedule=lambda o: warm_up(o, 5, lambda o: ExponentialLR(o, 0.99)))

if __name__ == "__main__":
    problem = {"x": X.tolist(), "targets": TARGETS.tolist(), "start": listed(START)}
    lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in CASES)
    head = json.dumps(problem, separators=(",", ":"))
    text = f'{{"problem":{head},\n"cases":[\n{lines}\n]}}\n'
    pathlib.Path(__file__).with_name("optimizers.json").write_text(text)
    print(f"{len(CASES)} cases, {len(text)} bytes")
