"""The figure of problem 3."""

from stages.plot.style import subplots
from stages.problems.softmax_jacobian.jacobian import jacobian

import numpy as np
from matplotlib.figure import Figure


def temperatures(logits: np.ndarray, values: list[float]) -> Figure:
    """Draw the Jacobian at several temperatures as heat maps on one scale, for logits (k,)."""
    count = len(values)
    figure, panels = subplots(1, count, figsize=(2.7 * count + 1, 3.3), squeeze=False)
    figure.suptitle(f"Jacobian of softmax for the logits {', '.join(f'{z:g}' for z in logits)}")
    matrices = [jacobian(logits, temperature) for temperature in values]
    limit = max(np.abs(matrix).max() for matrix in matrices)
    for axes, temperature, matrix in zip(panels[0], values, matrices, strict=True):
        picture = axes.imshow(matrix, cmap="RdBu", vmin=-limit, vmax=limit)
        for (i, j), value in np.ndenumerate(matrix):
            color = "white" if abs(value) > 0.6 * limit else "black"
            axes.text(j, i, f"{value:#.2g}", ha="center", va="center", fontsize=8, color=color)
        ticks, labels = range(len(logits)), range(1, len(logits) + 1)
        axes.set(title=f"T = {temperature:g}", xlabel="j: logit")
        axes.set_xticks(ticks, labels)
        axes.set_yticks(ticks, labels)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
    panels[0, 0].set(ylabel="i: probability")
    figure.colorbar(picture, ax=list(panels[0]), shrink=0.7, label="$J_{ij}$")
    return figure
