"""Prediction with a trained numpy_network, and its weights as a file."""

from pathlib import Path

from stages.networks.numpy_network.network import NumpyNetwork
from stages.networks.numpy_network.recipe import Recipe

import numpy as np
from safetensors import numpy as safetensors


def predict(network: NumpyNetwork, images: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Return the log-probabilities, (n, classes), of images, uint8 (n, 28, 28)."""
    return network.forward(to_input(images, recipe.scale_pixels))


def to_input(images: np.ndarray, scale_pixels: bool) -> np.ndarray:
    """Return images, uint8 (n, 28, 28), as float32 (n, 784), from 0 to 255, or to 1 if scaled."""
    inputs = images.reshape(len(images), -1).astype(np.float32)
    return inputs / 255 if scale_pixels else inputs


def save(network: NumpyNetwork, path: Path) -> None:
    """Write the weights and biases as safetensors."""
    arrays = {}
    for layer, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True), 1):
        arrays |= {f"weight_{layer}": weight, f"bias_{layer}": bias.ravel()}
    path.write_bytes(safetensors.save(arrays))


def load(path: Path) -> NumpyNetwork:
    """Read a network that `save` wrote."""
    state = safetensors.load_file(path)
    layers = range(1, len(state) // 2 + 1)
    weights = [state[f"weight_{layer}"] for layer in layers]
    network = NumpyNetwork([weights[0].shape[1], *(len(weight) for weight in weights)])
    for index, layer in enumerate(layers):
        network.weights[index][:] = state[f"weight_{layer}"]
        network.biases[index][:] = state[f"bias_{layer}"]
    return network
