"""The data of problem 1: a line with outliers, and two examples small enough to draw."""

from stages.problems.params import L1Regression

import numpy as np

X_RANGE = (0.0, 10.0)

# One parameter, no features: the loss is sum |t - y_i|, with a breakpoint at each y_i.
SAMPLES = {"An odd": (1.0, 2.0, 4.0, 7.0, 8.0), "An even": (1.0, 2.0, 6.0, 8.0)}

# Two points with x = 0 and two with x = 1. Every line between both pairs is a minimiser of the L1
# loss; the extreme ones pass through a point of each.
PAIRS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
EXTREME_LINES = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [-1.0, 1.0]])  # slope, intercept
OTHER_LINES = {"a minimiser": (-0.3, 0.8), "not a minimiser": (1.2, 0.2)}


def make_data(params: L1Regression) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw points on a line with normal noise; outliers among them have y = 0.

    Returns x and y, of three decimals, and which points are outliers; each of shape (points,).
    """
    generator = np.random.default_rng(params.seed)
    x = generator.uniform(*X_RANGE, params.points).round(3)
    y = params.slope * x + params.intercept + generator.normal(0, params.noise, params.points)
    outliers = np.arange(params.points) < round(params.outlier_fraction * params.points)
    return x, np.where(outliers, 0, y).round(3), outliers
