"""Networks of unit-step neurons whose output is a sum of boxes.

A step neuron computes step(w x + b), with step(z) = 1 for z >= 0 and 0 for z < 0. In one dimension
two of them, in one hidden layer, make a box of height h on the interval [l, r):

    h step(x - l) - h step(x - r)

In more dimensions no hidden layer of step neurons makes a box; a second one does.
"""

from dataclasses import dataclass

from stages.problems.box_network.functions import Function

import numpy as np


@dataclass(frozen=True)
class StepNetwork:
    """Hidden layers of step neurons, and one linear output.

    `hidden` holds each layer's weights, (neurons, inputs), and biases, (neurons,); `output` has
    one weight for each neuron of the last hidden layer.
    """

    hidden: list[tuple[np.ndarray, np.ndarray]]
    output: np.ndarray

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Map points of shape (.., dimensions) to values of shape (..)."""
        activations = points
        for weight, bias in self.hidden:
            # w x >= -b and not w x + b >= 0: the same, and one large array less
            activations = (activations @ weight.T >= -bias).astype(float)
        return activations @ self.output

    @property
    def neurons(self) -> int:
        """The number of step neurons."""
        return sum(len(bias) for _, bias in self.hidden)


def box_grid(edges: np.ndarray, heights: np.ndarray) -> StepNetwork:
    """Return a network that adds up a grid of boxes; the last along each coordinate do not end.

    `edges`, of shape (n,), are the lower edges of the boxes along each coordinate; `heights` has
    shape (n, .., n), d times. The first hidden layer has a step at each edge along each coordinate:
    neighbouring boxes share the one between them. In one dimension, its height is the difference of
    theirs. In more, a second hidden layer has one neuron for each box, which adds the step at its
    lower edge and subtracts the step at its upper edge, along each coordinate: the sum is the
    number of coordinates that lie inside the box, and d only if the point does.
    """
    d, count = heights.ndim, len(edges)
    steps = np.repeat(np.eye(d), count, axis=0), -np.tile(edges, d)
    differences = np.eye(count) - np.eye(count, k=1)  # row k: the steps that make box k
    if d == 1:
        return StepNetwork([steps], heights @ differences)
    cells = np.indices(heights.shape).reshape(d, -1).T
    inside = differences[cells].reshape(len(cells), -1), np.full(len(cells), 0.5 - d)
    return StepNetwork([steps, inside], heights.ravel())


def approximate(function: Function, count: int) -> StepNetwork:
    """Approximate a function of d dimensions by `count`^d boxes of equal width.

    Each box is as high as the function is at the centre of the box.
    """
    edges = np.arange(count) * function.length / count
    centres = edges + function.length / count / 2
    heights = function.values(function.lattice(centres))
    return box_grid(edges, heights.reshape([count] * function.dimensions))
