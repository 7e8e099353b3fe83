"""The figures of problem 2. Each function draws one and returns it; the caller saves it."""

from stages.plot.style import BLUE, GREY, RED, subplots
from stages.problems.box_network.errors import grid
from stages.problems.box_network.functions import FUNCTIONS, WAVE
from stages.problems.box_network.step_network import StepNetwork, approximate

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure


def box(single_box: StepNetwork) -> Figure:
    """Draw the two step neurons of the network of a box, times h, and the network's output."""
    figure, (neurons, output) = subplots(1, 2, figsize=(8, 2.8), sharex=True, sharey=True)
    ((_, biases),) = single_box.hidden
    height, width = single_box.output[0], -biases[1]
    x = np.array([-width, 0, width, 2 * width])
    neurons.step(x, height * (x >= 0), BLUE, where="post", lw=5, label="h step(x)")
    neurons.step(x, height * (x >= width), RED, where="post", ls="--", lw=2, label="h step(x - δ)")
    output.step(x, single_box(x[:, np.newaxis]), "black", where="post")
    title = f"Two neurons times h = {height:g}, δ = {width:g}"
    neurons.set(title=title, xlabel="x", ylabel="output")
    output.set(title="Their difference: a box", xlabel="x", ylim=(-0.1 * height, 1.45 * height))
    neurons.legend(loc="upper left")
    return figure


def network(single_box: StepNetwork) -> Figure:
    """Draw the network of a box, with the names and with the values of its weights and biases."""
    ((weights, biases),) = single_box.hidden
    values = [f"{each + 0.0:g}" for each in (*weights[:, 0], *single_box.output, *biases)]  # no -0
    panels = {
        "The names of its weights and biases": ["W1", "W2", "W3", "W4", "b1", "b2"],
        "Their values": values,
    }
    figure, all_axes = subplots(1, 2, figsize=(9, 3))
    for axes, (title, labels) in zip(all_axes, panels.items(), strict=True):
        axes.set(xlim=(-0.2, 2.2), ylim=(-0.15, 1.15))
        axes.set_title(title, loc="center")
        axes.set_axis_off()
        for neuron, y in enumerate((0.85, 0.15)):
            ends = ((0, 0.5), (1, y)), ((1, y), (2, 0.5))
            for (start, end), label in zip(ends, labels[neuron:4:2], strict=True):
                arrow = {"arrowstyle": "-|>", "color": GREY, "shrinkA": 18, "shrinkB": 18}
                axes.annotate("", end, start, arrowprops=arrow)
                x, middle = np.mean((start, end), axis=0)
                axes.text(x, middle, label, ha="center", va="center", backgroundcolor="w")
            axes.text(1, y - 0.2, f"bias {labels[4 + neuron]}", ha="center", va="top")
        for x, y, label in ((0, 0.5, "x"), (1, 0.85, "step"), (1, 0.15, "step"), (2, 0.5, "Σ")):
            axes.plot(x, y, "o", markersize=36, markerfacecolor="white", color="black")
            axes.text(x, y, label, ha="center", va="center")
    return figure


def approximations(counts: list[int]) -> Figure:
    """Draw the wave approximated by boxes of several widths."""
    figure, all_axes = subplots(
        len(counts), figsize=(9, 1.6 * len(counts)), sharex=True, squeeze=False
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
    """Draw the maximum error and its bound, in the table of `tabulate_errors`, by the neurons."""
    figure, axes = subplots(figsize=(7, 4.4))
    widths = table[table["part"] == "widths"]
    for function, marker in zip(FUNCTIONS, "os^D", strict=True):
        rows = widths[widths["function"] == function.name]
        (line,) = axes.plot(rows["boxes_per_unit"], rows["max_error"], marker, label=function.name)
        axes.plot(rows["boxes_per_unit"], rows["bound"], ":", color=line.get_color())
    axes.plot([], [], "k:", label="bound ω(δ/2)")
    axes.set(title="Maximum error by the number of neurons", yscale="log", ylabel="maximum error")
    axes.set(xlabel="neurons for a unit of length, 1/δ")
    label_values(axes, widths["boxes_per_unit"])
    axes.legend()
    return figure


def steps_in_two_dimensions(
    edges: np.ndarray, steps: np.ndarray, second_layer: np.ndarray
) -> Figure:
    """Draw the sum of the coordinates' steps, and the box of a second layer.

    Both are the values, of shape (n, n), of the cells between edges, (n + 1,), of each coordinate.
    """
    figure, panels = subplots(1, 2, figsize=(8, 3.8), sharey=True)
    titles = "Sum of four steps: no box", "With a second layer: a box"
    for axes, values, title in zip(panels, (steps, second_layer), titles, strict=True):
        picture = axes.pcolormesh(edges, edges, values, cmap="Blues", vmin=0, vmax=2)
        axes.set(title=title, xlabel="$x_1$", xticks=edges, yticks=edges, aspect="equal")
        axes.spines[:].set_visible(True)
    panels[0].set(ylabel="$x_2$")
    figure.colorbar(picture, ax=list(panels), ticks=(0, 1, 2), label="output")
    return figure


def dimensions(table: pd.DataFrame) -> Figure:
    """Draw neurons against 1 / maximum error, in the table of `tabulate_errors`, by dimension."""
    figure, axes = subplots(figsize=(7, 3.8))
    table = table[table["part"] == "dimensions"]
    for (d, rows), marker in zip(table.groupby("dimensions"), "os^", strict=True):
        axes.plot(1 / rows["max_error"], rows["neurons"], f"{marker}-", label=f"d = {d}")
    axes.set(title="Neurons by error and dimension", ylabel="neurons", yscale="log")
    axes.set(xlabel="1 / maximum error")
    label_values(axes, table["boxes_per_unit"])
    axes.legend()
    return figure


def label_values(axes: Axes, values: pd.Series) -> None:
    """Make the x axis logarithmic, with a labelled tick at each of the values."""
    axes.set(xscale="log")
    axes.set_xticks(sorted(set(values)), [f"{value:g}" for value in sorted(set(values))])
    axes.minorticks_off()
