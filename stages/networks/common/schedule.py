"""The learning rate of every step."""

import numpy as np


def learning_rates(
    schedule: str, max_learning_rate: float, warmup_fraction: float, steps: int
) -> np.ndarray:
    """Return the learning rate of each step, of shape (steps,).

    `constant` is `max_learning_rate` in all steps. `linear` is linear warmup, from zero to
    `max_learning_rate` in the first `warmup_fraction` of the steps, and linear decay to zero in the
    rest (for warmup: Goyal et al., "Accurate, large minibatch SGD", 2017). A step has the rate at
    its midpoint.
    """
    if schedule == "constant":
        return np.full(steps, max_learning_rate)
    progress = (np.arange(steps) + 0.5) / steps
    return max_learning_rate * np.interp(progress, [0, warmup_fraction, 1], [0, 1, 0])
