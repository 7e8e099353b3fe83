"""How the network of problem 4 is trained."""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from stages.lib.augmentation import mirrored, shifted
from stages.lib.datasets import PIXELS
from stages.lib.evaluation import loss_and_accuracy
from stages.lib.fashion_mlp import FashionMLP, log_probabilities, to_input
from stages.lib.params import FashionMLPRecipe
from stages.lib.schedule import learning_rates


def make_network(recipe: FashionMLPRecipe) -> FashionMLP:
    """The network that a recipe describes, initialised from its seed, on its device."""
    torch.manual_seed(recipe.seed)
    network = FashionMLP([PIXELS, *recipe.hidden_sizes, 10], recipe.dropout)
    return network.to(choose_device(recipe.device))


def choose_device(device: str) -> torch.device:
    """`cpu`, or with `auto` Apple's MPS if there, else CUDA, else the CPU."""
    if device == "auto" and torch.backends.mps.is_available():
        return torch.device("mps")
    if device == "auto" and torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("cpu")


def make_optimizer(network: FashionMLP, recipe: FashionMLPRecipe) -> torch.optim.Optimizer:
    """The optimizer that the recipe names."""
    parameters, rate = network.parameters(), recipe.learning_rate
    decay = recipe.weight_decay
    # fused: the default form of Adam takes its square roots from MKL, where processors differ.
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay, fused=True)
    if recipe.optimizer == "adam":
        return torch.optim.Adam(parameters, lr=rate, weight_decay=decay, fused=True)
    return torch.optim.SGD(parameters, lr=rate, momentum=recipe.momentum, weight_decay=decay)


def train(
    network: FashionMLP,
    recipe: FashionMLPRecipe,
    training_set: tuple[np.ndarray, np.ndarray],
) -> Iterator[float]:
    """Train a network, as `make_network` makes it, by a recipe.

    A set is its images, uint8 of shape (n, 28, 28), and their labels, (n,). Yields the mean loss
    over them: of the untrained network, then in each epoch, after which the network may be used.
    """
    device = next(network.parameters()).device
    images, labels = training_set
    inputs = to_input(images).to(device)
    targets = torch.from_numpy(labels).to(device)
    optimizer = make_optimizer(network, recipe)
    steps = math.ceil(len(images) / recipe.batch_size)
    rates = learning_rates(
        recipe.schedule, recipe.learning_rate, recipe.warm_up, recipe.epochs * steps
    )
    generator = torch.Generator().manual_seed(recipe.seed)

    untrained_loss, _ = loss_and_accuracy(log_probabilities(network, inputs), labels)
    yield untrained_loss
    augmentation = np.random.default_rng(recipe.seed)
    for epoch_rates in rates.reshape(recipe.epochs, steps):
        if recipe.shift or recipe.mirror:
            changed = shifted(images, recipe.shift, augmentation)
            changed = mirrored(changed, augmentation) if recipe.mirror else changed
            inputs = to_input(changed).to(device)
        order = torch.randperm(len(images), generator=generator).to(device)
        yield train_epoch(network, optimizer, inputs, targets, order, recipe, epoch_rates.tolist())


def train_epoch(
    network: FashionMLP,
    optimizer: torch.optim.Optimizer,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    order: torch.Tensor,
    recipe: FashionMLPRecipe,
    rates: list[float],
) -> float:
    """Take one pass over the images, in batches and in the given order.

    `inputs` has shape (n, pixels), `targets` and `order` (n,), and `rates` is the learning rate of
    each step. Returns the mean loss over the images, each taken when its batch was trained on, and
    with dropout and label smoothing if any.
    """
    network.train()
    total = 0.0
    for batch, rate in zip(order.split(recipe.batch_size), rates, strict=True):
        logits = network(inputs.index_select(0, batch))  # quicker than inputs[batch]
        loss = cross_entropy(logits, targets[batch], label_smoothing=recipe.label_smoothing)
        network.zero_grad()
        loss.backward()
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        total += loss.item() * len(batch)
    return total / len(inputs)
