"""Problem 3: the Jacobian of softmax.

For logits z of shape (k,) at the temperature T,

    y_i = exp(z_i / T) / sum_j exp(z_j / T)         dy_i/dz_j = y_i ([i = j] - y_j) / T

by the quotient rule, with [i = j] Kronecker's delta. As a matrix J = (diag(y) - y y^T) / T. It is
symmetric; its rows sum to zero, since adding a constant to all logits changes nothing; and v^T J v
is the variance of v under the probabilities y, over T, so that it is positive semidefinite, and
zero only for equal v_i: J has the rank k - 1.

With the cross entropy C = -sum_i t_i log y_i of a one-hot target t, the chain rule gives

    dC/dz = J^T (-t / y) = y - t                    at T = 1
"""

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure

from stages.lib.artifacts import figures_folder, metrics_file, replacing, table_file, write_metrics
from stages.lib.numpy_network import NumpyNetwork
from stages.lib.params import load_params
from stages.lib.stage import run_stage
from stages.lib.style import save_figures

NAME = "softmax_jacobian"
STEP = 1e-100  # of the complex step: its square must vanish beside 1
SMALL = 1e-12  # an eigenvalue of this size is one of zero but for rounding
TARGET = 1  # the true class
EXTREME = np.array([1e308, 800.0, 0.0, -800.0, -1e308])


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """The softmax over the last axis, of shape (..., k) as the logits.

    Each vector's own greatest entry is taken away first, so that exp overflows for none.
    """
    with np.errstate(over="ignore"):  # a difference beyond the range is -inf, and exp(-inf) = 0
        exponentials = np.exp((logits - logits.max(axis=-1, keepdims=True)) / temperature)
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def jacobian(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """The matrices dy_i/dz_j, of shape (..., k, k), for logits of shape (..., k)."""
    y = softmax(logits, temperature)
    delta = np.eye(logits.shape[-1])
    return y[..., :, np.newaxis] * (delta - y[..., np.newaxis, :]) / temperature


def jacobian_by_autograd(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """The same for logits of shape (n, k), by PyTorch's derivative of PyTorch's softmax."""

    def one(z: torch.Tensor) -> torch.Tensor:
        return torch.softmax(z / temperature, dim=0)

    return torch.vmap(torch.func.jacrev(one))(torch.from_numpy(logits)).numpy()


def jacobian_by_complex_step(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """The same for logits of shape (n, k), by differences along the imaginary axis.

    df/dx = Im f(x + ih) / h, with an error of order h^2 and none from subtraction (Squire and
    Trapp, "Using complex variables to estimate derivatives of real functions", 1998).
    """
    shifted = logits - logits.max(axis=-1, keepdims=True)
    stepped = shifted[:, np.newaxis, :] + 1j * STEP * np.eye(logits.shape[-1])
    exponentials = np.exp(stepped / temperature)
    y = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return y.imag.swapaxes(-1, -2) / STEP


def cross_entropy_gradients(logits: np.ndarray, target: int) -> tuple[np.ndarray, ...]:
    """dC/dz for logits of shape (n, k), in three ways of that shape.

    By the chain rule through the Jacobian, by y - t, and as `NumpyNetwork`, the network of problem
    5, computes it: as the gradient of its biases, if those are its logits.
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


def main() -> None:
    """Check the formula of softmax's Jacobian by other means, and draw it."""
    params = load_params().softmax_jacobian
    vector = np.array(params.logits)
    generator = np.random.default_rng(params.seed)
    drawn = generator.normal(vector.mean(), vector.std(), (params.vectors - 1, len(vector)))
    logits = np.vstack([vector, drawn])
    matrices = jacobian(logits)
    eigenvalues = np.linalg.eigvalsh(matrices)
    ranks = np.count_nonzero(eigenvalues > SMALL, axis=-1)
    chain_rule, y_minus_t, network = cross_entropy_gradients(logits, TARGET)
    with np.errstate(over="ignore", invalid="ignore"):
        naive = np.exp(EXTREME) / np.exp(EXTREME).sum()

    write_metrics(
        metrics_file(NAME),
        {
            "autograd_difference": np.abs(matrices - jacobian_by_autograd(logits)).max(),
            "complex_step_difference": np.abs(matrices - jacobian_by_complex_step(logits)).max(),
            "shifted_difference": np.abs(matrices - jacobian(logits + 1000)).max(),
            "greatest_entry": np.abs(matrices).max(),
            "one_vector_difference": np.abs(matrices[0] - jacobian(vector)).max(),
            "greatest_row_sum": np.abs(matrices.sum(axis=-1)).max(),
            "asymmetry": np.abs(matrices - matrices.swapaxes(-1, -2)).max(),
            "least_eigenvalue": eigenvalues.min(),
            "least_rank": int(ranks.min()),
            "greatest_rank": int(ranks.max()),
            "extreme_not_finite": int(np.count_nonzero(~np.isfinite(jacobian(EXTREME)))),
            "naive_softmax_not_finite": int(np.count_nonzero(~np.isfinite(naive))),
            "chain_rule_difference": np.abs(chain_rule - y_minus_t).max(),
            "numpy_network_difference": np.abs(network - y_minus_t).max(),
        },
    )
    columns = {
        "logit": vector,
        "probability": softmax(vector),
        "target": np.eye(len(vector))[TARGET],
        "chain_rule": chain_rule[0],
        "y_minus_t": y_minus_t[0],
    }
    with replacing(table_file(NAME)) as partial:
        pd.DataFrame(columns).round(6).to_csv(partial, index=False)
    save_figures(
        figures_folder(NAME), {"temperatures": draw_jacobians(vector, params.temperatures)}
    )


def draw_jacobians(logits: np.ndarray, temperatures: list[float]) -> Figure:
    """The Jacobian at several temperatures as heat maps, all on one scale."""
    figure = Figure(figsize=(3.4 * len(temperatures) + 1, 4.4))
    figure.suptitle(f"Jacobian of softmax for the logits {', '.join(f'{z:g}' for z in logits)}")
    panels = np.atleast_1d(figure.subplots(1, len(temperatures)))
    matrices = [jacobian(logits, temperature) for temperature in temperatures]
    greatest = max(np.abs(matrix).max() for matrix in matrices)
    for axes, temperature, matrix in zip(panels, temperatures, matrices, strict=True):
        picture = axes.imshow(matrix, cmap="RdBu", vmin=-greatest, vmax=greatest)
        for (row, column), value in np.ndenumerate(matrix):
            color = "white" if abs(value) > 0.6 * greatest else "black"
            axes.text(
                column, row, f"{value:.2g}", ha="center", va="center", fontsize=8, color=color
            )
        axes.set(
            title=f"T = {temperature:g}",
            xlabel="j: logit",
            xticks=range(len(logits)),
            yticks=range(len(logits)),
        )
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
    panels[0].set(ylabel="i: probability")
    figure.colorbar(picture, ax=list(panels), shrink=0.7)
    return figure


if __name__ == "__main__":
    run_stage(main)
