"""Problem 1: linear regression under the L1 loss, solved exactly and certified.

With samples as rows of X and a last column of ones for the bias, A = [X 1] has shape (n, d + 1).
A linear model has the parameters theta = (w_1, .., w_d, b), the residuals r = A theta - y and the
loss sum |r_i|, which is convex and piecewise linear. Its subgradients at theta are the vectors

    A^T s    with s_i = sign(r_i) where r_i is not zero, and any s_i from -1 to 1 where it is,

and theta is a minimiser if and only if zero is one of them. Any such s also bounds the loss of
every other theta from below: if A^T s = 0 and |s_i| <= 1, then sum |r_i| >= s^T r = -s^T y.
(Boyd and Vandenberghe, "Convex Optimization", 2004, chapters 5 and 6.)
"""

import math
import statistics

import numpy as np
from matplotlib.figure import Figure
from scipy.optimize import linprog, lsq_linear

from stages.lib.artifacts import figures_folder, metrics_file, write_metrics
from stages.lib.params import L1Regression, load_params
from stages.lib.stage import StageError, run_stage
from stages.lib.style import BLUE, GREY, RED, save_figures

NAME = "l1_regression"
ZERO = 1e-9  # a residual of this size is one of zero but for rounding
TOLERANCE = 1e-6  # that of the solver
LEAST_RESIDUAL = 1e-9  # that a weight is the inverse of

# One parameter, no features: the loss is sum |t - number|.
NUMBERS = {"an odd count": (1.0, 2.0, 4.0, 7.0, 8.0), "an even count": (1.0, 2.0, 6.0, 8.0)}

# Two points above one another, twice: every line that passes between both pairs is a minimiser.
PAIRS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
LINES = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [-1.0, 1.0], [0.2, 0.4]])  # slope, intercept


def main() -> None:
    """Fit a line to points with gross outliers under the L1 loss, and prove that none is better."""
    params = load_params().l1_regression
    x, y, outliers = make_data(params)
    design = with_ones(x)
    theta = minimise(design, y)
    subgradient, imbalance = certify(design, y, theta)
    true_line = np.array([params.slope, params.intercept])
    steps = reweighted_least_squares(design, y, params.iterations)
    least_squares = steps[0]
    on_line = np.abs(design @ theta - y) < ZERO
    loss = l1_loss(design, y, theta)
    excess = [l1_loss(design, y, step) - loss for step in steps]
    constant = np.ones((len(y), 1))
    median = np.array([statistics.median(y.tolist())])
    pairs = with_ones(PAIRS[:, 0]), PAIRS[:, 1]
    pairs_line = minimise(*pairs)
    pairs_losses = [l1_loss(*pairs, line) for line in (pairs_line, *LINES)]
    pairs_subgradient, _ = certify(*pairs, pairs_line)

    write_metrics(
        metrics_file(NAME),
        {
            "slope": theta[0],
            "intercept": theta[1],
            "l1_loss": loss,
            "lower_bound": -math.fsum(subgradient * y),
            "imbalance": imbalance,
            "greatest_on_line": np.abs(subgradient[on_line]).max(initial=0),
            "points_on_line": int(on_line.sum()),
            "outliers": int(outliers.sum()),
            "distance": distance(theta, true_line),
            "true_l1_loss": l1_loss(design, y, true_line),
            "least_squares_slope": least_squares[0],
            "least_squares_intercept": least_squares[1],
            "least_squares_l1_loss": l1_loss(design, y, least_squares),
            "least_squares_distance": distance(least_squares, true_line),
            "iterative_excess": excess[-1],
            "constant_l1_loss": l1_loss(constant, y, minimise(constant, y)),
            "median_l1_loss": l1_loss(constant, y, median),
            "pairs_least_loss": min(pairs_losses),
            "pairs_greatest_loss": max(pairs_losses),
            "pairs_lower_bound": -math.fsum(pairs_subgradient * pairs[1]),
        },
    )
    save_figures(
        figures_folder(NAME),
        {
            "fit": draw_fit(x, y, outliers, on_line, (true_line, theta, least_squares)),
            "subdifferential": draw_subdifferential(),
            "not_unique": draw_not_unique(),
            "convergence": draw_convergence(excess),
        },
    )


