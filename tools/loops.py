"""An epoch of each network with its test evaluation, as here and as a user would train it instead.

`python -m tools.loops TABLE NAME` prints the seconds of a loop, then again for each line of input.
"""

import itertools
import sys
import time
from collections.abc import Callable, Iterable
from itertools import pairwise

if __name__ == "__main__" and not sys.argv[2].startswith("here"):
    import torch  # before stages.core, which then pins nothing, as in a user's own program

from stages.core import datasets
from stages.core.metrics import loss_and_accuracy
from stages.core.networks import load_recipe, module_of
from stages.core.paths import Run
from stages.networks.fashion_mlp.inference import to_input

import numpy as np
import torch
import torchvision
from sklearn.neural_network import MLPClassifier
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

FASHION_MLP, NUMPY_NETWORK = Run("fashion_mlp", "baseline"), Run("numpy_network", "baseline")
DATASETS = {FASHION_MLP: "FashionMNIST", NUMPY_NETWORK: "MNIST"}
ACTIVATIONS = {FASHION_MLP: nn.ReLU, NUMPY_NETWORK: nn.Sigmoid}
Loop = Callable[[], object]


def here(run: Run, **changes: object) -> Loop:
    """An epoch as the stage `train` computes it."""
    training, inference = (module_of(run.network, name) for name in ("training", "inference"))
    recipe = load_recipe(run).changed(changes | {"epochs": 1000})
    splits = datasets.load_splits(DATASETS[run], 0)
    network = training.make_network(recipe)
    epochs = training.train(network, recipe, splits["train"])
    next(epochs)  # the untrained network
    images, labels = splits["test"]

    def loop() -> None:
        next(epochs)
        loss_and_accuracy(inference.log_probabilities(network, images, recipe), labels)

    return loop


