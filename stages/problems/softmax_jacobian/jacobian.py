"""Softmax and its Jacobian: by the formula, by autograd, by complex steps; and cross entropy.

For logits z of shape (k,) at the temperature T,

    y_i = exp(z_i / T) / sum_j exp(z_j / T)         dy_i/dz_j = y_i ([i = j] - y_j) / T

by the quotient rule, with [i = j] the Kronecker delta. As a matrix J = (diag(y) - y y^T) / T. It is
symmetric; its rows sum to zero, since adding a constant to all logits changes nothing; and v^T J v
is the variance of v under the probabilities y, over T. So it is positive semidefinite, and since
the variance is zero only for equal v_i, J has rank k - 1.

With the cross entropy C = -sum_i t_i log y_i of a one-hot target t, the chain rule gives

    dC/dz = J^T (-t / y) = y - t                    at T = 1
"""

from stages.networks.numpy_network.network import NumpyNetwork

import numpy as np
import torch

STEP = 1e-100  # of the complex step: 1 + STEP^2 must round to 1


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Return the softmax over the last axis, of shape (..., k) as the logits.

    Each vector's own max is subtracted first, so that exp overflows for none.
    """
    with np.errstate(over="ignore"):  # a difference beyond the range is -inf, and exp(-inf) = 0
        exponentials = np.exp((logits - logits.max(axis=-1, keepdims=True)) / temperature)
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def jacobian(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Return the matrices dy_i/dz_j, of shape (..., k, k), for logits of shape (..., k)."""
    y = softmax(logits, temperature)
    delta = np.eye(logits.shape[-1])
    return y[..., :, np.newaxis] * (delta - y[..., np.newaxis, :]) / temperature


def jacobian_by_autograd(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Return the same, (n, k, k), for logits of shape (n, k), by PyTorch's autograd."""

    def one(z: torch.Tensor) -> torch.Tensor:
        return torch.softmax(z / temperature, dim=0)

    return torch.vmap(torch.func.jacrev(one))(torch.from_numpy(logits)).numpy()


def jacobian_by_complex_step(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Return the same, (n, k, k), for logits of shape (n, k), by complex-step differentiation.

    df/dx = Im f(x + ih) / h, with an error of order h^2 and none from cancellation (Squire and
    Trapp, "Using complex variables to estimate derivatives of real functions", 1998).
    """
    shifted = logits - logits.max(axis=-1, keepdims=True)
    stepped = shifted[:, np.newaxis, :] + 1j * STEP * np.eye(logits.shape[-1])
    exponentials = np.exp(stepped / temperature)
    y = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return y.imag.swapaxes(-1, -2) / STEP


def cross_entropy_gradients(logits: np.ndarray, target: int) -> tuple[np.ndarray, ...]:
    """Return dC/dz, for logits of shape (n, k), in three ways, each of that shape.

    By the chain rule through the Jacobian, by y - t, and by backpropagation in `NumpyNetwork`, the
    network of problem 5: as the gradient of its biases, where these are its logits.
    """
    y, t = softmax(logits), np.eye(logits.shape[-1])[target]
    chain_rule = np.einsum("nij,ni->nj", jacobian(logits), -t / y)
    network = NumpyNetwork([1, logits.shape[-1]], np.float64)
    gradients = []
    for z in logits:
        network.biases[0][:] = z
        network.backward(network.forward(np.zeros((1, 1))), t[np.newaxis])
        gradients.append(network.bias_gradients[0].ravel().copy())
    return chain_rule, y - t, np.array(gradients)
