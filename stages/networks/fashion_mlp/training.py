"""How fashion_mlp is trained."""

from collections.abc import Callable, Iterator

from stages.core.metrics import loss_and_accuracy
from stages.networks.common.augmentation import translated
from stages.networks.common.schedule import learning_rates
from stages.networks.fashion_mlp.backpropagation import Backpropagation
from stages.networks.fashion_mlp.inference import log_probabilities, to_input
from stages.networks.fashion_mlp.network import FashionMLP
from stages.networks.fashion_mlp.recipe import Recipe

import numpy as np
import torch


def make_network(recipe: Recipe) -> FashionMLP:
    """Make the network that a recipe describes, initialised from its seed, on its device."""
    torch.manual_seed(recipe.seed)
    network = FashionMLP(recipe.sizes)
    return network.to(choose_device(recipe.device))


def choose_device(device: str) -> torch.device:
    """Return the CPU; or, with `auto`, Apple's MPS if available, else CUDA, else the CPU."""
    if device == "auto" and torch.backends.mps.is_available():
        return torch.device("mps")
    if device == "auto" and torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("cpu")


def make_step(parameters: torch.Tensor, recipe: Recipe) -> Callable[[float], None]:
    """Return a step of the recipe's optimizer, which takes the learning rate.

    `parameters` is a vector with its gradient.
    """
    decay = recipe.weight_decay
    if recipe.optimizer == "sgd":

        def sgd(rate: float) -> None:  # torch.optim.SGD costs a tenth of an epoch
            if decay:
                parameters.grad.add_(parameters, alpha=decay)
            parameters.add_(parameters.grad, alpha=-rate)

        return sgd

    # fused: the default form takes its square roots from MKL, where processors differ.
    optimizer = torch.optim.AdamW([parameters], weight_decay=decay, fused=True)

    def adamw(rate: float) -> None:
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()

    return adamw


def train(
    network: FashionMLP, recipe: Recipe, training_set: tuple[np.ndarray, np.ndarray]
) -> Iterator[tuple[float, float]]:
    """Train a network, as `make_network` makes it, by a recipe.

    The training set is its images, uint8 of shape (n, 28, 28), and their labels, (n,). Yields the
    mean training loss and the training accuracy: of the untrained network, then of each epoch,
    after which the network may be used.
    """
    device = next(network.parameters()).device
    images, labels = training_set
    backpropagate = Backpropagation(network)
    step = make_step(backpropagate.parameters, recipe)
    generator = torch.Generator().manual_seed(recipe.seed)
    augmentation = np.random.default_rng(recipe.seed)

    yield loss_and_accuracy(log_probabilities(network, images, recipe), labels)
    for epoch in range(recipe.epochs):
        translation = recipe.max_translation
        inputs = translated(images, translation, augmentation) if translation else images
        order = torch.randperm(len(images), generator=generator).numpy()
        batches = np.split(order, range(recipe.batch_size, len(order), recipe.batch_size))
        found = []  # the log-probabilities of each batch before its step
        for batch, rate in zip(batches, learning_rates(recipe, epoch, len(batches)), strict=True):
            found.append(
                backpropagate(to_input(inputs.take(batch, axis=0)).to(device), labels[batch])
            )
            step(rate)
        yield loss_and_accuracy(np.concatenate(found), labels[order])
