"""Problem 2: functions recreated from boxes, which networks of unit-step neurons draw.

A step neuron gives step(w x + b), with step(z) = 1 for z >= 0 and 0 for z < 0. In one dimension two
of them, in one hidden layer, make a box of the height h from x = l up to x = r, without r:

    h step(x - l) - h step(x - r)

An interval from 0 up to L, without L, takes N = L / delta boxes of width delta, each as high as the
function is in its middle. Nowhere is the error then greater than omega(delta / 2), where omega(t),
the modulus of continuity, is the greatest |f(x) - f(y)| for |x - y| <= t; it is at most S t if no
slope is steeper than S. In d dimensions |x - y| is the greatest difference of a coordinate.

In d dimensions a sum of steps of single coordinates, s(x) = sum_k s_k(x_k), is no box: for values
in and out of it, s(in, in) - s(in, out) - s(out, in) + s(out, out) = 0, but for a box this is its
height. A second hidden layer makes one, by counting the coordinates that lie within (`box_grid`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from stages.lib.artifacts import (
    figures_folder,
    metrics_file,
    replacing,
    table_file,
    write_metrics,
)
from stages.lib.params import BoxNetwork, load_params
from stages.lib.stage import run_stage
from stages.lib.style import BLUE, GREY, RED, save_figures

NAME = "box_network"
VARIED_AT = 32  # boxes to the unit of length, where one thing is changed at a time
GRIDS = {1: (4, 8, 16, 32, 64), 2: (4, 8, 16, 32, 64), 3: (4, 8, 16)}  # by dimension
POINTS = {1: 3840, 2: 192, 3: 48}  # to the unit of length, where errors are measured, by dimension
CHUNK = 1000  # points a network is given at a time, for its neurons all lie in memory


@dataclass(frozen=True)
class Function:
    """A function to recreate, from 0 up to, but without, `length` in each of its dimensions.

    `values` maps points, (n, dimensions), to (n,). `modulus` is its modulus of continuity.
    `greatest` is the greatest |value|.
    """

    name: str
    values: Callable[[np.ndarray], np.ndarray]
    modulus: Callable[[float], float]
    greatest: float = 1
    length: int = 1
    dimensions: int = 1


WAVE = Function(
    "sin(2πx)", lambda x: np.sin(2 * np.pi * x[:, 0]), lambda t: 2 * np.sin(np.pi * min(t, 0.5))
)
FUNCTIONS = (
    WAVE,
    Function("|2x - 1|", lambda x: np.abs(2 * x[:, 0] - 1), lambda t: min(2 * t, 1.0)),
    Function("√x", lambda x: np.sqrt(x[:, 0]), lambda t: t**0.5),
    # at no edge of a box, since √½ is irrational
    Function("[x ≥ √½]", lambda x: (x[:, 0] >= 0.5**0.5).astype(float), lambda t: float(t > 0)),
)
# The wave with one thing changed at a time: values, size, interval, slope.
VARIATIONS = (
    WAVE,
    Function("sin(2πx) + 1", lambda x: WAVE.values(x) + 1, WAVE.modulus, greatest=2),
    Function("2 sin(2πx)", lambda x: 2 * WAVE.values(x), lambda t: 2 * WAVE.modulus(t), greatest=2),
    Function("sin(2πx)", WAVE.values, WAVE.modulus, length=2),
    Function("sin(4πx)", lambda x: WAVE.values(2 * x), lambda t: WAVE.modulus(2 * t)),
)
# It falls from 1 in the middle to 0 at the faces, with slope 2 along one coordinate at a time.
PYRAMIDS = tuple(
    Function(
        f"pyramid in {d} dimension{'s' * (d > 1)}",
        lambda x: 1 - 2 * np.abs(x - 0.5).max(axis=1),
        lambda t: min(2 * t, 1.0),
        dimensions=d,
    )
    for d in GRIDS
)


@dataclass(frozen=True)
class StepNetwork:
    """Hidden layers of step neurons, and an output that adds them up with weights.

    `hidden` holds each layer's weights, (neurons, inputs), and biases, (neurons,); `output` has
    one weight for each neuron of the last hidden layer.
    """

    hidden: list[tuple[np.ndarray, np.ndarray]]
    output: np.ndarray

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Map points of shape (n, dimensions) to values of shape (n,)."""
        activations = points
        for weight, bias in self.hidden:
            activations = (activations @ weight.T + bias >= 0).astype(float)
        return activations @ self.output

    @property
    def neurons(self) -> int:
        """How many step neurons it has."""
        return sum(len(bias) for _, bias in self.hidden)

    @property
    def bytes(self) -> int:
        """The memory of all weights and biases."""
        arrays = [array for layer in self.hidden for array in layer]
        return sum(array.nbytes for array in [*arrays, self.output])


