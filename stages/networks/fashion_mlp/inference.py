"""Prediction with a trained fashion_mlp, and its weights as a file."""

from pathlib import Path

from stages.networks.fashion_mlp.network import FashionMLP
from stages.networks.fashion_mlp.recipe import Recipe

import numpy as np
import torch
from safetensors import torch as safetensors


def predict(network: FashionMLP, images: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Return the log-probabilities, (n, classes), of images, uint8 (n, 28, 28)."""
    shown = [images]
    if recipe.test_time_augmentation:
        shown = views(images, recipe.max_translation, recipe.horizontal_flip)
    device = next(network.parameters()).device
    return log_probabilities(network, *(to_input(view).to(device) for view in shown))


def views(images: np.ndarray, translation: int, flip: bool) -> list[np.ndarray]:
    """Return the views of the images for test-time augmentation.

    The images as they are, and moved by `translation` pixels down, up, right and left; with `flip`,
    all of these flipped horizontally as well. Each view has the images' shape, (n, rows, columns).
    """
    padded = np.pad(images, ((0, 0), (translation, translation), (translation, translation)))
    rows, columns = images.shape[1:]
    moves = {(0, 0), (translation, 0), (-translation, 0), (0, translation), (0, -translation)}
    moved = [
        padded[:, translation - down :, translation - right :][:, :rows, :columns]
        for down, right in sorted(moves)
    ]
    return moved + [view[:, :, ::-1] for view in moved] if flip else moved


@torch.no_grad()
def log_probabilities(network: FashionMLP, *inputs: torch.Tensor) -> np.ndarray:
    """Return the log-softmax of the logits, float32 of shape (n, classes), without dropout.

    An input has shape (n, pixels). Several inputs are views of the same images: the mean of their
    logits is taken.
    """
    network.eval()
    logits = sum(network(each) for each in inputs) / len(inputs)
    return logits.log_softmax(dim=1).cpu().numpy()


def to_input(images: np.ndarray) -> torch.Tensor:
    """Return images, uint8 (n, 28, 28), as float32 (n, 784) from 0 to 1, like ToTensor."""
    return torch.from_numpy(images.copy()).flatten(1).float().div_(255)


def save(network: FashionMLP, path: Path) -> None:
    """Write the weights and biases as safetensors."""
    path.write_bytes(safetensors.save(network.cpu().state_dict()))


def load(path: Path) -> FashionMLP:
    """Read a network that `save` wrote."""
    state = safetensors.load_file(path)
    weights = [state[f"{2 * layer}.weight"] for layer in range(len(state) // 2)]
    network = FashionMLP([weights[0].shape[1], *(len(weight) for weight in weights)])
    network.load_state_dict(state)
    return network
