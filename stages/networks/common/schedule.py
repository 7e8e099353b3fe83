"""The learning rate of every step."""

import numpy as np


def learning_rates(schedule: str, peak: float, warmup_fraction: float, steps: int) -> np.ndarray:
    """Return the learning rate of each step, of shape (steps,).

    `constant` is `peak` throughout. `linear` is linear warmup, from zero to `peak` in the first
    `warmup_fraction` of the steps, and linear decay to zero in the rest (Goyal et al., "Accurate,
    large minibatch SGD", 2017, for warmup). The midpoint of each step counts.
    """
    if schedule == "constant":
        return np.full(steps, peak)
    progress = (np.arange(steps) + 0.5) / steps
    return peak * np.interp(progress, [0, warmup_fraction, 1], [0, 1, 0])