def make_data(params: L1Regression) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw points on a line with noise, some of them replaced by outliers: a reading of zero.

    Returns x and y, of three decimals, and which points are outliers; each of shape (points,).
    """
    generator = np.random.default_rng(params.seed)
    x = generator.uniform(0, 10, params.points).round(3)
    y = params.slope * x + params.intercept + generator.normal(0, params.noise, params.points)
    outliers = np.arange(params.points) < round(params.outlier_share * params.points)
    return x, np.where(outliers, 0, y).round(3), outliers


def with_ones(x: np.ndarray) -> np.ndarray:
    """A = [X 1] of shape (n, 2), for one feature x of shape (n,)."""
    return np.column_stack([x, np.ones_like(x)])


def l1_loss(design: np.ndarray, y: np.ndarray, theta: np.ndarray) -> float:
    """Sum |A theta - y|, for A of shape (n, p), y (n,) and theta (p,)."""
    return math.fsum(np.abs(design @ theta - y))


def minimise(design: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A minimiser theta, of shape (p,), of the L1 loss, for A of shape (n, p) and y of shape (n,).

    It is a linear program: minimise sum (u_i + v_i) with A theta - u + v = y and u, v >= 0
    (Charnes, Cooper and Ferguson, 1955). The solver's theta is right to its tolerance only, but it
    tells which points the solution goes through, and they give it to all digits.

    Raises StageError if the solver finds none.
    """
    samples, parameters = design.shape
    identity = np.eye(samples)
    found = linprog(
        c=np.repeat([0.0, 1.0], [parameters, 2 * samples]),
        A_eq=np.hstack([design, -identity, identity]),
        b_eq=y,
        bounds=[(None, None)] * parameters + [(0, None)] * (2 * samples),
    )
    if not found.success:
        raise StageError(f"{NAME} was not solved: {found.message}; change {NAME} in params.yaml")
    theta = found.x[:parameters]
    through = np.abs(design @ theta - y) < TOLERANCE
    if np.linalg.matrix_rank(design[through]) == parameters:
        theta = np.linalg.lstsq(design[through], y[through])[0]
    return theta


def certify(design: np.ndarray, y: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, float]:
    """Look for an s that proves theta to be a minimiser, as this module's text says.

    `design` is A, of shape (n, p), y (n,), theta (p,). Uses nothing of the solver but its theta:
    the s_i of the zero residuals are those, from -1 to 1, that bring A^T s nearest to zero.
    Returns s of shape (n,), and max |A^T s|, which is zero for a minimiser only.
    """
    residuals = design @ theta - y
    subgradient = np.sign(residuals)
    zero = np.abs(residuals) < ZERO
    subgradient[zero] = 0
    if zero.any():
        balance = lsq_linear(
            design[zero].T, -(design.T @ subgradient), bounds=(-1, 1), method="bvls"
        )
        subgradient[zero] = balance.x
    return subgradient, float(np.abs(design.T @ subgradient).max())


def reweighted_least_squares(
    design: np.ndarray, y: np.ndarray, iterations: int
) -> list[np.ndarray]:
    """The theta of least squares, then of each iteration that solves it again with weights.

    The weights 1 / |r_i|, from the residuals before, make r_i^2 count as |r_i| (Schlossmacher,
    1973). They are limited, since a residual may become zero (Fair, 1974): what it comes down to is
    the least loss but for that limit.
    """
    weights = np.ones_like(y)
    steps = []
    for _ in range(iterations + 1):
        root = np.sqrt(weights)
        steps.append(np.linalg.lstsq(root[:, np.newaxis] * design, root * y)[0])
        weights = 1 / np.maximum(np.abs(design @ steps[-1] - y), LEAST_RESIDUAL)
    return steps


def distance(line: np.ndarray, other: np.ndarray) -> float:
    """The greatest distance in y of two lines, each slope and intercept, for x from 0 to 10."""
    return float(np.abs(with_ones(np.array([0.0, 10.0])) @ (line - other)).max())


