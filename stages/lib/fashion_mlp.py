"""The network of problem 4: a multilayer perceptron in PyTorch."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn


class FashionMLP(nn.Sequential):
    """Linear layers with ReLU between them and PyTorch's default initialisation.

    `sizes` are those of the input, the hidden layers and the output. It maps images of shape
    (n, sizes[0]) to logits of shape (n, sizes[-1]).
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        super().__init__(*layers[:-1])

    def save(self, path: Path) -> None:
        """Write the weights as safetensors."""
        save_file(self.state_dict(), path)

    @classmethod
    def load(cls, path: Path) -> "FashionMLP":
        """Read a network that `save` wrote."""
        state = load_file(path)
        weights = [state[f"{2 * layer}.weight"] for layer in range(len(state) // 2)]
        network = cls([weights[0].shape[1], *(len(weight) for weight in weights)])
        network.load_state_dict(state)
        return network


def to_input(images: np.ndarray) -> torch.Tensor:
    """Images, uint8 (n, 28, 28), as float32 (n, 784) from 0 to 1, as torchvision's ToTensor."""
    return torch.from_numpy(images.copy()).flatten(1).float() / 255


@torch.no_grad()
def log_probabilities(network: FashionMLP, inputs: torch.Tensor) -> np.ndarray:
    """The log-softmax of the logits, float32 of shape (n, classes)."""
    return network(inputs).log_softmax(dim=1).cpu().numpy()