def boxes(lefts: np.ndarray, rights: np.ndarray, heights: np.ndarray) -> StepNetwork:
    """A network with one hidden layer that adds up boxes: two neurons each.

    `lefts`, `rights` and `heights` have shape (boxes,).
    """
    edges = np.concatenate([lefts, rights])
    weights = np.ones((len(edges), 1))
    return StepNetwork([(weights, -edges)], np.concatenate([heights, -heights]))


def box_sum(function: Function, count: int) -> StepNetwork:
    """A function of one dimension recreated from `count` boxes of the same width."""
    edges = np.linspace(0, function.length, count + 1)
    middles = (edges[:-1] + edges[1:]) / 2
    return boxes(edges[:-1], edges[1:], function.values(middles[:, np.newaxis]))


def box_grid(function: Function, count: int) -> StepNetwork:
    """A function of d dimensions recreated from a grid of `count`^d boxes.

    The first hidden layer has a step at each of the `count` + 1 edges along each coordinate. In the
    second, a neuron a box adds the step at its lower edge and takes away that at its upper edge:
    1 for each coordinate that lies within, d in all inside the box, and less everywhere else.
    """
    d = function.dimensions
    edges = np.linspace(0, function.length, count + 1)
    steps = np.repeat(np.eye(d), count + 1, axis=0), -np.tile(edges, d)
    cells = np.array(list(product(range(count), repeat=d)))
    weight = np.zeros((len(cells), d, count + 1))
    for coordinate in range(d):
        lower = cells[:, coordinate]
        weight[range(len(cells)), coordinate, lower] = 1
        weight[range(len(cells)), coordinate, lower + 1] = -1
    within = weight.reshape(len(cells), -1), np.full(len(cells), 0.5 - d)
    middles = (edges[:-1] + edges[1:]) / 2
    return StepNetwork([steps, within], function.values(middles[cells]))


def grid(function: Function) -> np.ndarray:
    """The points, of shape (n, dimensions), at which a function's error is measured."""
    axis = np.arange(0, function.length, 1 / POINTS[function.dimensions])
    return np.stack(np.meshgrid(*[axis] * function.dimensions), axis=-1).reshape(
        -1, function.dimensions
    )


def greatest_error(network: StepNetwork, function: Function, points: np.ndarray) -> float:
    """The greatest |network - function| at points of shape (n, dimensions)."""
    chunks = np.split(points, range(CHUNK, len(points), CHUNK))
    return max(np.abs(network(chunk) - function.values(chunk)).max() for chunk in chunks)


def measure(part: str, function: Function, per_unit: int) -> dict[str, object]:
    """Recreate a function from boxes of the width 1 / `per_unit`, and measure what it takes."""
    recreate = box_sum if function.dimensions == 1 else box_grid
    count = per_unit * function.length
    network = recreate(function, count)
    points = grid(function)
    return {
        "part": part,
        "function": function.name,
        "dimensions": function.dimensions,
        "length": function.length,
        "greatest_value": function.greatest,
        "boxes_per_unit": per_unit,
        "boxes": count**function.dimensions,
        "neurons": network.neurons,
        "bytes": network.bytes,
        "points": len(points),
        "error": greatest_error(network, function, points),
        "bound": function.modulus(1 / per_unit / 2),
    }


