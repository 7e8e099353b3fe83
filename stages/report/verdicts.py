"""The table of verdicts: whether the results confirm what the assignment claims or reports."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from statistics import median

from stages.report.markdown import percent

TOLERANCE = 1e-9  # a difference up to this size, absolute or relative, is a rounding error
is_close = partial(math.isclose, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def confirmed(numbers: Mapping[str, Mapping[str, float]]) -> dict[str, bool]:
    """Return whether the numbers of problems 1 to 3 confirm, up to TOLERANCE, what is said of each.

    That is: no gradient is zero, since one line alone is optimal, and has none; the count of
    neurons uses B instead of L; the Jacobian is right.
    """
    l1, box = numbers["l1_regression"], numbers["box_network"]
    softmax = numbers["softmax_jacobian"]
    optimal = is_close(l1["dual_residual"], 0) and is_close(l1["l1_loss"], l1["lower_bound"])
    counted = (
        box["max_error_over_bound"] <= 1 + TOLERANCE
        and box["neurons_for_twice_the_values"] == box["neurons"]
        and box["neurons_for_twice_the_length"] == 2 * box["neurons"]
        and box["best_steps_error"] >= 0.25 - TOLERANCE
        and is_close(box["second_layer_error"], 0)
    )
    differences = softmax["autograd_difference"], softmax["complex_step_difference"]
    return {
        "l1_regression": optimal and bool(l1["unique"]),
        "box_network": counted,
        "softmax_jacobian": all(is_close(difference, 0) for difference in differences),
    }


def accuracy(reported: float, measured: float, seeds: Sequence[float] | None) -> list[str]:
    """Return what is reported, what is here, and the verdict on an accuracy, from 0 to 1.

    `seeds` are the accuracies under several seeds. The reported one is reproduced if it lies in
    their range: whatever their distribution, n seeds have one more in their range with a
    probability of at least (n - 1)/(n + 1). None means that there are none of the recipe that was
    measured.
    """
    theirs, ours = (f"test accuracy {percent(value)}" for value in (reported, measured))
    if seeds is None:
        return [theirs, ours, "not judged: the study has no seeds of this recipe"]
    low, high, below = min(seeds), max(seeds), sum(seed < reported for seed in seeds)
    ours += f"; {len(seeds)} seeds: median {percent(median(seeds))}"
    ours += f", range {100 * low:.2f} to {percent(high)}"
    verdict = "reproduced" if low <= reported <= high else "not reproduced"
    level = (len(seeds) - 1) / (len(seeds) + 1)
    verdict += f": {below} of {len(seeds)} seeds lie below; level {percent(level)}"
    return [theirs, ours, verdict]
