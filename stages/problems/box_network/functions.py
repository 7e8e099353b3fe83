"""The functions of problem 2 that networks approximate, each with its modulus of continuity.

The modulus of continuity omega(t) of f is the supremum of |f(x) - f(y)| over |x - y| <= t, where
|x - y| is the max norm. It is at most S t if f has the Lipschitz constant S.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Function:
    """A function on [0, length)^dimensions.

    `values` maps points of shape (n, dimensions) to shape (n,), `modulus` is the modulus of
    continuity, `max_value` B, a bound of |values|.
    """

    name: str
    values: Callable[[np.ndarray], np.ndarray]
    modulus: Callable[[float], float]
    max_value: float = 1
    length: int = 1
    dimensions: int = 1

    def lattice(self, axis: np.ndarray) -> np.ndarray:
        """Return the points, (n^d, d), whose coordinates are all on an axis, (n,)."""
        d = self.dimensions
        return np.stack(np.meshgrid(*[axis] * d, indexing="ij"), axis=-1).reshape(-1, d)


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
# The wave with one thing changed at a time: offset, amplitude, interval, frequency.
VARIATIONS = (
    WAVE,
    Function("sin(2πx) + 1", lambda x: WAVE.values(x) + 1, WAVE.modulus, max_value=2),
    Function(
        "2 sin(2πx)", lambda x: 2 * WAVE.values(x), lambda t: 2 * WAVE.modulus(t), max_value=2
    ),
    Function("sin(2πx)", WAVE.values, WAVE.modulus, length=2),
    Function("sin(4πx)", lambda x: WAVE.values(2 * x), lambda t: WAVE.modulus(2 * t)),
)
# From 1 at the centre to 0 at the faces, with slope 2 along one coordinate at a time.
PYRAMIDS = tuple(
    Function(
        f"pyramid in {d} dimension{'s' * (d > 1)}",
        lambda x: 1 - 2 * np.abs(x - 0.5).max(axis=1),
        lambda t: min(2 * t, 1.0),
        dimensions=d,
    )
    for d in (1, 2, 3)
)