def plane_box(low: float, high: float) -> tuple[StepNetwork, StepNetwork]:
    """The box of height 1 in two dimensions, from `low` up to `high` in both coordinates.

    Returns the sum of its coordinates' steps, which is no box, and what a second hidden layer of
    one neuron makes of it.
    """
    steps = np.repeat(np.eye(2), 2, axis=0), -np.array([low, high, low, high])
    signs = np.array([1.0, -1.0, 1.0, -1.0])
    within = signs[np.newaxis], np.array([-1.5])
    return StepNetwork([steps], signs), StepNetwork([steps, within], np.ones(1))


def tabulate_errors(counts: list[int]) -> pd.DataFrame:
    """What each function takes for which error; `counts` are the boxes to the unit of length."""
    rows = [measure("widths", function, count) for function in FUNCTIONS for count in counts]
    rows += [measure("variations", function, VARIED_AT) for function in VARIATIONS]
    rows += [
        measure("dimensions", pyramid, count)
        for pyramid in PYRAMIDS
        for count in GRIDS[pyramid.dimensions]
    ]
    return pd.DataFrame(rows)


def main() -> None:
    """Build networks of step neurons, and measure how many a function takes for which error."""
    params = load_params().box_network
    table = tabulate_errors(params.boxes)
    with replacing(table_file(NAME)) as partial:
        table.round(6).to_csv(partial, index=False)

    box = boxes(np.zeros(1), np.array([params.width]), np.array([params.height]))
    x = np.linspace(-params.width, 2 * params.width, 601)
    drawn = box(x[:, np.newaxis])
    defined = np.where((x >= 0) & (x < params.width), params.height, 0)
    plane = np.stack(np.meshgrid(*[np.linspace(0, 1, 201)] * 2), axis=-1)
    inside = ((plane >= 0.25) & (plane < 0.75)).all(axis=-1)
    steps, second_layer = (
        network(plane.reshape(-1, 2)).reshape(inside.shape) for network in plane_box(0.25, 0.75)
    )
    wave, moved, _, longer, _ = table.loc[table["part"] == "variations", "neurons"].tolist()
    write_metrics(
        metrics_file(NAME),
        {
            "box_error": np.abs(drawn - defined).max(),
            "greatest_error_over_bound": (table["error"] / table["bound"]).max(),
            "neurons": wave,
            "neurons_for_twice_the_values": moved,
            "neurons_for_twice_the_length": longer,
            "steps_error": np.abs(steps - inside).max(),
            "best_steps_error": np.abs(steps / 2 - 0.25 - inside).max(),
            "second_layer_error": np.abs(second_layer - inside).max(),
        },
    )
    save_figures(
        figures_folder(NAME),
        {
            "box": draw_box(params, x, drawn),
            "network": draw_networks(box),
            "recreated": draw_recreated(params.boxes[:4]),
            "errors": draw_errors(table),
            "steps_in_two_dimensions": draw_plane(steps, second_layer),
            "dimensions": draw_dimensions(table),
        },
    )


def draw_box(params: BoxNetwork, x: np.ndarray, drawn: np.ndarray) -> Figure:
    """The two step neurons, and the box that the network makes of them."""
    figure = Figure(figsize=(8, 2.8))
    neurons, box = figure.subplots(1, 2, sharex=True, sharey=True)
    for left, color, label in ((0.0, BLUE, "h step(x)"), (params.width, RED, "h step(x - δ)")):
        neurons.step(x, params.height * (x >= left), where="post", color=color, label=label)
    box.step(x, drawn, where="post", color="black", label="h step(x) - h step(x - δ)")
    title = f"Two neurons, h = {params.height:g} and δ = {params.width:g}"
    neurons.set(title=title, xlabel="x", ylim=(-0.1 * params.height, 1.45 * params.height))
    box.set(title="Their difference: a box", xlabel="x")
    neurons.legend(loc="upper left")
    box.legend(loc="upper left")
    return figure


