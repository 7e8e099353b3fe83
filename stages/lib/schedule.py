"""The learning rate of every step."""

import numpy as np


def learning_rates(schedule: str, peak: float, warm_up: float, steps: int) -> np.ndarray:
    """The learning rate of each step, of shape (steps,).

    `constant` is `peak` throughout. `one_cycle` rises in a straight line from zero to `peak` during
    the share `warm_up` of the steps and falls back to zero until the last (Smith and Topin,
    "Super-convergence", 2018). Straight lines need no cosine, whose last bit is the C library's.
    """
    if schedule == "constant":
        return np.full(steps, peak)
    progress = (np.arange(steps) + 0.5) / steps
    return peak * np.interp(progress, [0, warm_up, 1], [0, 1, 0])
