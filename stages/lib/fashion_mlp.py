"""The network of problem 4: a multilayer perceptron in PyTorch."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import nn
from torch.autograd.function import FunctionCtx

import stages


class LinearByOpenBLAS(torch.autograd.Function):
    """y = x W^T + b and its gradients, with numpy's matrix products.

    Those of PyTorch come from MKL, whose bits depend on the processor's maker and on the number of
    threads. OpenBLAS, which numpy brings along, gives the same bits everywhere once it is pinned,
    and is faster at these sizes. Shapes: x (n, inputs), W (outputs, inputs), b (outputs,),
    y (n, outputs).
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor
    ) -> torch.Tensor:
        """Return y."""
        ctx.save_for_backward(x, weight)
        return product(x, weight.T).add_(bias)

    @staticmethod
    def backward(
        ctx: FunctionCtx, gradient: torch.Tensor
    ) -> tuple[torch.Tensor | None, torch.Tensor, torch.Tensor]:
        """Return the gradients by x, W and b, given that by y."""
        x, weight = ctx.saved_tensors
        by_x = product(gradient, weight) if ctx.needs_input_grad[0] else None
        return by_x, product(gradient.T, x), gradient.sum(dim=0)


def product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The matrix product of two tensors on the CPU, by OpenBLAS and outside autograd."""
    return torch.from_numpy(np.dot(a.detach().numpy(), b.detach().numpy()))


class Linear(nn.Linear):
    """`nn.Linear` with reproducible bits where the numerics are pinned."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map x of shape (n, inputs) to shape (n, outputs)."""
        if stages.UNPINNED or x.device.type != "cpu":
            return super().forward(x)
        return LinearByOpenBLAS.apply(x, self.weight, self.bias)


class FashionMLP(nn.Sequential):
    """Linear layers with ReLU between them and PyTorch's default initialisation.

    `sizes` are those of the input, the hidden layers and the output. It maps images of shape
    (n, sizes[0]) to logits of shape (n, sizes[-1]). In training, each hidden unit is left out with
    the probability `dropout` (Srivastava et al., 2014).
    """

    def __init__(self, sizes: Sequence[int], dropout: float = 0.0) -> None:
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            relu = nn.Sequential(nn.ReLU(), nn.Dropout(dropout)) if dropout else nn.ReLU()
            layers += [Linear(inputs, outputs), relu]
        super().__init__(*layers[:-1])

    def save(self, path: Path) -> None:
        """Write the weights as safetensors."""
        path.write_bytes(save(self.state_dict()))

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
    """The log-softmax of the logits, float32 of shape (n, classes), without dropout."""
    return network.eval()(inputs).log_softmax(dim=1).cpu().numpy()