def draw_fit(
    x: np.ndarray,
    y: np.ndarray,
    outliers: np.ndarray,
    on_line: np.ndarray,
    lines: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> Figure:
    """The points and three lines: the true one, of least L1 loss, and of least squares."""
    figure = Figure(figsize=(7, 4.4))
    axes = figure.subplots()
    ends = np.array([0.0, 10.0])
    true_line, l1_line, squares_line = (with_ones(ends) @ line for line in lines)
    axes.plot(ends, true_line, color="0.85", linewidth=6, label="true line", zorder=0)
    axes.plot(ends, l1_line, color=BLUE, label="least L1 loss", zorder=1)
    axes.plot(ends, squares_line, color=RED, linestyle="--", label="least squares", zorder=1)
    axes.plot(x[~outliers], y[~outliers], "o", color=GREY, markersize=4, label="points")
    axes.plot(x[outliers], y[outliers], "x", color=RED, label="outliers")
    axes.plot(
        x[on_line],
        y[on_line],
        "o",
        color=BLUE,
        markersize=9,
        markerfacecolor="none",
        label="points on the line of least L1 loss",
    )
    axes.set(title="A line through points with outliers", xlabel="x", ylabel="y")
    axes.legend(fontsize=9)
    return figure


def draw_subdifferential() -> Figure:
    """The loss of one parameter and, under it, its subdifferential: a staircase through zero."""
    figure = Figure(figsize=(8, 5))
    columns = figure.subplots(2, len(NUMBERS), sharex=True, sharey="row").T
    t = np.linspace(0, 9, 901)
    for (loss_axes, slope_axes), (count, numbers) in zip(columns, NUMBERS.items(), strict=True):
        half = len(numbers) // 2
        minimisers = (numbers[half - 1 + len(numbers) % 2], numbers[half])
        loss = np.abs(t[:, np.newaxis] - numbers).sum(axis=1)
        loss_axes.plot(t, loss, color=BLUE)
        loss_axes.plot(numbers, np.interp(numbers, t, loss), "o", color=BLUE, markersize=4)
        # From one number to the next the slope rises by 2, and takes on every value between.
        corners = np.repeat([t[0], *numbers, t[-1]], 2)[1:-1]
        slopes = np.repeat(np.arange(-len(numbers), len(numbers) + 1, 2), 2)
        slope_axes.plot(corners, slopes, color=BLUE)
        slope_axes.axhline(0, color=GREY, linewidth=0.8)
        for axes, height in ((loss_axes, loss.min()), (slope_axes, 0)):
            axes.plot(minimisers, (height, height), "o-", color=RED, linewidth=3)
        loss_axes.set(
            title=f"{count.capitalize()} of numbers: {', '.join(f'{n:g}' for n in numbers)}"
        )
        slope_axes.set(xlabel="t")
    columns[0][0].set(ylabel="sum |t - number|")
    columns[0][1].set(ylabel="subdifferential")
    return figure


def draw_not_unique() -> Figure:
    """Four points and some of the lines that all have the least loss."""
    figure = Figure(figsize=(5, 3.6))
    axes = figure.subplots()
    ends = np.array([-0.2, 1.2])
    for line in LINES:
        axes.plot(ends, with_ones(ends) @ line, color=BLUE, linewidth=1)
    axes.plot(*PAIRS.T, "o", color="black")
    axes.set(title="Each of these lines has the least loss", xlabel="x", ylabel="y")
    return figure


def draw_convergence(excess: list[float]) -> Figure:
    """How far the loss of each iteration lies above the least loss."""
    figure = Figure(figsize=(7, 3.6))
    axes = figure.subplots()
    axes.semilogy(np.maximum(excess, 1e-12), color=BLUE)
    axes.set(
        title="Reweighted least squares on the way to the least L1 loss",
        xlabel="iteration",
        ylabel="loss above the least",
    )
    return figure


if __name__ == "__main__":
    run_stage(main)
