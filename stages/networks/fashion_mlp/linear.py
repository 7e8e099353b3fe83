"""A linear layer that computes the same bits on every processor."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from stages.core import numerics

import numpy as np
import torch
from torch import nn

LARGE = 2**24  # multiplications from which two cores are faster than one
SECOND_CORE = ThreadPoolExecutor(1)


class Linear(nn.Linear):
    """`nn.Linear`, whose matrix products come from OpenBLAS where the numerics are pinned.

    PyTorch's own choice on the CPU is MKL, whose bits depend on the processor's maker and on the
    number of threads.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return x W^T + b, of shape (n, outputs), for x of shape (n, inputs)."""
        if x.device.type == "cpu" and not numerics.UNPINNED:
            return Affine.apply(x, self.weight, self.bias)
        return super().forward(x)


class Affine(torch.autograd.Function):
    """x W^T + b and its gradient, for x of shape (n, inputs), W (outputs, inputs), b (outputs,)."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor
    ) -> torch.Tensor:
        """Return x W^T + b, of shape (n, outputs)."""
        ctx.save_for_backward(x, weight)
        return product(x, weight.t()).add_(bias)

    @staticmethod
    def backward(ctx: Any, delta: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients by x, W and b, for delta, that by the output, (n, outputs)."""
        x, weight = ctx.saved_tensors
        by_x = product(delta, weight) if ctx.needs_input_grad[0] else None
        return by_x, product(delta.t(), x), delta.sum(dim=0)


def product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return the matrix product a b by OpenBLAS; a large one in two blocks of rows, at once.

    How it is divided depends on the shapes alone, so that no number of cores changes a bit.
    """
    left, right = a.numpy(), b.numpy()
    if a.shape[0] * b.numel() < LARGE:
        return torch.from_numpy(left @ right)
    result = np.empty((a.shape[0], b.shape[1]), left.dtype)
    half = a.shape[0] // 2
    lower = SECOND_CORE.submit(np.matmul, left[half:], right, result[half:])
    np.matmul(left[:half], right, result[:half])
    lower.result()
    return torch.from_numpy(result)
