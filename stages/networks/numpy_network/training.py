"""How numpy_network is trained."""

import math
from collections.abc import Iterator

from stages.core.metrics import loss_and_accuracy
from stages.networks.common.augmentation import translated
from stages.networks.common.schedule import learning_rates
from stages.networks.numpy_network.blockwise import train_block
from stages.networks.numpy_network.inference import log_probabilities, to_input
from stages.networks.numpy_network.network import NumpyNetwork
from stages.networks.numpy_network.recipe import Recipe

import numpy as np

BLOCK = 64  # samples that `train_block` is given at a time


def make_network(recipe: Recipe) -> NumpyNetwork:
    """Make the network that a recipe describes, not yet initialised."""
    return NumpyNetwork(recipe.sizes)


def train(
    network: NumpyNetwork, recipe: Recipe, training_set: tuple[np.ndarray, np.ndarray]
) -> Iterator[tuple[float, float]]:
    """Initialise a network and train it by a recipe.

    The training set is its images, uint8 of shape (n, 28, 28), and their labels, (n,). Yields the
    mean training loss and the training accuracy: of the untrained network, then of each epoch,
    after which the network may be used.
    """
    images, labels = training_set
    generator = np.random.default_rng(recipe.seed)
    network.initialise(generator)
    yield loss_and_accuracy(log_probabilities(network, images, recipe), labels)

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
    plain_steps = not recipe.momentum and not recipe.weight_decay
    blockwise = recipe.batch_size == 1 and plain_steps and len(network.sizes) > 2
    size = BLOCK if blockwise else recipe.batch_size
    found = []  # the log-probabilities of each batch before its step
    for start in range(0, len(images), size):
        part = slice(start, start + size)
        inputs = to_input(images[part], recipe.scale_pixels)
        if blockwise:
            found.append(train_block(network, inputs, targets[part], rates[part]))
        else:
            found.append(network.forward(inputs))
            network.backward(found[-1], targets[part])
            network.step(rates[start // size], recipe.momentum, recipe.weight_decay)
    return loss_and_accuracy(np.concatenate(found), labels)
