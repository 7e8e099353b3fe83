"""How fashion_mlp is trained."""

import math
from collections.abc import Iterator

from stages.core.metrics import loss_and_accuracy
from stages.networks.common.augmentation import translated
from stages.networks.common.schedule import learning_rates
from stages.networks.fashion_mlp.inference import log_probabilities, to_input
from stages.networks.fashion_mlp.network import FashionMLP
from stages.networks.fashion_mlp.recipe import Recipe

import numpy as np
import torch
from torch.nn.functional import cross_entropy


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


def make_optimizer(network: FashionMLP, recipe: Recipe) -> torch.optim.Optimizer:
    """Make the optimizer that the recipe names."""
    parameters, rate, decay = network.parameters(), recipe.learning_rate, recipe.weight_decay
    if recipe.optimizer == "adamw":
        # fused: the default form takes its square roots from MKL, where processors differ.
        return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay, fused=True)
    return torch.optim.SGD(parameters, lr=rate, weight_decay=decay)


def train(
    network: FashionMLP, recipe: Recipe, training_set: tuple[np.ndarray, np.ndarray]
) -> Iterator[float]:
    """Train a network, as `make_network` makes it, by a recipe.

    The training set is its images, uint8 of shape (n, 28, 28), and their labels, (n,). Yields the
    mean training loss: of the untrained network, then of each epoch, after which the network may
    be used.
    """
    device = next(network.parameters()).device
    images, labels = training_set
    inputs = to_input(images).to(device)
    targets = torch.from_numpy(labels).to(device)
    optimizer = make_optimizer(network, recipe)
    steps = math.ceil(len(images) / recipe.batch_size)
    generator = torch.Generator().manual_seed(recipe.seed)

    untrained_loss, _ = loss_and_accuracy(log_probabilities(network, images, recipe), labels)
    yield untrained_loss
    augmentation = np.random.default_rng(recipe.seed)
    for epoch in range(recipe.epochs):
        rates = learning_rates(recipe, epoch, steps)
        if recipe.max_translation:
            moved = translated(images, recipe.max_translation, augmentation)
            inputs = to_input(moved).to(device)
        order = torch.randperm(len(images), generator=generator).to(device)
        yield train_epoch(network, optimizer, inputs, targets, order, recipe, rates)


def train_epoch(
    network: FashionMLP,
    optimizer: torch.optim.Optimizer,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    order: torch.Tensor,
    recipe: Recipe,
    rates: list[float],
) -> float:
    """Train for one epoch, in batches and in the given order.

    `inputs` has shape (n, pixels), `targets` and `order` (n,), and `rates` is the learning rate of
    each step. Returns the mean loss over the images, each taken before the step of its batch.
    """
    total = 0.0
    for batch, rate in zip(order.split(recipe.batch_size), rates, strict=True):
        logits = network(inputs.index_select(0, batch))  # faster than inputs[batch]
        loss = cross_entropy(logits, targets[batch])
        network.zero_grad()
        loss.backward()
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        total += loss.item() * len(batch)
    return total / len(inputs)
