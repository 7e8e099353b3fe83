"""The figures of problem 2. Each function draws one and returns it; the caller saves it."""

from stages.plot.style import BLUE, GREY, RED, subplots
from stages.problems.box_network.errors import grid
from stages.problems.box_network.functions import FUNCTIONS, PYRAMIDS, WAVE
from stages.problems.box_network.step_network import StepNetwork, approximate

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import ArrayLike


def box(height: float, width: float, x: np.ndarray, values: np.ndarray) -> Figure:
    """Draw the two step neurons, and their difference: the `values` of the network at `x`, (n,)."""
    figure, (neurons, difference) = subplots(1, 2, figsize=(8, 2.8), sharex=True, sharey=True)
    for left, color, label in ((0.0, BLUE, "h step(x)"), (width, RED, "h step(x - δ)")):
        neurons.step(x, height * (x >= left), where="post", color=color, label=label)
    difference.step(x, values, where="post", color="black", label="h step(x) - h step(x - δ)")
    title = f"Two neurons, h = {height:g} and δ = {width:g}"
    neurons.set(title=title, xlabel="x", ylabel="output", ylim=(-0.1 * height, 1.45 * height))
    difference.set(title="Their difference: a box", xlabel="x")
    neurons.legend(loc="upper left")
    difference.legend(loc="upper left")
    return figure


def network(single_box: StepNetwork) -> Figure:
    """Draw the network of a box, with the names and with the values of its weights and biases."""
    ((weights, biases),) = single_box.hidden
    values = [f"{each + 0.0:g}" for each in (*weights[:, 0], *single_box.output, *biases)]  # no -0
    panels = {
        "The network of a box": ["W1", "W2", "W3", "W4", "b1", "b2"],
        "The same with its weights and biases": values,
    }
    figure, all_axes = subplots(1, 2, figsize=(9, 3))
    for axes, (title, labels) in zip(all_axes, panels.items(), strict=True):
        axes.set(title=title, xlim=(-0.2, 2.2), ylim=(-0.15, 1.15))
        axes.set_axis_off()
        for neuron, y in enumerate((0.85, 0.15)):
            axes.plot((0, 1, 2), (0.5, y, 0.5), color=GREY, zorder=0)
            for x, label in ((0.5, labels[neuron]), (1.5, labels[2 + neuron])):
                axes.text(x, (0.5 + y) / 2, label, ha="center", va="center", backgroundcolor="w")
            axes.text(1, y - 0.2, f"bias {labels[4 + neuron]}", ha="center", va="top")
        for x, y, label in ((0, 0.5, "x"), (1, 0.85, "step"), (1, 0.15, "step"), (2, 0.5, "Σ")):
            axes.plot(x, y, "o", markersize=36, markerfacecolor="white", color="black")
            axes.text(x, y, label, ha="center", va="center")
    return figure


def approximations(counts: list[int]) -> Figure:
    """Draw the wave approximated by boxes of several widths."""
    figure, all_axes = subplots(
        len(counts), figsize=(9, 2 * len(counts)), sharex=True, squeeze=False
    )
    x = grid(WAVE)
    for axes, count in zip(all_axes.flat, counts, strict=True):
        approximation = approximate(WAVE, count)
        lefts = np.arange(count) / count
        heights = approximation(lefts[:, np.newaxis])
        axes.bar(lefts, heights, 1 / count, align="edge", color="#c6dbef", edgecolor=BLUE)
        axes.plot(x, WAVE.values(x), color="black", label=WAVE.name)
        axes.set(title=f"{count} boxes, {approximation.neurons} neurons", ylabel="output")
    figure.axes[0].legend()
    figure.axes[-1].set(xlabel="x")
    return figure


def errors(table: pd.DataFrame) -> Figure:
    """Draw the max error, with its bound, against the width of the boxes and the neurons.

    `table` is that of `tabulate_errors`.
    """

    def neurons(width: ArrayLike) -> ArrayLike:
        """Return two for each box of a unit of length; its own inverse."""
        return 2 / np.maximum(width, 1e-9)  # matplotlib asks for that of zero too

    figure, axes = subplots(figsize=(7, 4.8))
    for function, marker in zip(FUNCTIONS, "os^D", strict=True):
        rows = table[(table["part"] == "widths") & (table["function"] == function.name)]
        width = 1 / rows["boxes_per_unit"]
        (line,) = axes.plot(width, rows["max_error"], marker, label=function.name)
        axes.plot(width, rows["bound"], ":", color=line.get_color())
    axes.plot([], [], "k:", label="bound ω(δ/2)")
    axes.set_xscale("log", base=2)
    axes.set(yscale="log", xlabel="width δ", ylabel="max error")
    axes.set(title="Max error by the width of the boxes")
    axes.secondary_xaxis("top", functions=(neurons, neurons)).set_xlabel("neurons")
    axes.legend()
    return figure


def steps_in_two_dimensions(steps: np.ndarray, second_layer: np.ndarray) -> Figure:
    """Draw the sum of the coordinates' steps, and the box of a second layer.

    Both are values on a square grid over [0, 1)^2, of shape (n, n).
    """
    figure, panels = subplots(1, 2, figsize=(8, 3.8), sharey=True)
    titles = "Sum of four steps: no box", "With a second layer: a box"
    style = {"cmap": "Blues", "vmin": 0, "vmax": 2, "interpolation": "nearest"}
    for axes, values, title in zip(panels, (steps, second_layer), titles, strict=True):
        picture = axes.imshow(values, origin="lower", extent=(0, 1, 0, 1), **style)
        axes.set(title=title, xlabel="$x_1$")
        axes.spines[:].set_visible(True)
    panels[0].set(ylabel="$x_2$")
    figure.colorbar(picture, ax=list(panels), ticks=(0, 1, 2), label="output")
    return figure


def dimensions(table: pd.DataFrame) -> Figure:
    """Draw neurons and memory against the max error, in one, two and three dimensions.

    `table` is that of `tabulate_errors`.
    """
    figure, panels = subplots(1, 2, figsize=(9, 3.8), sharex=True)
    titles = {"neurons": "Neurons", "bytes": "Bytes of weights and biases"}
    for axes, (column, title) in zip(panels, titles.items(), strict=True):
        for pyramid, marker in zip(PYRAMIDS, "os^", strict=True):
            rows = table[table["function"] == pyramid.name]
            label = f"d = {pyramid.dimensions}"
            axes.plot(rows["max_error"], rows[column], f"{marker}-", label=label)
        axes.set_xscale("log", base=2)
        axes.set(title=title, xlabel="max error", yscale="log")
        axes.legend()
    return figure
