"""The network of problem 4: a multilayer perceptron in PyTorch."""

from collections.abc import Sequence
from itertools import pairwise

from stages import core

import numpy as np
import torch
from torch import nn
from torch.autograd.function import FunctionCtx


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
        """Compute what the layers compute, but by OpenBLAS where the numerics are pinned."""
        if core.UNPINNED or x.device.type != "cpu":
            return super().forward(x)
        return MLPByOpenBLAS.apply(x, *self.parameters())


class MLPByOpenBLAS(torch.autograd.Function):
    """The logits of a multilayer perceptron and their gradients, with numpy's `dot`.

    PyTorch's matrix multiplication is that of MKL, whose bits depend on the processor's maker and
    on the number of threads. OpenBLAS, which numpy ships with, gives the same bits everywhere
    once it is pinned, and is faster at these sizes. One function serves all layers, because each
    autograd function costs time.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, x: torch.Tensor, *parameters: torch.Tensor) -> torch.Tensor:
        """Return the logits, (n, outputs), of x, (n, inputs).

        `parameters` are the weights, (outputs, inputs), and biases, (outputs,), layer by layer.
        """
        weights, biases = parameters[::2], parameters[1::2]
        activations = [x]
        for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
            activations.append(matmul(activations[-1], weight.T).add_(bias).relu_())
        ctx.save_for_backward(*activations, *weights)
        return matmul(activations[-1], weights[-1].T).add_(biases[-1])

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients with respect to x and the parameters, given that of the logits."""
        layers = len(ctx.saved_tensors) // 2
        activations, weights = ctx.saved_tensors[:layers], ctx.saved_tensors[layers:]
        gradients = []
        for layer in reversed(range(layers)):
            gradients[:0] = matmul(gradient.T, activations[layer]), gradient.sum(dim=0)
            if layer > 0:
                gradient = matmul(gradient, weights[layer])
                # The gradient of ReLU.
                gradient = torch.ops.aten.threshold_backward(gradient, activations[layer], 0)
        by_x = matmul(gradient, weights[0]) if ctx.needs_input_grad[0] else None
        return by_x, *gradients


def matmul(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Multiply two matrices on the CPU, by OpenBLAS and outside autograd."""
    return torch.from_numpy(np.dot(a.detach().numpy(), b.detach().numpy()))
