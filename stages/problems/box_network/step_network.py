"""Networks of unit-step neurons whose output is a sum of boxes.

A step neuron computes step(w x + b), with step(z) = 1 for z >= 0 and 0 for z < 0. In one dimension
two of them, in one hidden layer, make a box of height h on the interval [l, r):

    h step(x - l) - h step(x - r)

In more dimensions a sum of steps of single coordinates is no box; a second hidden layer makes one.
To approximate a function, each box is as high as the function is at the centre of the box.
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

    @property
    def bytes(self) -> int:
        """The memory of all weights and biases."""
        arrays = [array for layer in self.hidden for array in layer]
        return sum(array.nbytes for array in [*arrays, self.output])


def boxes(lefts: np.ndarray, rights: np.ndarray, heights: np.ndarray) -> StepNetwork:
    """Return a network with one hidden layer that adds up boxes: two neurons for each box.

    `lefts`, `rights` and `heights` have shape (boxes,).
    """
    edges = np.concatenate([lefts, rights])
    weights = np.ones((len(edges), 1))
    return StepNetwork([(weights, -edges)], np.concatenate([heights, -heights]))


def box_grid(edges: np.ndarray, heights: np.ndarray) -> StepNetwork:
    """Return a network with two hidden layers that adds up a grid of boxes of d dimensions.

    `edges`, of shape (n + 1,), are those along each coordinate; `heights` has shape (n, .., n), d
    times. The first hidden layer has a step at each edge along each coordinate. In the second, one
    neuron for each box adds the step at its lower edge and subtracts the step at its upper edge,
    along each coordinate: the sum is the number of coordinates that lie inside the box, and d only
    if the point does.
    """
    d = heights.ndim
    steps = np.repeat(np.eye(d), len(edges), axis=0), -np.tile(edges, d)
    cells = np.indices(heights.shape).reshape(d, -1).T
    one_hot = np.eye(len(edges))
    weight = one_hot[cells] - one_hot[cells + 1]
    inside = weight.reshape(len(cells), -1), np.full(len(cells), 0.5 - d)
    return StepNetwork([steps, inside], heights.ravel())


def approximate(function: Function, count: int) -> StepNetwork:
    """Approximate a function of d dimensions by `count`^d boxes of equal width."""
    edges = np.linspace(0, function.length, count + 1)
    centres = (edges[:-1] + edges[1:]) / 2
    heights = function.values(function.lattice(centres))
    if function.dimensions == 1:
        return boxes(edges[:-1], edges[1:], heights)
    return box_grid(edges, heights.reshape([count] * function.dimensions))
