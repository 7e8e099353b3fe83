"""Prediction with a trained fashion_mlp, and its weights as a file."""

from pathlib import Path

from stages.core import numerics
from stages.networks.fashion_mlp.network import FashionMLP
from stages.networks.fashion_mlp.recipe import Recipe

import numpy as np
import torch
from safetensors import torch as safetensors


@torch.no_grad()
def predict(network: FashionMLP, images: np.ndarray, _recipe: Recipe) -> np.ndarray:
    """Return the log-probabilities, float32 (n, classes), of images, uint8 (n, 28, 28)."""
    x = to_input(images).to(next(network.parameters()).device)
    log_probabilities: np.ndarray = network(x).log_softmax(dim=1).cpu().numpy()
    return log_probabilities


def to_input(images: np.ndarray) -> torch.Tensor:
    """Return images, uint8 (n, 28, 28), as float32 (n, 784) from 0 to 1, like ToTensor."""
    return torch.from_numpy(images.reshape(len(images), -1) / np.float32(255))


def save(network: FashionMLP, path: Path, dataset: str) -> None:
    """Write the weights and biases as safetensors, with the data set and what computed them."""
    provenance = numerics.provenance(dataset, next(network.parameters()).device.type)
    path.write_bytes(safetensors.save(network.cpu().state_dict(), provenance))


def load(path: Path, recipe: Recipe) -> FashionMLP:
    """Read a network that `save` wrote. Raises RuntimeError if it is not of the recipe's sizes."""
    network = FashionMLP(recipe.sizes)
    network.load_state_dict(safetensors.load_file(path))
    return network
