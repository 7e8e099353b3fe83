"""Time an epoch of each network, ours and in other loops; write a report."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

from stages.core import datasets
from stages.core.files import replacing
from stages.core.metrics import loss_and_accuracy
from stages.core.networks import inference_of, load_recipe, load_runs, training_of
from stages.core.paths import Run
from stages.networks.fashion_mlp.inference import to_input
from stages.networks.fashion_mlp.linear import product
from tools.verify import circumstances, environment

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision.datasets import FashionMNIST
from torchvision.transforms import ToTensor

REPORT = Path("reports/benchmark.md")
ROUNDS = 7


def ours(run: Run) -> Iterator[None]:
    """Compute epochs as the stage `train` does, after the metrics of the untrained network."""
    training, inference = training_of(run.network), inference_of(run.network)
    recipe = load_recipe(run).changed({"epochs": ROUNDS})
    splits = datasets.load_splits(load_runs()[run], recipe.validation_images)
    images, labels = splits["test"]
    network = training.make_network(recipe)
    for _ in training.train(network, recipe, splits["train"]):
        loss_and_accuracy(inference.predict(network, images, recipe), labels)
        yield


def products(run: Run) -> Iterator[None]:
    """Compute the matrix products of our epochs alone, of random numbers."""
    recipe: Any = load_recipe(run)
    n, sizes, rand = recipe.batch_size, list(pairwise(recipe.sizes)), torch.rand
    forward, test = ([(rand(m, i), rand(o, i).t()) for i, o in sizes] for m in (n, 10_000))
    by_weights = [(rand(n, o).t(), rand(n, i)) for i, o in sizes]
    by_inputs = [(rand(n, o), rand(o, i)) for i, o in sizes[1:]]
    while True:
        for a, b in 60_000 // n * (forward + by_weights + by_inputs) + test:
            product(a, b)
        yield


def pytorch(run: Run, decode: bool = False) -> Iterator[None]:
    """Train in PyTorch's plain loop; its images are in memory, or decoded as in the assignment."""
    recipe: Any = load_recipe(run)
    activation = {"fashion_mlp": nn.ReLU, "numpy_network": nn.Sigmoid}[run.network]
    layers = [each for size in pairwise(recipe.sizes) for each in (nn.Linear(*size), activation())]
    network = nn.Sequential(nn.Flatten(), *layers[:-1])
    optimizer = torch.optim.SGD(network.parameters(), lr=recipe.learning_rate)
    splits = datasets.load_splits(load_runs()[run], 0).values()
    (images, labels), test = ((to_input(x), torch.from_numpy(y)) for x, y in splits)
    if decode:
        sets = [FashionMNIST("data", train, ToTensor()) for train in (True, False)]
        loaders = [DataLoader(each, recipe.batch_size, each.train) for each in sets]
    while True:
        order = torch.randperm(len(images)).split(recipe.batch_size)
        for x, y in loaders[0] if decode else ((images[i], labels[i]) for i in order):
            loss = nn.functional.cross_entropy(network(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()
        with torch.no_grad():
            for x, y in loaders[1] if decode else [test]:
                loss_and_accuracy(network(x).log_softmax(1).numpy(), y.numpy())
        yield


def assignment(run: Run) -> Iterator[None]:
    """Train numpy_network with new float64 arrays at every step, like the assignment's loop."""
    recipe: Any = load_recipe(run)
    (images, labels), (test, _) = datasets.load_splits("MNIST", 0).values()
    samples, targets = images.reshape(-1, 784, 1) / 255, np.eye(10)[labels][..., np.newaxis]
    w = [np.random.normal(0, i**-0.5, (o, i)) for i, o in pairwise(recipe.sizes)]
    b = [np.random.normal(0, 1, (o, 1)) for o in recipe.sizes[1:]]

    def forward(x: np.ndarray) -> tuple[np.ndarray, ...]:
        a1 = (1 + np.tanh((w[0] @ x + b[0]) / 2)) / 2
        a2 = (1 + np.tanh((w[1] @ a1 + b[1]) / 2)) / 2
        z = w[2] @ a2 + b[2]
        y = np.exp(z - z.max(axis=0))
        return a1, a2, y / y.sum(axis=0)

    while True:
        for x, t in zip(samples, targets, strict=True):
            a1, a2, y = forward(x)
            np.log(np.sum(y * t))
            d3 = y - t
            d2 = (w[2].T @ d3) * a2 * (1 - a2)
            d1 = (w[1].T @ d2) * a1 * (1 - a1)
            for layer, (delta, a) in enumerate(((d1, x), (d2, a1), (d3, a2))):
                w[layer] = w[layer] - recipe.learning_rate * (delta @ a.T)
                b[layer] = b[layer] - recipe.learning_rate * delta
        forward(test.reshape(-1, 784).T / 255)[2].argmax(axis=0)
        yield


UNPINNED = "import numpy, torch\n"  # before `stages`, which then pins nothing
ONE_CORE = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
AVX2 = "import os; os.environ.update(ATEN_CPU_CAPABILITY='avx2', MKL_ENABLE_INSTRUCTIONS='AVX2')\n"
TURNS = """from timeit import timeit
from tools.benchmark import *
epochs = LOOPS[{run}][{name!r}][0]({run})
for _ in sys.stdin:
    print(timeit(lambda: next(epochs), number=1), flush=True)
"""
# By run and name: a loop, and what its process does before `TURNS`.
LOOPS: dict[Run, dict[str, tuple[Callable[[Run], Iterator[None]], str]]] = {
    Run("fashion_mlp", "baseline"): {
        "ours": (ours, ""),
        "our matrix products alone": (products, ""),
        "PyTorch with AVX2, on one core": (pytorch, AVX2 + ONE_CORE + UNPINNED),
        "PyTorch, on one core": (pytorch, ONE_CORE + UNPINNED),
        "PyTorch": (pytorch, UNPINNED),
        "PyTorch, as in the assignment": (partial(pytorch, decode=True), UNPINNED),
    },
    Run("fashion_mlp", "improved"): {"ours": (ours, ""), "ours, on one core": (ours, ONE_CORE)},
    Run("numpy_network", "baseline"): {
        "ours": (ours, ""),
        "numpy, new arrays each step": (assignment, UNPINNED),
        "PyTorch": (pytorch, UNPINNED),
    },
}


def main() -> None:
    """Take all times and write the report."""
    tables = ""
    for run in LOOPS:
        seconds = measure(run)
        times = {"times ours": seconds.div(seconds["ours"], axis=0).median()}
        times |= {"seconds": seconds.median(), "min": seconds.min(), "max": seconds.max()}
        table = pd.DataFrame(times).to_markdown(tablefmt="github", floatfmt=".2f")
        tables += f"\n## {run.name}\n\n{table}\n"
    text = f"""# Speed

Measured by `make bench` on {time.strftime("%Y-%m-%d", time.gmtime())}: {circumstances()},
{len(os.sched_getaffinity(0))} cores. Each loop is a process that computes an epoch with its test
evaluation, in {ROUNDS} rounds in which they take turns, after one to warm up.
Seconds, and ratios within a round, are medians.
{tables}
Ours is pinned, and only its large products use a second core, as in fashion_mlp-baseline those of
the test images. The others use all cores and instructions, unless their names say otherwise.
"""
    with replacing(REPORT) as partial:
        partial.write_text(text, encoding="utf-8")
    print(text)


def measure(run: Run) -> pd.DataFrame:
    """Return the seconds of the loops of a run: a row is a round, in which they take turns."""
    processes: dict[str, Any] = {}
    for name, (_, first) in LOOPS[run].items():
        command = [sys.executable, "-c", first + TURNS.format(run=run, name=name)]
        processes[name] = Popen(command, stdin=PIPE, stdout=PIPE, env=environment(), text=True)
    seconds: dict[str, list[float]] = {name: [] for name in processes}
    for _ in range(ROUNDS + 1):
        for name, process in processes.items():
            print(file=process.stdin, flush=True)
            seconds[name].append(float(process.stdout.readline()))
    for process in processes.values():
        process.communicate()  # ends its input
    return pd.DataFrame(seconds)[1:]


if __name__ == "__main__":
    main()
