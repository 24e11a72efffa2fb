"""Times an epoch of `mlp_digits` and `cnn_digits` beside PyTorch's eager mode on the CPU, with the same layers, optimizer,
batches, and measuring of the test rows after each epoch.

    python3 -m venv env && env/bin/pip install torch --index-url https://download.pytorch.org/whl/cpu
    cargo build --release --example mlp_digits --example cnn_digits
    env/bin/python benches/peers/epochs.py

Both take turns, with as many threads as there are cores; the ratio is of the medians. The first epoch of each turn, in
which things are compiled, planned or allocated, is left out.
"""

import argparse
import gzip
import json
import os
import pathlib
import statistics
import subprocess
import time

import torch
from torch import nn

ROOT = pathlib.Path(__file__).resolve().parents[2]
BATCH = 32


def digits():
    with gzip.open(ROOT / "examples/data/digits.csv.gz", "rt") as file:
        rows = torch.tensor([[float(x) for x in line.split(",")] for line in file])
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))
    rows = rows[order]
    return rows[:, :64] / 16, rows[:, 64].long()


def mlp():
    return nn.Sequential(
        nn.Linear(64, 256), nn.ReLU(), nn.Dropout(0.3),
        nn.Linear(256, 128), nn.ReLU(), nn.Dropout(0.3),
        nn.Linear(128, 10),
    )


def cnn():
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.4),
        nn.Linear(4 * 4 * 64, 128), nn.ReLU(), nn.Dropout(0.4),
        nn.Linear(128, 10),
    )


def torch_turn(model, epochs):
    """Seconds of each epoch but the first."""
    x, y = digits()
    train, test = (x[:1438], y[:1438]), (x[1438:], y[1438:])
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * -(-1438 // BATCH))
    entropy = nn.CrossEntropyLoss()
    seconds = []
    for _ in range(epochs):
        start = time.perf_counter()
        model.train()
        order, loss_sum, right = torch.randperm(1438), 0.0, 0
        for rows in order.split(BATCH):
            optimizer.zero_grad()
            logits = model(train[0][rows])
            loss = entropy(logits, train[1][rows])
            loss.backward()
            optimizer.step()
            schedule.step()
            loss_sum += loss.item() * len(rows)
            right += (logits.argmax(-1) == train[1][rows]).sum().item()
        model.eval()
        with torch.no_grad():
            for rows in torch.arange(len(test[1])).split(BATCH):
                logits = model(test[0][rows])
                loss_sum += entropy(logits, test[1][rows]).item()
                right += (logits.argmax(-1) == test[1][rows]).sum().item()
        seconds.append(time.perf_counter() - start)
    return seconds[1:]


def our_turn(example, epochs):
    """Seconds of an epoch: what more epochs take longer than one."""
    def seconds(epochs):
        command = [ROOT / "target/release/examples" / example, "--epochs", str(epochs), "--json", "-"]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return json.loads(output)["seconds"]
    return [(seconds(epochs) - seconds(1)) / (epochs - 1)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--epochs", type=int, default=6, help="epochs of a turn")
    parser.add_argument("--turns", type=int, default=7)
    arguments = parser.parse_args()
    torch.set_num_threads(os.cpu_count())
    print(f"PyTorch {torch.__version__}, {os.cpu_count()} threads, medians of {arguments.turns} turns")
    for example, model in [("mlp_digits", mlp), ("cnn_digits", cnn)]:
        ours, theirs = [], []
        for _ in range(arguments.turns):
            ours += our_turn(example, arguments.epochs)
            theirs.append(statistics.median(torch_turn(model(), arguments.epochs)))
        ours, theirs = statistics.median(ours) * 1e3, statistics.median(theirs) * 1e3
        print(f"{example}: {ours:.1f} ms an epoch, PyTorch {theirs:.1f} ms: ratio {ours / theirs:.2f}")


if __name__ == "__main__":
    main()
