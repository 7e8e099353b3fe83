"""One epoch of each network: as here, and as a user would train it instead.

`python -m tools.loops` times the second call of each loop and prints the seconds as JSON. With the
argument `unpinned` the numerics are not pinned, as in a user's own program.
"""

import json
import sys
import time
from collections.abc import Callable
from itertools import pairwise

if "unpinned" in sys.argv:
    import torch  # before stages.core, which then pins nothing

from stages.core import datasets
from stages.core.metrics import loss_and_accuracy
from stages.core.networks import load_recipe, module_of
from stages.core.paths import Run
from stages.networks.fashion_mlp import inference as fashion_mlp
from stages.networks.numpy_network import inference as numpy_network

import numpy as np
import torch
import torchvision
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

FASHION_MLP, NUMPY_NETWORK = Run("fashion_mlp", "baseline"), Run("numpy_network", "baseline")
Loop = Callable[[], object]


def main() -> None:
    """Time each loop and print the seconds."""
    make = (theirs_on_fashion, theirs_on_mnist) if "unpinned" in sys.argv else (ours,)
    loops = {name: loop for each in make for name, loop in each().items()}
    print(json.dumps({name: timed(loop) for name, loop in loops.items()}))


def timed(loop: Loop) -> float:
    """Return the seconds of a second call; in the first, libraries load and memory is asked for."""
    loop()
    start = time.perf_counter()
    loop()
    return time.perf_counter() - start


def one_epoch(run: Run, dataset: str, **changes: object) -> Loop:
    """Return an epoch of a run on a data set with its test evaluation, as the stage computes it."""
    training, inference = (module_of(run.network, name) for name in ("training", "inference"))
    recipe = load_recipe(run).changed(changes | {"epochs": 2})
    network = training.make_network(recipe)
    epochs = training.train(network, recipe, datasets.load(dataset, "train"))
    next(epochs)  # the untrained network
    test_images, test_labels = datasets.load(dataset, "test")

    def loop() -> None:
        next(epochs)
        loss_and_accuracy(inference.predict(network, test_images, recipe), test_labels)

    return loop


def ours() -> dict[str, Loop]:
    """Return the loops of this project."""
    return {
        "fashion_mlp": one_epoch(FASHION_MLP, "FashionMNIST"),
        "fashion_mlp: products": products_by_openblas(),
        "numpy_network": one_epoch(NUMPY_NETWORK, "MNIST"),
        "numpy_network, batches": one_epoch(NUMPY_NETWORK, "MNIST", batch_size=32),
    }


def layers(run: Run) -> list[tuple[int, int]]:
    """Return the inputs and outputs of each layer."""
    return list(pairwise([datasets.PIXELS, *load_recipe(run).hidden_sizes, 10]))


def plain_mlp(run: Run, activation: type[nn.Module]) -> nn.Sequential:
    """Make the network of plain PyTorch layers."""
    modules = [module for shape in layers(run) for module in (nn.Linear(*shape), activation())]
    return nn.Sequential(*modules[:-1])


