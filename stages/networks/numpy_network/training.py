"""How numpy_network is trained."""

import math
from collections.abc import Iterator

from stages.core.metrics import loss_and_accuracy
from stages.networks.common.augmentation import translated
from stages.networks.common.schedule import learning_rates
from stages.networks.numpy_network.blockwise import train_block
from stages.networks.numpy_network.inference import to_input
from stages.networks.numpy_network.network import NumpyNetwork
from stages.networks.numpy_network.recipe import Recipe

import numpy as np

BLOCK = 64  # samples that `train_block` is given at a time


def make_network(recipe: Recipe) -> NumpyNetwork:
    """Make the network that a recipe describes, not yet initialised."""
    return NumpyNetwork(recipe.sizes)


def train(
    network: NumpyNetwork, recipe: Recipe, training_set: tuple[np.ndarray, np.ndarray]
) -> Iterator[float]:
    """Initialise a network and train it by a recipe.

    The training set is its images, uint8 of shape (n, 28, 28), and their labels, (n,). Yields the
    mean training loss: of the untrained network, then of each epoch, after which the network may
    be used.
    """
    images, labels = training_set
    inputs = to_input(images, recipe.scale_pixels)
    targets = np.eye(network.sizes[-1], dtype=np.float32)[labels]
    generator = np.random.default_rng(recipe.seed)
    network.initialise(generator)
    untrained_loss, _ = loss_and_accuracy(network.forward(inputs), labels)
    yield untrained_loss

    steps = math.ceil(len(images) / recipe.batch_size)
    for epoch in range(recipe.epochs):
        rates = learning_rates(recipe, epoch, steps)
        if recipe.max_translation:
            changed = translated(images, recipe.max_translation, generator)
            inputs = to_input(changed, recipe.scale_pixels)
        order = generator.permutation(len(images)) if recipe.shuffle else slice(None)
        yield train_epoch(network, inputs[order], targets[order], recipe, rates)


def train_epoch(
    network: NumpyNetwork,
    inputs: np.ndarray,
    targets: np.ndarray,
    recipe: Recipe,
    rates: list[float],
) -> float:
    """Train for one epoch, on the samples in their order, with one step per batch.

    `inputs` has shape (n, pixels), `targets`, one-hot, (n, classes), and `rates` is the learning
    rate of each step. Returns the mean loss over the samples, each taken before the step of its
    batch.
    """
    total = 0.0
    plain_steps = not recipe.momentum and not recipe.weight_decay
    blockwise = recipe.batch_size == 1 and plain_steps and len(network.sizes) > 2
    size = BLOCK if blockwise else recipe.batch_size
    for start in range(0, len(inputs), size):
        part = slice(start, start + size)
        if blockwise:
            log_probabilities = train_block(network, inputs[part], targets[part], rates[part])
        else:
            log_probabilities = network.forward(inputs[part])
            network.backward(log_probabilities, targets[part])
            network.step(rates[start // size], recipe.momentum, recipe.weight_decay)
        total -= np.vdot(targets[part], log_probabilities)
    return float(total) / len(inputs)