def tensors(run: Run, split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """The images, float32 (n, 784), from 0 to 1, and the labels of a split, (n,)."""
    images, labels = datasets.load(DATASETS[run], split)
    return to_input(images), torch.from_numpy(labels)


def plain(
    run: Run,
    batches: Callable[[], Iterable[tuple[torch.Tensor, torch.Tensor]]],
    test_batches: Iterable[tuple[torch.Tensor, torch.Tensor]],
) -> Loop:
    """PyTorch's plain loop over batches of images, (n, 784), and labels."""
    recipe = load_recipe(run)
    shapes = pairwise(recipe.sizes)
    layers = [layer for shape in shapes for layer in (nn.Linear(*shape), ACTIVATIONS[run]())]
    network = nn.Sequential(*layers[:-1])
    optimizer = torch.optim.SGD(network.parameters(), lr=recipe.learning_rate)

    def loop() -> None:
        total = 0.0
        for images, labels in batches():
            loss = cross_entropy(network(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        with torch.no_grad():
            for images, labels in test_batches:
                logits = network(images)
                total += cross_entropy(logits, labels).item()
                total += (logits.argmax(1) == labels).sum().item()

    return loop


def in_memory(run: Run, batch_size: int, threads: int | None = None) -> Loop:
    """The plain loop over one tensor of images, by a permutation of its rows."""
    if threads:
        torch.set_num_threads(threads)
    images, labels = tensors(run, "train")

    def batches() -> Iterable[tuple[torch.Tensor, torch.Tensor]]:
        for batch in torch.randperm(len(images)).split(batch_size):
            yield images[batch], labels[batch]

    return plain(run, batches, [tensors(run, "test")])


def by_tensor_dataset(run: Run) -> Loop:
    """The plain loop over DataLoader and TensorDataset."""
    loaders = [
        DataLoader(TensorDataset(*tensors(run, split)), load_recipe(run).batch_size, shuffle=True)
        for split in ("train", "test")
    ]
    return plain(run, lambda: loaders[0], loaders[1])


def by_data_loader() -> Loop:
    """The plain loop over images that are decoded one by one, as in the assignment."""
    to_tensor = torchvision.transforms.Compose([torchvision.transforms.ToTensor(), torch.flatten])
    loaders = [
        DataLoader(
            torchvision.datasets.FashionMNIST("data", train=train, transform=to_tensor),
            load_recipe(FASHION_MLP).batch_size,
            shuffle=train,
        )
        for train in (True, False)
    ]
    return plain(FASHION_MLP, lambda: loaders[0], loaders[1])


def by_scikit_learn(run: Run, batch_size: int) -> Loop:
    """scikit-learn's MLPClassifier with the same layers and optimizer."""
    recipe = load_recipe(run)
    (images, labels), test = (
        [tensor.numpy() for tensor in tensors(run, split)] for split in ("train", "test")
    )
    classifier = MLPClassifier(
        recipe.hidden_sizes,
        activation={nn.ReLU: "relu", nn.Sigmoid: "logistic"}[ACTIVATIONS[run]],
        solver="sgd",
        alpha=0,
        batch_size=batch_size,
        learning_rate_init=recipe.learning_rate,
        momentum=0,
    )

    def loop() -> None:
        classifier.partial_fit(images, labels, classes=range(10))
        classifier.score(*test)

    return loop


def products(run: Run) -> Loop:
    """The matrix products of an epoch alone: forward and backward, and of the test images."""
    recipe = load_recipe(run)
    generator = np.random.default_rng(0)
    weights = [generator.random(shape, np.float32) - 0.5 for shape in pairwise(recipe.sizes)]
    images, test_images = (tensors(run, split)[0].numpy() for split in ("train", "test"))

    def forward(x: np.ndarray) -> list[np.ndarray]:
        layers = [x]
        for weight in weights:
            layers.append(np.dot(layers[-1], weight))
        return layers

    def loop() -> None:
        for start in range(0, len(images), recipe.batch_size):
            *inputs, delta = forward(images[start : start + recipe.batch_size])
            for layer in reversed(range(len(weights))):
                np.dot(inputs[layer].T, delta)
                if layer > 0:
                    delta = np.dot(delta, weights[layer].T)
        forward(test_images)

    return loop


def assignment() -> Loop:
    """The assignment's loop over MNIST, in float64 arrays allocated at every step."""
    recipe = load_recipe(NUMPY_NETWORK)
    (samples, labels), (test_samples, test_labels) = (
        [tensor.numpy() for tensor in tensors(NUMPY_NETWORK, split)] for split in ("train", "test")
    )
    generator = np.random.default_rng(0)
    shapes = [(outputs, inputs) for inputs, outputs in pairwise(recipe.sizes)]
    weights = [generator.normal(0, shape[1] ** -0.5, shape) for shape in shapes]
    biases = [generator.normal(0, 1, (outputs, 1)) for outputs, _ in shapes]

    def sigmoid(z: np.ndarray) -> np.ndarray:
        power = np.exp(-np.abs(z))
        return np.where(z >= 0, 1 / (1 + power), power / (1 + power))

    def forward(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        a1 = sigmoid(weights[0] @ x + biases[0])
        a2 = sigmoid(weights[1] @ a1 + biases[1])
        power = np.exp(weights[2] @ a2 + biases[2])
        return a1, a2, power / power.sum(axis=0)

    def loop() -> None:
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

    return loop


LOOPS: dict[str, dict[str, Callable[[], Loop]]] = {  # the first of each is compared with
    "fashion_mlp": {
        "here, on one core": lambda: here(FASHION_MLP),
        "PyTorch, images in memory, on one core": lambda: in_memory(FASHION_MLP, 64, threads=1),
        "PyTorch, images in memory": lambda: in_memory(FASHION_MLP, 64),
        "PyTorch, TensorDataset and DataLoader": lambda: by_tensor_dataset(FASHION_MLP),
        "PyTorch, ToTensor and DataLoader, as in the assignment": by_data_loader,
        "scikit-learn, MLPClassifier": lambda: by_scikit_learn(FASHION_MLP, 64),
        "here, the matrix products alone": lambda: products(FASHION_MLP),
        "the matrix products alone": lambda: products(FASHION_MLP),
    },
    "fashion_mlp, half of the cores busy": {
        "here, on one core": lambda: here(FASHION_MLP),
        "PyTorch, images in memory": lambda: in_memory(FASHION_MLP, 64),
    },
    "numpy_network, sample by sample": {
        "here, on one core": lambda: here(NUMPY_NETWORK),
        "numpy, new float64 arrays at every step, as in the assignment": assignment,
        "PyTorch": lambda: in_memory(NUMPY_NETWORK, 1),
    },
    "numpy_network, in batches of 32": {
        "here, on one core": lambda: here(NUMPY_NETWORK, batch_size=32),
        "PyTorch": lambda: in_memory(NUMPY_NETWORK, 32),
        "scikit-learn, MLPClassifier": lambda: by_scikit_learn(NUMPY_NETWORK, 32),
    },
}

if __name__ == "__main__":
    loop = LOOPS[sys.argv[1]][sys.argv[2]]()
    for _ in itertools.chain([""], sys.stdin):
        start = time.perf_counter()
        loop()
        print(time.perf_counter() - start, flush=True)
