"""Prediction with a trained numpy_network, and its weights as a file."""

from pathlib import Path

from stages.core import numerics
from stages.networks.numpy_network.network import NumpyNetwork
from stages.networks.numpy_network.recipe import Recipe

import numpy as np
from safetensors import numpy as safetensors


def predict(network: NumpyNetwork, images: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Return the log-probabilities, (n, classes), of images, uint8 (n, 28, 28)."""
    return network.forward(to_input(images, recipe.scale_pixels))


def to_input(images: np.ndarray, scale_pixels: bool) -> np.ndarray:
    """Return images, uint8 (n, 28, 28), as float32 (n, 784), from 0 to 255, or to 1 if scaled."""
    inputs = images.reshape(len(images), -1)
    return inputs / np.float32(255) if scale_pixels else inputs.astype(np.float32)


def save(network: NumpyNetwork, path: Path, dataset: str) -> None:
    """Write the weights and biases as safetensors, with the data set and what computed them."""
    path.write_bytes(safetensors.save(_views(network), numerics.provenance(dataset)))


def load(path: Path, recipe: Recipe) -> NumpyNetwork:
    """Read a network that `save` wrote. Raises ValueError if it is not of the recipe's sizes."""
    network = NumpyNetwork(recipe.sizes)
    views, state = _views(network), safetensors.load_file(path)
    if {name: view.shape for name, view in views.items()} != {
        name: array.shape for name, array in state.items()
    }:
        raise ValueError("other layers")
    for name, view in views.items():
        view[:] = state[name]
    return network


def _views(network: NumpyNetwork) -> dict[str, np.ndarray]:
    """Return the weights and biases by name; layers are numbered from one."""
    layers = enumerate(zip(network.weights, network.biases, strict=True), 1)
    return {
        name: array
        for layer, (weight, bias) in layers
        for name, array in ((f"weight_{layer}", weight), (f"bias_{layer}", bias.ravel()))
    }
