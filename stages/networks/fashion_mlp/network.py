"""The network of problem 4: a multilayer perceptron in PyTorch."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from stages import core

import numpy as np
import torch
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

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute what the layers compute, but outside autograd by OpenBLAS, where it is pinned."""
        if torch.is_grad_enabled() or not by_openblas(x.device):
            return super().forward(x)
        *_, logits = activations(x.numpy(), *layers_of(self.parameters()))
        return torch.from_numpy(logits)


def by_openblas(device: torch.device) -> bool:
    """Whether to multiply matrices on the device by OpenBLAS, with numpy's `dot`.

    PyTorch's own choice on the CPU is MKL, whose bits depend on the processor's maker and on the
    number of threads. OpenBLAS gives the same bits everywhere once it is pinned.
    """
    return device.type == "cpu" and not core.UNPINNED


def layers_of(tensors: Iterable[torch.Tensor]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return weights, (inputs, outputs), and biases, (outputs,), of all layers, as numpy sees them.

    `tensors` are the parameters of a FashionMLP or their gradients, and share their memory.
    """
    arrays = [tensor.detach().t().numpy() for tensor in tensors]
    return arrays[::2], arrays[1::2]


def activations(
    x: np.ndarray, weights: Sequence[np.ndarray], biases: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Return x, (n, inputs), each hidden layer after ReLU, and the logits, (n, outputs)."""
    layers = [x]
    for weight, bias in zip(weights, biases, strict=True):
        z = np.dot(layers[-1], weight)
        z += bias
        if len(layers) < len(weights):
            np.maximum(z, 0, out=z)
        layers.append(z)
    return layers
