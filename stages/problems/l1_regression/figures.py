"""The figures of problem 1. Each function draws one and returns it; the caller saves it."""

from stages.plot.style import BLUE, GREY, RED, subplots
from stages.problems.l1_regression import data
from stages.problems.l1_regression.solver import l1_loss, with_ones

import numpy as np
from matplotlib.figure import Figure


def fit(
    x: np.ndarray, y: np.ndarray, outliers: np.ndarray, on_line: np.ndarray, lines: np.ndarray
) -> Figure:
    """Draw the points and three lines: the true one, of minimum L1 loss, and of least squares.

    `x` and `y` have shape (n,), and so have the masks `outliers` and `on_line`: the points on the
    line of minimum L1 loss. `lines`, of shape (3, 2), are slopes and intercepts.
    """
    figure, axes = subplots(figsize=(7, 4.4))
    ends = np.array(data.X_RANGE)
    true_line, l1_line, squares_line = lines @ with_ones(ends).T
    axes.plot(ends, true_line, color="0.85", linewidth=6, label="true line", zorder=0)
    axes.plot(ends, l1_line, color=BLUE, label="minimum L1 loss", zorder=1)
    axes.plot(ends, squares_line, color=RED, linestyle="--", label="least squares", zorder=1)
    axes.plot(x[~outliers], y[~outliers], "o", color=GREY, markersize=4, label="points")
    axes.plot(x[outliers], y[outliers], "kx", label="outliers")
    label = "points on the line of minimum L1 loss"
    axes.plot(x[on_line], y[on_line], "o", color=BLUE, markersize=9, fillstyle="none", label=label)
    axes.set(title="Three lines for points with outliers", xlabel="x", ylabel="y")
    axes.legend(fontsize=9)
    return figure


def subdifferential() -> Figure:
    """Draw the loss of one parameter, its subdifferential below, and where that contains zero."""
    figure, rows = subplots(2, len(data.SAMPLES), figsize=(8, 5), sharex=True, sharey="row")
    for (loss_axes, slope_axes), (count, sample) in zip(rows.T, data.SAMPLES.items(), strict=True):
        t = np.array([0, *sample, 9])
        loss = np.abs(t[:, np.newaxis] - sample).sum(axis=1)
        minimisers = t[loss == loss.min()]
        loss_axes.plot(t, loss, "o-", markevery=range(1, len(t) - 1), color=BLUE, markersize=4)
        # At each breakpoint the slope rises by 2, and every value in between is a subgradient.
        slopes = np.arange(-len(sample), len(sample) + 1, 2)
        slope_axes.plot(np.repeat(t, 2)[1:-1], np.repeat(slopes, 2), color=BLUE)
        slope_axes.axhline(0, color=GREY, linewidth=0.8)
        for axes, height in ((loss_axes, loss.min()), (slope_axes, 0)):
            axes.plot(minimisers, 0 * minimisers + height, "o-", color=RED, linewidth=3)
        loss_axes.set(title=f"{count} number of samples: {', '.join(f'{y:g}' for y in sample)}")
        slope_axes.set(xlabel="t")
    rows[0][0].set(ylabel=r"loss $\Sigma\,|t - y_i|$")
    rows[1][0].set(ylabel="subdifferential")
    return figure


def not_unique() -> Figure:
    """Draw four points, the region of the lines of minimum loss, one of these and another line."""
    figure, axes = subplots(figsize=(6, 3.8))
    x = np.linspace(-0.2, 1.2, 15)
    extremes = with_ones(x) @ data.EXTREME_LINES.T
    label = "minimisers: the lines that stay in this region"
    axes.fill_between(x, extremes.min(axis=1), extremes.max(axis=1), color="#c6dbef", label=label)
    styles = {"color": BLUE}, {"color": RED, "linestyle": "--"}
    for (name, line), style in zip(data.OTHER_LINES.items(), styles, strict=True):
        loss = l1_loss(with_ones(data.PAIRS[:, 0]), data.PAIRS[:, 1], np.array(line))
        axes.plot(x, with_ones(x) @ line, **style, label=f"{name}: loss {loss:g}")
    axes.plot(*data.PAIRS.T, "o", color="black")
    axes.set(title="Many lines have the minimum loss, 2", xlabel="x", ylabel="y", ylim=(-0.3, 2.1))
    axes.legend(loc="upper left", fontsize=9)
    return figure


def convergence(gaps: list[float], bound: float) -> Figure:
    """Draw the loss minus the minimum loss of each iteration of IRLS, and a bound of the limit."""
    figure, axes = subplots(figsize=(7, 3.6))
    # Three digits: further ones depend on the processor, and can change a pixel.
    axes.semilogy([float(f"{max(gap, 1e-12):.3g}") for gap in gaps], color=BLUE)
    axes.axhline(bound, color=GREY, linestyle="--", label="bound for the limit")
    axes.set(title="Convergence of iteratively reweighted least squares")
    axes.set(xlabel="iteration", ylabel="L1 loss - minimum")
    axes.legend()
    return figure
