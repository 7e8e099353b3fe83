"""How fashion_mlp is trained."""

from collections.abc import Iterator

from stages.core.metrics import loss_and_accuracy
from stages.networks.common.augmentation import translated
from stages.networks.common.schedule import learning_rates
from stages.networks.fashion_mlp.inference import predict, to_input
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
    """Make the recipe's optimizer for the network's weights and biases."""
    optimizer = {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW}[recipe.optimizer]
    # fused: without it, Adam takes its square roots from MKL, where processors differ.
    return optimizer(network.parameters(), weight_decay=recipe.weight_decay, fused=True)


def train(
    network: FashionMLP, recipe: Recipe, training_set: tuple[np.ndarray, np.ndarray]
) -> Iterator[tuple[float, float]]:
    """Train a network, as `make_network` makes it: see `stages.core.networks.Training.train`."""
    images, labels = training_set
    device = next(network.parameters()).device
    optimizer = make_optimizer(network, recipe)
    generator = torch.Generator().manual_seed(recipe.seed)
    augmentation = np.random.default_rng(recipe.seed)

    yield loss_and_accuracy(predict(network, images, recipe), labels)
    for epoch in range(recipe.epochs):
        translation = recipe.max_translation
        inputs = translated(images, translation, augmentation) if translation else images
        batches = torch.randperm(len(images), generator=generator).split(recipe.batch_size)
        found = []  # the logits of each batch before its step
        for batch, rate in zip(batches, learning_rates(recipe, epoch, len(batches)), strict=True):
            x = to_input(inputs[batch]).to(device)
            y = torch.from_numpy(labels[batch]).to(device)
            logits = network(x)
            optimizer.param_groups[0]["lr"] = rate
            optimizer.zero_grad()
            cross_entropy(logits, y).backward()
            optimizer.step()
            found.append(logits.detach())
        log_softmax = torch.cat(found).log_softmax(dim=1).cpu().numpy()
        yield loss_and_accuracy(log_softmax, labels[torch.cat(batches)])
