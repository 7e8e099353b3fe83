"""The figures of problem 2. Each function draws one and returns it; the caller saves it."""

from collections.abc import Sequence

from stages.plot.style import BLUE, GREY, RED
from stages.problems.box_network.errors import grid
from stages.problems.box_network.functions import FUNCTIONS, PYRAMIDS, WAVE
from stages.problems.box_network.step_network import StepNetwork, box_sum

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter


def box(height: float, width: float, x: np.ndarray, values: np.ndarray) -> Figure:
    """Draw the two step neurons, and their difference: the `values` of the network at `x`, (n,)."""
    figure = Figure(figsize=(8, 2.8))
    neurons, difference = figure.subplots(1, 2, sharex=True, sharey=True)
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
    """Draw the network of a box, without and with the values of its weights and biases."""
    figure = Figure(figsize=(9, 3))
    left, right = figure.subplots(1, 2)
    ((weights, biases),) = single_box.hidden
    values = [
        [f"{value + 0.0:g}" for value in array]
        for array in (weights[:, 0], biases, single_box.output)
    ]
    _draw_network(left, "The network of a box", ("W1", "W2"), ("b1", "b2"), ("W3", "W4"))
    _draw_network(right, "The same with its weights and biases", *values)
    return figure


def _draw_network(
    axes: Axes,
    title: str,
    first: Sequence[str],
    biases: Sequence[str],
    second: Sequence[str],
) -> None:
    """Draw one input, two step neurons above their biases, their sum; weights on the edges."""
    axes.set(title=title, xlim=(-0.2, 2.2), ylim=(-0.15, 1.15))
    axes.set_axis_off()
    places = {"x": (0, 0.5), "upper": (1, 0.85), "lower": (1, 0.15), "y": (2, 0.5)}
    for neuron, weight, bias, output in zip(("upper", "lower"), first, biases, second, strict=True):
        for start, end, label in (("x", neuron, weight), (neuron, "y", output)):
            (x0, y0), (x1, y1) = places[start], places[end]
            axes.plot((x0, x1), (y0, y1), color=GREY, zorder=0)
            axes.text(
                (x0 + x1) / 2, (y0 + y1) / 2, label, ha="center", va="center", backgroundcolor="w"
            )
        axes.text(places[neuron][0], places[neuron][1] - 0.2, f"bias {bias}", ha="center", va="top")
    for name, (x, y) in places.items():
        label = {"x": "x", "y": "Σ"}.get(name, "step")
        axes.plot(x, y, "o", markersize=36, markerfacecolor="white", color="black")
        axes.text(x, y, label, ha="center", va="center")


def approximations(counts: list[int]) -> Figure:
    """Draw the wave approximated by boxes of several widths."""
    figure = Figure(figsize=(9, 2 * len(counts)))
    x = grid(WAVE)
    all_axes = np.atleast_1d(figure.subplots(len(counts), 1, sharex=True))
    for axes, count in zip(all_axes, counts, strict=True):
        approximation = box_sum(WAVE, count)
        lefts = np.arange(count) / count
        heights = approximation(lefts[:, np.newaxis])
        axes.bar(lefts, heights, 1 / count, align="edge", color="#c6dbef", edgecolor=BLUE)
        axes.plot(x, WAVE.values(x), color="black", label=WAVE.name)
        axes.set(title=f"{count} boxes, {approximation.neurons} neurons", ylabel="output")
    all_axes[0].legend()
    all_axes[-1].set(xlabel="x")
    return figure


def errors(table: pd.DataFrame) -> Figure:
    """Draw the max error, with its bound, against the width of the boxes and the neurons.

    `table` is that of `tabulate_errors`.
    """

    def neurons(width: np.ndarray) -> np.ndarray:
        """Return two for each box of a unit of length; its own inverse."""
        with np.errstate(divide="ignore"):  # matplotlib asks for that of zero too
            return 2 / width

    figure = Figure(figsize=(7, 4.8))
    axes = figure.subplots()
    for function in FUNCTIONS:
        rows = table[(table["part"] == "widths") & (table["function"] == function.name)]
        width = 1 / rows["boxes_per_unit"]
        (line,) = axes.loglog(width, rows["max_error"], "o", label=function.name)
        axes.loglog(width, rows["bound"], ":", color=line.get_color())
    axes.plot([], [], "k:", label="bound ω(δ/2)")
    axes.set(title="Max error by the width of the boxes", xlabel="width δ", ylabel="max error")
    axes.secondary_xaxis("top", functions=(neurons, neurons)).set_xlabel("neurons")
    axes.legend()
    return figure


def steps_in_two_dimensions(steps: np.ndarray, second_layer: np.ndarray) -> Figure:
    """Draw the sum of the coordinates' steps, and the box of a second layer.

    Both are values on a square grid over [0, 1]^2, of shape (n, n).
    """
    figure = Figure(figsize=(8, 3.8))
    panels = figure.subplots(1, 2, sharey=True)
    for axes, values, title in zip(
        panels,
        (steps, second_layer),
        ("Sum of four steps: no box", "With a second layer: a box"),
        strict=True,
    ):
        picture = axes.imshow(
            values,
            origin="lower",
            extent=(0, 1, 0, 1),
            cmap="Blues",
            vmin=0,
            vmax=2,
            interpolation="nearest",
        )
        axes.set(title=title, xlabel="$x_1$")
        axes.spines[:].set_visible(True)
    panels[0].set(ylabel="$x_2$")
    figure.colorbar(picture, ax=list(panels), ticks=(0, 1, 2), label="output")
    return figure


def dimensions(table: pd.DataFrame) -> Figure:
    """Draw neurons and memory against the max error, in one, two and three dimensions.

    `table` is that of `tabulate_errors`.
    """
    figure = Figure(figsize=(9, 3.8))
    panels = figure.subplots(1, 2, sharex=True)
    for pyramid in PYRAMIDS:
        rows = table[table["function"] == pyramid.name]
        for axes, column in zip(panels, ("neurons", "bytes"), strict=True):
            axes.loglog(rows["max_error"], rows[column], "o-", label=f"d = {pyramid.dimensions}")
    for axes, title in zip(panels, ("Neurons", "Bytes of weights and biases"), strict=True):
        axes.set(title=title, xlabel="max error")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.legend()
    return figure
