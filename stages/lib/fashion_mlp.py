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
from stages.lib.augmentation import views
from stages.lib.params import FashionMLPRecipe


class MLPByOpenBLAS(torch.autograd.Function):
    """The logits of a multilayer perceptron and their gradients, with numpy's matrix products.

    Those of PyTorch come from MKL, whose bits depend on the processor's maker and on the number of
    threads. OpenBLAS, which numpy brings along, gives the same bits everywhere once it is pinned,
    and is faster at these sizes. One function serves all layers, because autograd takes its time
    for each.
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx, x: torch.Tensor, dropout: float, *parameters: torch.Tensor
    ) -> torch.Tensor:
        """Return the logits, (n, outputs), of x, (n, inputs).

        `parameters` are the weights, (outputs, inputs), and biases, (outputs,), layer by layer.
        """
        weights, biases = parameters[::2], parameters[1::2]
        activations = [x]
        for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
            hidden = product(activations[-1], weight.T).add_(bias).relu_()
            activations.append(torch.dropout(hidden, dropout, train=dropout > 0))
        ctx.save_for_backward(*activations, *weights)
        ctx.dropout = dropout
        return product(activations[-1], weights[-1].T).add_(biases[-1])

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients by x and the parameters, given that by the logits."""
        layers = len(ctx.saved_tensors) // 2
        activations, weights = ctx.saved_tensors[:layers], ctx.saved_tensors[layers:]
        gradients = []
        for layer in reversed(range(layers)):
            gradients[:0] = product(gradient.T, activations[layer]), gradient.sum(dim=0)
            if layer > 0:
                gradient = product(gradient, weights[layer])
                # As ReLU's own: what is zero was below zero, or left out by dropout.
                gradient = torch.ops.aten.threshold_backward(gradient, activations[layer], 0)
                if ctx.dropout:
                    gradient.div_(1 - ctx.dropout)  # which has enlarged the rest
        by_x = product(gradient, weights[0]) if ctx.needs_input_grad[0] else None
        return by_x, None, *gradients


def product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The matrix product of two tensors on the CPU, by OpenBLAS and outside autograd."""
    return torch.from_numpy(np.dot(a.detach().numpy(), b.detach().numpy()))


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
            layers += [nn.Linear(inputs, outputs), relu]
        super().__init__(*layers[:-1])
        self.dropout = dropout

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The layers' own computation, but by OpenBLAS where the numerics are pinned."""
        if stages.UNPINNED or x.device.type != "cpu":
            return super().forward(x)
        return MLPByOpenBLAS.apply(x, self.dropout if self.training else 0.0, *self.parameters())

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
    return torch.from_numpy(images.copy()).flatten(1).float().div_(255)


@torch.no_grad()
def log_probabilities(network: FashionMLP, *inputs: torch.Tensor) -> np.ndarray:
    """The log-softmax of the logits, float32 of shape (n, classes), without dropout.

    An input has shape (n, pixels); of several, views of the same images, the mean of their logits
    counts.
    """
    network.eval()
    logits = sum(network(each) for each in inputs) / len(inputs)
    return logits.log_softmax(dim=1).cpu().numpy()


def predict(network: FashionMLP, images: np.ndarray, recipe: FashionMLPRecipe) -> np.ndarray:
    """The log-probabilities, (n, classes), of images, uint8 (n, 28, 28), as the recipe asks."""
    shown = [images]
    if recipe.test_time_augmentation:
        shown = views(images, recipe.shift, recipe.mirror)
    device = next(network.parameters()).device
    return log_probabilities(network, *(to_input(view).to(device) for view in shown))
