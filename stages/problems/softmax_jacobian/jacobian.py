"""Softmax and its Jacobian J: by the formula, by autograd, by complex steps; and cross entropy.

For logits z of shape (k,) at the temperature T, with [i = j] the Kronecker delta,

    y_i = exp(z_i / T) / sum_j exp(z_j / T)         J_ij = dy_i/dz_j = y_i ([i = j] - y_j) / T

With the cross entropy C = -sum_i t_i log y_i of a one-hot target t, the chain rule gives

    dC/dz = J^T (-t / y) = y - t                    at T = 1
"""

from functools import partial

import numpy as np
import torch

STEP = 1e-100  # of the complex step: 1 + STEP^2 must round to 1


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Return the softmax over the last axis, of shape (..., k) as the logits.

    Each vector's own maximum is subtracted first, so that exp overflows for none.
    """
    with np.errstate(over="ignore"):  # a difference beyond the range is -inf, and exp(-inf) = 0
        exponentials = np.exp((logits - logits.max(axis=-1, keepdims=True)) / temperature)
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def jacobian(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Return the matrices dy_i/dz_j, of shape (..., k, k), for logits of shape (..., k)."""
    y = softmax(logits, temperature)
    delta = np.eye(logits.shape[-1])
    return y[..., :, np.newaxis] * (delta - y[..., np.newaxis, :]) / temperature


def jacobian_by_autograd(logits: np.ndarray) -> np.ndarray:
    """Return the same, (n, k, k), for logits of shape (n, k) at T = 1, by PyTorch's autograd."""
    by_autograd = partial(torch.autograd.functional.jacobian, lambda z: z.softmax(dim=0))
    return np.stack([by_autograd(z) for z in torch.from_numpy(logits)])


def jacobian_by_complex_step(logits: np.ndarray) -> np.ndarray:
    """Return the same, (n, k, k), for logits of shape (n, k) at T = 1, by complex steps.

    df/dx = Im f(x + ih) / h, with an error of order h^2 and none from cancellation (Squire and
    Trapp, "Using complex variables to estimate derivatives of real functions", 1998).
    """
    shifted = logits - logits.max(axis=-1, keepdims=True)
    exponentials = np.exp(shifted[:, np.newaxis, :] + 1j * STEP * np.eye(logits.shape[-1]))
    y = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return y.imag.swapaxes(-1, -2) / STEP


def cross_entropy_gradients(logits: np.ndarray, target: int) -> tuple[np.ndarray, np.ndarray]:
    """Return dC/dz, for logits of shape (n, k), by the chain rule through the Jacobian, and y - t.

    Both have the logits' shape.
    """
    y, t = softmax(logits), np.eye(logits.shape[-1])[target]
    return np.einsum("nij,ni->nj", jacobian(logits), -t / y), y - t
