"""How numpy_network is trained."""

import math
from collections.abc import Iterator

from stages.core.metrics import loss_and_accuracy
from stages.networks.common.augmentation import translated
from stages.networks.common.schedule import learning_rates
from stages.networks.numpy_network.inference import predict, to_input
from stages.networks.numpy_network.network import NumpyNetwork
from stages.networks.numpy_network.recipe import Recipe

import numpy as np


def make_network(recipe: Recipe) -> NumpyNetwork:
    """Make the network that a recipe describes, not yet initialised."""
    return NumpyNetwork(recipe.sizes)


def train(
    network: NumpyNetwork, recipe: Recipe, training_set: tuple[np.ndarray, np.ndarray]
) -> Iterator[tuple[float, float]]:
    """Initialise a network and train it: see `stages.core.networks.Training.train`."""
    images, labels = training_set
    generator = np.random.default_rng(recipe.seed)
    network.initialise(generator)
    yield loss_and_accuracy(predict(network, images, recipe), labels)

    steps = math.ceil(len(images) / recipe.batch_size)
    for epoch in range(recipe.epochs):
        rates = learning_rates(recipe, epoch, steps)
        translation = recipe.max_translation
        inputs = translated(images, translation, generator) if translation else images
        order = generator.permutation(len(images)) if recipe.shuffle else slice(None)
        yield train_epoch(network, inputs[order], labels[order], recipe, rates)


def train_epoch(
    network: NumpyNetwork,
    images: np.ndarray,
    labels: np.ndarray,
    recipe: Recipe,
    rates: list[float],
) -> tuple[float, float]:
    """Train for one epoch, on the samples in their order, with one step per batch.

    `images` has shape (n, rows, columns), `labels` (n,), and `rates` is the learning rate of each
    step. Returns the mean loss and the accuracy, of each sample before the step of its batch.
    """
    targets = np.eye(network.sizes[-1], dtype=network.parameters.dtype)[labels]
    found = []  # the log-probabilities of each batch before its step
    for step, rate in enumerate(rates):
        batch = slice(step * recipe.batch_size, (step + 1) * recipe.batch_size)
        found.append(network.forward(to_input(images[batch], recipe.scale_pixels)))
        network.backward(found[-1], targets[batch])
        network.step(rate, recipe.momentum, recipe.weight_decay)
    return loss_and_accuracy(np.concatenate(found), labels)
