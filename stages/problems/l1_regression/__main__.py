"""Problem 1: fit a line to points with outliers under the L1 loss, and certify it optimal."""

import statistics

from stages.core.files import replacing, write_numbers
from stages.core.params import load_params
from stages.core.paths import Problem
from stages.core.stage import run_stage
from stages.plot.style import FIGURES, save_figures
from stages.problems.l1_regression import figures
from stages.problems.l1_regression.data import LINES, PAIRS, X_RANGE, make_data
from stages.problems.l1_regression.params import Params
from stages.problems.l1_regression.solver import (
    ZERO,
    certify,
    irls,
    l1_loss,
    lower_bound,
    minimise,
    with_ones,
)

import numpy as np

PROBLEM = Problem("l1_regression")


def main() -> None:
    """Fit a line to points with outliers under the L1 loss, and certify it optimal."""
    params = load_params(Params, PROBLEM.name)
    x, y, outliers = make_data(params)
    design = with_ones(x)
    theta = minimise(design, y)
    loss = l1_loss(design, y, theta)
    dual, dual_residual = certify(design, y, theta)
    on_line = np.abs(design @ theta - y) < ZERO
    true_line = np.array([params.slope, params.intercept])
    thetas = irls(design, y, params.iterations)
    least_squares = thetas[0]
    suboptimality = [l1_loss(design, y, each) - loss for each in thetas]
    with replacing(PROBLEM.results) as partial:
        partial.mkdir()
        write_numbers(
            partial / "numbers.json",
            {
                "slope": theta[0],
                "intercept": theta[1],
                "l1_loss": loss,
                "lower_bound": lower_bound(y, dual),
                "dual_residual": dual_residual,
                "max_dual_on_line": np.abs(dual[on_line]).max(initial=0),
                "points_on_line": int(on_line.sum()),
                "outliers": int(outliers.sum()),
                "max_distance": max_distance(theta, true_line),
                "true_l1_loss": l1_loss(design, y, true_line),
                "least_squares_slope": least_squares[0],
                "least_squares_intercept": least_squares[1],
                "least_squares_l1_loss": l1_loss(design, y, least_squares),
                "least_squares_max_distance": max_distance(least_squares, true_line),
                "irls_suboptimality": suboptimality[-1],
                **losses_of_constants(y),
                **losses_of_pairs(),
            },
        )
    save_figures(
        FIGURES / PROBLEM.name,
        {
            "fit": figures.fit(x, y, outliers, on_line, (true_line, theta, least_squares)),
            "subdifferential": figures.subdifferential(),
            "not_unique": figures.not_unique(),
            "convergence": figures.convergence(suboptimality),
        },
    )


def max_distance(line: np.ndarray, other: np.ndarray) -> float:
    """Return the max distance in y of two lines, each slope and intercept, over the range of x."""
    return float(np.abs(with_ones(np.array(X_RANGE)) @ (line - other)).max())


def losses_of_constants(y: np.ndarray) -> dict[str, float]:
    """Return the L1 losses of the best constant and of the median, for y of shape (n,)."""
    design = np.ones((len(y), 1))
    median = np.array([statistics.median(y.tolist())])
    return {
        "constant_l1_loss": l1_loss(design, y, minimise(design, y)),
        "median_l1_loss": l1_loss(design, y, median),
    }


def losses_of_pairs() -> dict[str, float]:
    """Return the min and max loss of LINES and of the solver's line for PAIRS, and the bound."""
    design, y = with_ones(PAIRS[:, 0]), PAIRS[:, 1]
    theta = minimise(design, y)
    losses = [l1_loss(design, y, line) for line in (theta, *LINES)]
    dual, _ = certify(design, y, theta)
    return {
        "pairs_min_loss": min(losses),
        "pairs_max_loss": max(losses),
        "pairs_lower_bound": lower_bound(y, dual),
    }


if __name__ == "__main__":
    run_stage(main)
