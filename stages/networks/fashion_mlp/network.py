"""The network of problem 4: a multilayer perceptron in PyTorch."""

from collections.abc import Sequence
from itertools import pairwise

from stages.networks.fashion_mlp.linear import Linear

from torch import nn


class FashionMLP(nn.Sequential):
    """Linear layers with ReLU between them and PyTorch's default initialisation.

    `sizes` are those of the input, the hidden layers and the output. It maps images of shape
    (n, sizes[0]) to logits of shape (n, sizes[-1]).
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            layers += [Linear(inputs, outputs), nn.ReLU()]
        super().__init__(*layers[:-1])
