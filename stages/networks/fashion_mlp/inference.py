"""Prediction with a trained fashion_mlp, and its weights as a file."""

from pathlib import Path

from stages.core import numerics
from stages.networks.fashion_mlp.network import FashionMLP
from stages.networks.fashion_mlp.recipe import Recipe

import numpy as np
import torch
from safetensors import torch as safetensors


def predict(network: FashionMLP, images: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Return the log-probabilities, (n, classes), of images, uint8 (n, 28, 28).

    With test-time augmentation they are those of the mean of the logits of several views.
    """
    augmented = recipe.test_time_augmentation
    return log_softmax(network, views(images, recipe.max_translation) if augmented else [images])


def log_probabilities(network: FashionMLP, images: np.ndarray, _recipe: Recipe) -> np.ndarray:
    """Return the log-probabilities, (n, classes), of images, uint8 (n, 28, 28), as they are."""
    return log_softmax(network, [images])


def views(images: np.ndarray, max_translation: int) -> list[np.ndarray]:
    """Return the images in all translations by up to `max_translation` pixels along both axes.

    Each view has the images' shape, (n, rows, columns). Pixels that enter are background, 0.
    """
    margin = (max_translation, max_translation)
    padded = np.pad(images, ((0, 0), margin, margin))
    rows, columns = images.shape[1:]
    starts = range(2 * max_translation + 1)
    return [padded[:, top:, left:][:, :rows, :columns] for top in starts for left in starts]


@torch.no_grad()
def log_softmax(network: FashionMLP, views: list[np.ndarray]) -> np.ndarray:
    """Return the log-softmax, float32 (n, classes), of the mean of the logits of the views."""
    device = next(network.parameters()).device
    logits = torch.stack([network(to_input(view).to(device)) for view in views]).mean(dim=0)
    log_probabilities: np.ndarray = logits.log_softmax(dim=1).cpu().numpy()
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
