"""Time an epoch of each network against the loop that the assignment itself uses.

The loops take turns in one process, so that a busy machine slows all of them, once with the pins
and once in a second process without them. Prints the median seconds of each and the ratio of the
medians; exits with status 1 if a ratio under the pins is above the limit.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise

import stages  # first, because it pins the numerics

# isort: split
import numpy as np
import torch
import torchvision
from tabulate import tabulate
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader

from stages.lib import datasets, fashion_mlp, numpy_network
from stages.lib.artifacts import Run
from stages.lib.params import load_params
from stages.train_fashion_mlp import make_optimizer
from stages.train_fashion_mlp import train_epoch as train_fashion_epoch
from stages.train_numpy_network import train_epoch as train_numpy_epoch

ROUNDS = 3
LIMIT = 0.6


def main() -> None:
    """Time the loops with the pins, then without them."""
    slow = [ratio > LIMIT for ratio in print_table("pinned")]
    environment = {key: value for key, value in os.environ.items() if key not in stages.PINS}
    # Where torch is imported before stages, nothing is pinned.
    code = "import torch, tools.benchmark; tools.benchmark.print_table('unpinned')"
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    sys.exit(any(slow))


def print_table(title: str) -> list[float]:
    """Time the loops and print the table; return the ratio of each network."""
    rows, ratios = [], []
    for name, ours, theirs in (
        ("fashion_mlp", *fashion_loops()),
        ("numpy_network", *numpy_loops()),
    ):
        seconds = [(timed(ours), timed(theirs)) for _ in range(ROUNDS)]
        here, there = (statistics.median(column) for column in zip(*seconds, strict=True))
        ratios.append(here / there)
        rows.append((name, f"{here:.2f}", f"{there:.2f}", f"{here / there:.2f}"))
    headers = (f"seconds an epoch, {title}", "here", "assignment's loop", "ratio")
    print(tabulate(rows, headers, tablefmt="github", disable_numparse=True), end="\n\n", flush=True)
    return ratios


def timed(loop: Callable[[], None]) -> float:
    """The seconds that one call takes."""
    start = time.perf_counter()
    loop()
    return time.perf_counter() - start


def fashion_loops() -> tuple[Callable[[], None], Callable[[], None]]:
    """An epoch of fashion_mlp from memory, and through DataLoader and ToTensor."""
    run = Run("fashion_mlp", "assignment")
    recipe = load_params().recipe(run)
    images, labels = datasets.load(run.dataset, "train")
    inputs, targets = fashion_mlp.to_input(images), torch.from_numpy(labels)
    network = fashion_mlp.FashionMLP([784, *recipe.hidden_sizes, 10])
    optimizer = make_optimizer(network, recipe)
    generator = torch.Generator()
    loader = DataLoader(
        torchvision.datasets.FashionMNIST("data", transform=torchvision.transforms.ToTensor()),
        batch_size=recipe.batch_size,
        shuffle=True,
    )

    sizes = [784, *recipe.hidden_sizes, 10]
    plain = nn.Sequential(
        *(nn.Sequential(nn.Linear(a, b), nn.ReLU()) for a, b in pairwise(sizes[:-1])),
        nn.Linear(*sizes[-2:]),
    )
    plain_optimizer = torch.optim.SGD(plain.parameters(), lr=recipe.learning_rate)

    def here() -> None:
        train_fashion_epoch(network, optimizer, inputs, targets, recipe.batch_size, generator)

    def assignment() -> None:
        total = 0.0
        for batch, classes in loader:
            loss = cross_entropy(plain(batch.flatten(1)), classes)
            plain_optimizer.zero_grad()
            loss.backward()
            plain_optimizer.step()
            total += loss.item()

    return here, assignment


def numpy_loops() -> tuple[Callable[[], None], Callable[[], None]]:
    """An epoch of numpy_network sample by sample, and one that allocates anew at every step."""
    run = Run("numpy_network", "assignment")
    recipe = load_params().recipe(run)
    images, labels = datasets.load(run.dataset, "train")
    inputs = numpy_network.to_input(images, recipe.scale_pixels)
    targets = np.eye(10, dtype=np.float32)[labels]
    network = numpy_network.NumpyNetwork([784, *recipe.hidden_sizes, 10])
    network.initialise(np.random.default_rng(recipe.seed))
    # The assignment's arrays are of numpy's default type.
    samples, one_hot = inputs.astype(np.float64), targets.astype(np.float64)
    weights = [weight.astype(np.float64) for weight in network.weights]
    biases = [bias.T.astype(np.float64) for bias in network.biases]

    def here() -> None:
        train_numpy_epoch(network, inputs, targets, recipe.batch_size, recipe.learning_rate)

    def sigmoid(z: np.ndarray) -> np.ndarray:
        power = np.exp(-np.abs(z))
        return np.where(z >= 0, 1 / (1 + power), power / (1 + power))

    def assignment() -> None:
        total = 0.0
        (w1, w2, w3), (b1, b2, b3) = weights, biases
        for sample, target in zip(samples, one_hot, strict=True):
            x, t = sample[:, np.newaxis], target[:, np.newaxis]
            a1 = sigmoid(w1 @ x + b1)
            a2 = sigmoid(w2 @ a1 + b2)
            z3 = w3 @ a2 + b3
            y = np.exp(z3 - z3.max()) / np.exp(z3 - z3.max()).sum()
            total -= np.log(np.sum(y * t) + 1e-12)
            d3 = y - t
            d2 = (w3.T @ d3) * a2 * (1 - a2)
            d1 = (w2.T @ d2) * a1 * (1 - a1)
            w3, b3 = w3 - recipe.learning_rate * (d3 @ a2.T), b3 - recipe.learning_rate * d3
            w2, b2 = w2 - recipe.learning_rate * (d2 @ a1.T), b2 - recipe.learning_rate * d2
            w1, b1 = w1 - recipe.learning_rate * (d1 @ x.T), b1 - recipe.learning_rate * d1

    return here, assignment


if __name__ == "__main__":
    main()
