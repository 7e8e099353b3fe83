"""How many neurons a function takes for which error, measured."""

from stages.problems.box_network.functions import FUNCTIONS, PYRAMIDS, VARIATIONS, Function
from stages.problems.box_network.step_network import StepNetwork, box_grid, box_sum

import numpy as np
import pandas as pd

VARIATIONS_PER_UNIT = 32  # boxes per unit of length for VARIATIONS
GRIDS = {1: (4, 8, 16, 32, 64), 2: (4, 8, 16, 32, 64), 3: (4, 8, 16)}  # for PYRAMIDS, by dimension
POINTS = {1: 3840, 2: 192, 3: 48}  # per unit of length, where errors are measured, by dimension
CHUNK = 1000  # points in a batch: all activations of a batch are in memory at once


def grid(function: Function) -> np.ndarray:
    """Return the points, of shape (n, dimensions), at which a function's error is measured."""
    axis = np.arange(0, function.length, 1 / POINTS[function.dimensions])
    return np.stack(np.meshgrid(*[axis] * function.dimensions), axis=-1).reshape(
        -1, function.dimensions
    )


def max_error(network: StepNetwork, function: Function, points: np.ndarray) -> float:
    """Return max |network - function| over points of shape (n, dimensions)."""
    chunks = np.split(points, range(CHUNK, len(points), CHUNK))
    return max(np.abs(network(chunk) - function.values(chunk)).max() for chunk in chunks)


def measure(part: str, function: Function, per_unit: int) -> dict[str, object]:
    """Approximate a function by boxes of width 1 / `per_unit`; return size and error as a row."""
    approximate = box_sum if function.dimensions == 1 else box_grid
    count = per_unit * function.length
    network = approximate(function, count)
    points = grid(function)
    return {
        "part": part,
        "function": function.name,
        "dimensions": function.dimensions,
        "length": function.length,
        "max_value": function.max_value,
        "boxes_per_unit": per_unit,
        "boxes": count**function.dimensions,
        "neurons": network.neurons,
        "bytes": network.bytes,
        "points": len(points),
        "max_error": max_error(network, function, points),
        "bound": function.modulus(1 / per_unit / 2),
    }


def tabulate_errors(counts: list[int]) -> pd.DataFrame:
    """Measure all functions: FUNCTIONS with each of `counts` boxes per unit of length."""
    rows = [measure("widths", function, count) for function in FUNCTIONS for count in counts]
    rows += [measure("variations", function, VARIATIONS_PER_UNIT) for function in VARIATIONS]
    rows += [
        measure("dimensions", pyramid, count)
        for pyramid in PYRAMIDS
        for count in GRIDS[pyramid.dimensions]
    ]
    return pd.DataFrame(rows)
