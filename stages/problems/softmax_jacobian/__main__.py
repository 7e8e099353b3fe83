"""Problem 3: check the formula of softmax's Jacobian by independent methods, and draw it."""

from stages.core.files import replacing, write_numbers
from stages.core.params import load_params
from stages.core.paths import Problem
from stages.core.stage import run_stage
from stages.plot.style import save_figures
from stages.problems.params import SoftmaxJacobian
from stages.problems.softmax_jacobian import figures
from stages.problems.softmax_jacobian.jacobian import (
    cross_entropy_gradients,
    jacobian,
    jacobian_by_autograd,
    jacobian_by_complex_step,
    softmax,
)

import numpy as np
import pandas as pd

PROBLEM = Problem("softmax_jacobian")
TARGET = 1  # the true class
ZERO = 1e-12  # an eigenvalue up to this size is zero up to rounding
EXTREME = np.array([1e308, 800.0, 0.0, -800.0, -1e308])


def main() -> None:
    """Check the formula of softmax's Jacobian by independent methods, and draw it."""
    params = load_params(SoftmaxJacobian, PROBLEM.name)
    vector = np.array(params.logits)
    generator = np.random.default_rng(params.seed)
    drawn = generator.normal(vector.mean(), vector.std(), (params.vectors - 1, len(vector)))
    logits = np.vstack([vector, drawn])
    matrices = jacobian(logits)
    eigenvalues = np.linalg.eigvalsh(matrices)
    ranks = np.count_nonzero(eigenvalues > ZERO, axis=-1)
    chain_rule, y_minus_t = cross_entropy_gradients(logits, TARGET)
    with np.errstate(over="ignore", invalid="ignore"):
        naive = np.exp(EXTREME) / np.exp(EXTREME).sum()
    numbers = {
        "autograd_difference": np.abs(matrices - jacobian_by_autograd(logits)).max(),
        "complex_step_difference": np.abs(matrices - jacobian_by_complex_step(logits)).max(),
        "shifted_difference": np.abs(matrices - jacobian(logits + 1000)).max(),
        "max_entry": np.abs(matrices).max(),
        "one_vector_difference": np.abs(matrices[0] - jacobian(vector)).max(),
        "max_row_sum": np.abs(matrices.sum(axis=-1)).max(),
        "asymmetry": np.abs(matrices - matrices.swapaxes(-1, -2)).max(),
        "min_eigenvalue": eigenvalues.min(),
        "min_rank": int(ranks.min()),
        "max_rank": int(ranks.max()),
        "extreme_not_finite": int(np.count_nonzero(~np.isfinite(jacobian(EXTREME)))),
        "naive_softmax_not_finite": int(np.count_nonzero(~np.isfinite(naive))),
        "chain_rule_difference": np.abs(chain_rule - y_minus_t).max(),
    }
    gradients = {
        "logit": vector,
        "probability": softmax(vector),
        "target": np.eye(len(vector))[TARGET],
        "chain_rule": chain_rule[0],
        "y_minus_t": y_minus_t[0],
    }
    with replacing(PROBLEM.results) as partial:
        partial.mkdir()
        pd.DataFrame(gradients).round(6).to_csv(partial / "cross_entropy.csv", index=False)
        write_numbers(partial / "numbers.json", numbers)
    heat_maps = figures.temperatures(vector, params.temperatures)
    save_figures(PROBLEM.figures, {"temperatures": heat_maps})


if __name__ == "__main__":
    run_stage(main)
