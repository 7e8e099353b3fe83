"""Problem 1: fit a line to points with outliers under the L1 loss, and certify it optimal."""

from stages.core.files import replacing, write_numbers
from stages.core.params import load_params
from stages.core.paths import figures_folder, problem_folder
from stages.core.stage import run_stage
from stages.plot.style import save_figures
from stages.problems.l1_regression import figures, solver
from stages.problems.l1_regression.data import make_data
from stages.problems.l1_regression.solver import l1_loss, with_ones
from stages.problems.params import L1Regression

import numpy as np
import pandas as pd

PROBLEM = "l1_regression"


def main() -> None:
    """Fit a line to points with outliers under the L1 loss, and certify it optimal."""
    params = load_params(L1Regression, PROBLEM)
    x, y, outliers = make_data(params)
    design = with_ones(x)
    theta = solver.minimise(design, y)
    loss = l1_loss(design, y, theta)
    dual, dual_residual = solver.certify(design, y, theta)
    on_line = np.abs(design @ theta - y) < solver.ZERO
    thetas = solver.irls(design, y, params.iterations)
    gaps = [l1_loss(design, y, each) - loss for each in thetas]
    least_squares, true_line = thetas[0], np.array([params.slope, params.intercept])
    lines = {
        "true line": true_line,
        "minimum L1 loss": theta,
        "weighted median, through the origin": np.array([solver.weighted_median(x, y), 0]),
        "least squares": least_squares,
    }
    table = pd.DataFrame(lines.values(), lines.keys(), ["slope", "intercept"])
    table["l1_loss"] = [l1_loss(design, y, line) for line in lines.values()]
    numbers = {
        "l1_loss": loss,
        "lower_bound": solver.lower_bound(y, dual),
        "dual_residual": dual_residual,
        "outliers": int(outliers.sum()),
        "points_on_line": int(on_line.sum()),
        "max_dual_on_line": np.abs(dual[on_line]).max(initial=0),
        "unique": solver.certifies_uniqueness(design, dual),
        "irls_gap": gaps[-1],
        "huber_gap_bound": solver.ZERO / 2 * on_line.sum(),
    }
    with replacing(problem_folder(PROBLEM)) as partial:
        partial.mkdir()
        table.round(6).to_csv(partial / "lines.csv", index_label="line")
        write_numbers(partial / "numbers.json", numbers)
    drawn = {
        "fit": figures.fit(x, y, outliers, on_line, np.stack([true_line, theta, least_squares])),
        "subdifferential": figures.subdifferential(),
        "not_unique": figures.not_unique(),
        "convergence": figures.convergence(gaps, numbers["huber_gap_bound"]),
    }
    save_figures(figures_folder(PROBLEM), drawn)


if __name__ == "__main__":
    run_stage(main)
