"""How many neurons a function takes for which error, measured."""

from stages.problems.box_network.functions import FUNCTIONS, PYRAMIDS, VARIATIONS, Function
from stages.problems.box_network.step_network import StepNetwork, approximate

import numpy as np
import pandas as pd

GRIDS = {1: (4, 8, 16, 32, 64), 2: (4, 8, 16, 32, 64), 3: (4, 8, 16)}  # for PYRAMIDS, by dimension
# Per unit of length, where errors are measured, by dimension. A box of GRIDS has at least two along
# each coordinate: at its lower edge, where the error of a pyramid is largest, and at its centre.
POINTS = {1: 3840, 2: 128, 3: 32}
BATCH = 128  # points: so few that their activations fit into the processor's cache


def grid(function: Function) -> np.ndarray:
    """Return the points, of shape (n, dimensions), at which a function's error is measured."""
    return function.lattice(np.arange(0, function.length, 1 / POINTS[function.dimensions]))


def max_error(network: StepNetwork, function: Function) -> float:
    """Return max |network - function| over the points of `grid`."""
    points = grid(function)
    batches = np.split(points, range(BATCH, len(points), BATCH))
    return max(np.abs(network(batch) - function.values(batch)).max() for batch in batches)


def measure(part: str, function: Function, per_unit: int) -> dict[str, object]:
    """Approximate a function by boxes of width 1 / `per_unit`; return size and error as a row."""
    count = per_unit * function.length
    network = approximate(function, count)
    return {
        "part": part,
        "function": function.name,
        "dimensions": function.dimensions,
        "length": function.length,
        "max_value": function.max_value,
        "boxes_per_unit": per_unit,
        "boxes": count**function.dimensions,
        "neurons": network.neurons,
        "points": len(grid(function)),
        "max_error": max_error(network, function),
        "bound": function.modulus(1 / per_unit / 2),
    }


def tabulate_errors(counts: list[int]) -> pd.DataFrame:
    """Measure all functions: FUNCTIONS with each of `counts` boxes per unit of length."""
    rows = [measure("widths", function, count) for function in FUNCTIONS for count in counts]
    rows += [measure("variations", function, per_unit=32) for function in VARIATIONS]
    for pyramid in PYRAMIDS:
        rows += [measure("dimensions", pyramid, count) for count in GRIDS[pyramid.dimensions]]
    return pd.DataFrame(rows)
