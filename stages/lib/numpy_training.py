"""How the network of problem 5 is trained."""

import math
from collections.abc import Iterator

import numpy as np

from stages.lib.augmentation import shifted
from stages.lib.datasets import PIXELS
from stages.lib.evaluation import loss_and_accuracy
from stages.lib.numpy_network import NumpyNetwork, to_input
from stages.lib.params import NumpyNetworkRecipe
from stages.lib.schedule import learning_rates

BLOCK = 64  # samples, whose products with the first layer are taken at once in training one by one


def make_network(recipe: NumpyNetworkRecipe) -> NumpyNetwork:
    """The network that a recipe describes, not yet initialised."""
    return NumpyNetwork([PIXELS, *recipe.hidden_sizes, 10])


def train(
    network: NumpyNetwork,
    recipe: NumpyNetworkRecipe,
    training_set: tuple[np.ndarray, np.ndarray],
) -> Iterator[float]:
    """Initialise a network and train it by a recipe.

    A set is its images, uint8 of shape (n, 28, 28), and their labels, (n,). Yields the mean loss
    over them: of the untrained network, then in each epoch, after which the network may be used.
    """
    images, labels = training_set
    inputs = to_input(images, recipe.scale_pixels)
    targets = np.eye(network.sizes[-1], dtype=np.float32)[labels]
    generator = np.random.default_rng(recipe.seed)
    network.initialise(generator)
    untrained_loss, _ = loss_and_accuracy(network.forward(inputs), labels)
    yield untrained_loss

    steps = math.ceil(len(images) / recipe.batch_size)
    rates = learning_rates(
        recipe.schedule, recipe.learning_rate, recipe.warm_up, recipe.epochs * steps
    )
    for epoch_rates in rates.reshape(recipe.epochs, steps):
        if recipe.shift:
            inputs = to_input(shifted(images, recipe.shift, generator), recipe.scale_pixels)
        order = generator.permutation(len(images)) if recipe.shuffle else slice(None)
        yield train_epoch(network, inputs[order], targets[order], recipe, epoch_rates.tolist())


def train_epoch(
    network: NumpyNetwork,
    inputs: np.ndarray,
    targets: np.ndarray,
    recipe: NumpyNetworkRecipe,
    rates: list[float],
) -> float:
    """Take one pass over the samples, in their order, with a step a batch.

    `inputs` has shape (n, pixels), `targets`, one-hot, (n, classes), and `rates` is the learning
    rate of each step. Returns the mean loss over the samples, each taken when its batch was trained
    on.
    """
    total = 0.0
    one_by_one = recipe.batch_size == 1 and not recipe.momentum and not recipe.weight_decay
    size = BLOCK if one_by_one else recipe.batch_size
    for start in range(0, len(inputs), size):
        part = slice(start, start + size)
        if one_by_one:
            log_probabilities = network.train_one_by_one(inputs[part], targets[part], rates[part])
        else:
            log_probabilities = network.forward(inputs[part])
            network.backward(log_probabilities, targets[part])
            network.step(rates[start // size], recipe.momentum, recipe.weight_decay)
        total -= np.vdot(targets[part], log_probabilities)
    return float(total) / len(inputs)