def draw_networks(box: StepNetwork) -> Figure:
    """The network that draws a box, without and with the values of its weights and biases."""
    figure = Figure(figsize=(9, 3))
    left, right = figure.subplots(1, 2)
    ((weights, biases),) = box.hidden
    values = [
        [f"{value + 0.0:g}" for value in array] for array in (weights[:, 0], biases, box.output)
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
    """One input, two step neurons above their biases, their sum; weights on the edges."""
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


def draw_recreated(counts: list[int]) -> Figure:
    """The wave recreated from boxes of several widths."""
    figure = Figure(figsize=(9, 2 * len(counts)))
    x = grid(WAVE)
    all_axes = np.atleast_1d(figure.subplots(len(counts), 1, sharex=True))
    for axes, count in zip(all_axes, counts, strict=True):
        network = box_sum(WAVE, count)
        lefts = np.arange(count) / count
        heights = network(lefts[:, np.newaxis])
        axes.bar(lefts, heights, 1 / count, align="edge", color="#c6dbef", edgecolor=BLUE)
        axes.plot(x, WAVE.values(x), color="black", label=WAVE.name)
        axes.set(title=f"{count} boxes, {network.neurons} neurons")
    all_axes[0].legend()
    all_axes[-1].set(xlabel="x")
    return figure


def draw_errors(table: pd.DataFrame) -> Figure:
    """The greatest error, with its bound, against the width of the boxes and the neurons."""

    def neurons(width: np.ndarray) -> np.ndarray:
        """Two for each box of the unit of length; its own inverse."""
        with np.errstate(divide="ignore"):  # matplotlib asks for that of zero too
            return 2 / width

    figure = Figure(figsize=(7, 4.8))
    axes = figure.subplots()
    for function in FUNCTIONS:
        rows = table[(table["part"] == "widths") & (table["function"] == function.name)]
        width = 1 / rows["boxes_per_unit"]
        (line,) = axes.loglog(width, rows["error"], "o", label=function.name)
        axes.loglog(width, rows["bound"], ":", color=line.get_color())
    axes.plot([], [], "k:", label="bound ω(δ/2)")
    axes.set(title="Greatest error by the width of the boxes", xlabel="width δ", ylabel="error")
    axes.secondary_xaxis("top", functions=(neurons, neurons)).set_xlabel("neurons")
    axes.legend()
    return figure


def draw_plane(steps: np.ndarray, second_layer: np.ndarray) -> Figure:
    """In two dimensions: the sum of the coordinates' steps, and the box of a second layer."""
    figure = Figure(figsize=(8, 3.8))
    panels = figure.subplots(1, 2, sharey=True)
    for axes, values, title in zip(
        panels,
        (steps, second_layer),
        ("Four steps added up: no box", "With a second layer: a box"),
        strict=True,
    ):
        picture = axes.imshow(
            values, origin="lower", extent=(0, 1, 0, 1), cmap="Blues", vmin=0, vmax=2
        )
        axes.set(title=title, xlabel="$x_1$")
        axes.spines[:].set_visible(True)
    panels[0].set(ylabel="$x_2$")
    figure.colorbar(picture, ax=list(panels), ticks=(0, 1, 2), label="output")
    return figure


def draw_dimensions(table: pd.DataFrame) -> Figure:
    """The neurons and the memory that an error takes, in one, two and three dimensions."""
    figure = Figure(figsize=(9, 3.8))
    panels = figure.subplots(1, 2, sharex=True)
    for pyramid in PYRAMIDS:
        rows = table[table["function"] == pyramid.name]
        for axes, column in zip(panels, ("neurons", "bytes"), strict=True):
            axes.loglog(rows["error"], rows[column], "o-", label=f"d = {pyramid.dimensions}")
    for axes, title in zip(panels, ("Neurons", "Bytes of weights and biases"), strict=True):
        axes.set(title=title, xlabel="greatest error")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.legend()
    return figure


if __name__ == "__main__":
    run_stage(main)
