"""Problem 1: fit a line to points with outliers under the L1 loss, and certify it optimal."""

from stages.core.files import replacing, write_numbers
from stages.core.params import load_params
from stages.core.paths import Problem
from stages.core.stage import run_stage
from stages.plot.style import save_figures
from stages.problems.l1_regression import figures, solver
from stages.problems.l1_regression.data import LINES, PAIRS, X_RANGE, make_data
from stages.problems.l1_regression.solver import l1_loss, with_ones
from stages.problems.params import L1Regression

import numpy as np

PROBLEM = Problem("l1_regression")


def main() -> None:
    """Fit a line to points with outliers under the L1 loss, and certify it optimal."""
    params = load_params(L1Regression, PROBLEM.name)
    x, y, outliers = make_data(params)
    design, ends = with_ones(x), with_ones(np.array(X_RANGE))
    theta = solver.minimise(design, y)
    loss = l1_loss(design, y, theta)
    dual, dual_residual = solver.certify(design, y, theta)
    on_line = np.abs(design @ theta - y) < solver.ZERO
    true_line = np.array([params.slope, params.intercept])
    thetas = solver.irls(design, y, params.iterations)
    least_squares = thetas[0]
    suboptimality = [l1_loss(design, y, each) - loss for each in thetas]

    constant = np.ones((len(y), 1))
    pairs, pairs_y = with_ones(PAIRS[:, 0]), PAIRS[:, 1]
    pairs_theta = solver.minimise(pairs, pairs_y)
    pairs_losses = [l1_loss(pairs, pairs_y, line) for line in (pairs_theta, *LINES)]
    pairs_dual, _ = solver.certify(pairs, pairs_y, pairs_theta)
    numbers = {
        "slope": theta[0],
        "intercept": theta[1],
        "l1_loss": loss,
        "lower_bound": solver.lower_bound(y, dual),
        "dual_residual": dual_residual,
        "max_dual_on_line": np.abs(dual[on_line]).max(initial=0),
        "points_on_line": int(on_line.sum()),
        "outliers": int(outliers.sum()),
        "max_distance": np.abs(ends @ (theta - true_line)).max(),
        "true_l1_loss": l1_loss(design, y, true_line),
        "least_squares_slope": least_squares[0],
        "least_squares_intercept": least_squares[1],
        "least_squares_l1_loss": l1_loss(design, y, least_squares),
        "least_squares_max_distance": np.abs(ends @ (least_squares - true_line)).max(),
        "irls_suboptimality": suboptimality[-1],
        "constant_l1_loss": l1_loss(constant, y, solver.minimise(constant, y)),
        "median_l1_loss": l1_loss(constant, y, np.median(y, keepdims=True)),
        "pairs_min_loss": min(pairs_losses),
        "pairs_max_loss": max(pairs_losses),
        "pairs_lower_bound": solver.lower_bound(pairs_y, pairs_dual),
    }
    with replacing(PROBLEM.results) as partial:
        partial.mkdir()
        write_numbers(partial / "numbers.json", numbers)
    lines = np.stack([true_line, theta, least_squares])
    drawn = {
        "fit": figures.fit(x, y, outliers, on_line, lines),
        "subdifferential": figures.subdifferential(),
        "not_unique": figures.not_unique(),
        "convergence": figures.convergence(suboptimality),
    }
    save_figures(PROBLEM.figures, drawn)


if __name__ == "__main__":
    run_stage(main)