def theirs_on_fashion() -> dict[str, Loop]:
    """Return loops over FashionMNIST by DataLoader, as in the assignment, and TensorDataset."""
    recipe = load_recipe(FASHION_MLP)
    to_tensor = torchvision.transforms.ToTensor()
    files = [
        torchvision.datasets.FashionMNIST("data", train=train, transform=to_tensor)
        for train in (True, False)
    ]
    tensors = [
        TensorDataset(fashion_mlp.to_input(images), torch.from_numpy(labels))
        for images, labels in (datasets.load("FashionMNIST", split) for split in ("train", "test"))
    ]

    def epoch(training_set: object, test_set: object) -> Loop:
        network = plain_mlp(FASHION_MLP, nn.ReLU)
        optimizer = torch.optim.SGD(network.parameters(), lr=recipe.learning_rate)
        batches = DataLoader(training_set, recipe.batch_size, shuffle=True)
        test_batches = DataLoader(test_set, recipe.batch_size)

        def loop() -> None:
            total = 0.0
            for images, labels in batches:
                loss = cross_entropy(network(images.flatten(1)), labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += loss.item()
            with torch.no_grad():
                for images, labels in test_batches:
                    logits = network(images.flatten(1))
                    total += cross_entropy(logits, labels).item()
                    total += (logits.argmax(1) == labels).sum().item()

        return loop

    return {
        "fashion_mlp: DataLoader": epoch(*files),
        "fashion_mlp: TensorDataset": epoch(*tensors),
        "fashion_mlp: products, unpinned": products_by_openblas(),
        "fashion_mlp: products by PyTorch": products_by_torch(),
    }


def products(multiply: Callable, weights: list, training: list, test: object) -> Loop:
    """Return the matrix products of an epoch alone: forward, backward, and for the test images."""

    def loop() -> None:
        for batch in training:
            activations = [batch]
            for weight in weights:
                activations.append(multiply(activations[-1], weight.T))
            gradient = activations.pop()
            for layer in reversed(range(len(weights))):
                multiply(gradient.T, activations[layer])
                if layer > 0:
                    gradient = multiply(gradient, weights[layer])
        activation = test
        for weight in weights:
            activation = multiply(activation, weight.T)

    return loop


def products_by_openblas() -> Loop:
    """Return the products of an epoch of fashion_mlp by numpy."""
    generator = np.random.default_rng(0)
    weights = [generator.random(shape[::-1], np.float32) - 0.5 for shape in layers(FASHION_MLP)]
    training, test = (
        fashion_mlp.to_input(datasets.load("FashionMNIST", split)[0]).numpy()
        for split in ("train", "test")
    )
    batch_size = load_recipe(FASHION_MLP).batch_size
    batches = [
        training[start : start + batch_size] for start in range(0, len(training), batch_size)
    ]
    return products(np.dot, weights, batches, test)


def products_by_torch() -> Loop:
    """Return the products of an epoch of fashion_mlp by PyTorch."""
    weights = [torch.rand(shape[::-1]) - 0.5 for shape in layers(FASHION_MLP)]
    training, test = (
        fashion_mlp.to_input(datasets.load("FashionMNIST", split)[0]) for split in ("train", "test")
    )
    batch_size = load_recipe(FASHION_MLP).batch_size
    return products(torch.mm, weights, training.split(batch_size), test)


def theirs_on_mnist() -> dict[str, Loop]:
    """Return the assignment's loop, in float64 arrays allocated at every step, and PyTorch's."""
    recipe = load_recipe(NUMPY_NETWORK)
    images, labels = datasets.load("MNIST", "train")
    test_images, test_labels = datasets.load("MNIST", "test")
    samples, test_samples = (
        numpy_network.to_input(pixels, recipe.scale_pixels) for pixels in (images, test_images)
    )
    generator = np.random.default_rng(0)
    weights, biases = [], []
    for inputs, outputs in layers(NUMPY_NETWORK):
        weights.append(generator.normal(0, inputs**-0.5, (outputs, inputs)))
        biases.append(generator.normal(0, 1, (outputs, 1)))

    def sigmoid(z: np.ndarray) -> np.ndarray:
        power = np.exp(-np.abs(z))
        return np.where(z >= 0, 1 / (1 + power), power / (1 + power))

    def forward(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        a1 = sigmoid(weights[0] @ x + biases[0])
        a2 = sigmoid(weights[1] @ a1 + biases[1])
        z3 = weights[2] @ a2 + biases[2]
        power = np.exp(z3 - z3.max(axis=0))
        return a1, a2, power / power.sum(axis=0)

    def assignment() -> None:
        total, rate = 0.0, recipe.learning_rate
        one_hot = np.eye(10)[labels]
        for sample, target in zip(samples.astype(np.float64), one_hot, strict=True):
            x, t = sample[:, np.newaxis], target[:, np.newaxis]
            a1, a2, y = forward(x)
            total -= np.log(np.sum(y * t) + 1e-12)
            d3 = y - t
            d2 = (weights[2].T @ d3) * a2 * (1 - a2)
            d1 = (weights[1].T @ d2) * a1 * (1 - a1)
            for layer, (delta, activation) in enumerate(((d1, x), (d2, a1), (d3, a2))):
                weights[layer] = weights[layer] - rate * (delta @ activation.T)
                biases[layer] = biases[layer] - rate * delta
        *_, y = forward(test_samples.T.astype(np.float64))
        total += np.count_nonzero(y.argmax(axis=0) == test_labels)

    def by_pytorch(batch_size: int) -> Loop:
        network = plain_mlp(NUMPY_NETWORK, nn.Sigmoid)
        optimizer = torch.optim.SGD(network.parameters(), lr=recipe.learning_rate)
        inputs, test_inputs = torch.from_numpy(samples), torch.from_numpy(test_samples)
        targets = torch.from_numpy(labels)

        def loop() -> None:
            total = 0.0
            batches = zip(inputs.split(batch_size), targets.split(batch_size), strict=True)
            for batch, classes in batches:
                loss = cross_entropy(network(batch), classes)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += loss.item()
            with torch.no_grad():
                logits = network(test_inputs).log_softmax(1).numpy()
            loss_and_accuracy(logits, test_labels)

        return loop

    return {
        "numpy_network: assignment": assignment,
        "numpy_network: PyTorch": by_pytorch(1),
        "numpy_network, batches: PyTorch": by_pytorch(32),
    }


if __name__ == "__main__":
    main()
