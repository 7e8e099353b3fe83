"""The table of verdicts: whether the results confirm what the assignment claims or reports."""

import math
from collections.abc import Mapping, Sequence
from statistics import mean, stdev

from stages.report.markdown import difference, percent

from scipy.special import stdtrit

TOLERANCE = 1e-9  # a difference up to this size, absolute or relative, is a rounding error


def claims(
    l1_regression: Mapping[str, float],
    box_network: Mapping[str, float],
    softmax_jacobian: Mapping[str, float],
) -> list[tuple[str, str, str, str]]:
    """Return the rows of problems 1 to 3, which make a claim, given their numbers.

    The argument for or against a claim is in its chapter; the numbers confirm it up to TOLERANCE.
    """
    l1, box, softmax = l1_regression, box_network, softmax_jacobian
    certified = is_zero(l1["dual_residual"]) and math.isclose(
        l1["l1_loss"], l1["lower_bound"], rel_tol=TOLERANCE, abs_tol=TOLERANCE
    )
    counted = (
        box["max_error_over_bound"] <= 1 + TOLERANCE
        and box["neurons_for_twice_the_values"] == box["neurons"]
        and box["neurons_for_twice_the_length"] == 2 * box["neurons"]
        and box["best_steps_error"] >= 0.25 - TOLERANCE
        and is_zero(box["second_layer_error"])
    )
    autograd, complex_step = softmax["autograd_difference"], softmax["complex_step_difference"]
    equal = is_zero(autograd) and is_zero(complex_step)
    return [
        (
            "1: L1 regression",
            "no closed form",
            f"solved as a linear program: loss {l1['l1_loss']:.4f}, "
            f"lower bound {l1['lower_bound']:.4f}",
            "right; our solution is certified optimal"
            if certified
            else "our solution is not certified optimal",
        ),
        (
            "2: boxes of step neurons",
            "O(B/δ) neurons, O((B/δ)^d) in d dimensions",
            "2L/δ neurons, error at most ω(δ/2): "
            f"max ratio measured {box['max_error_over_bound']:.4f}; "
            "in d dimensions more than (L/δ)^d, in two layers",
            "boxes right; the count uses B instead of L" if counted else "not confirmed",
        ),
        (
            "3: Jacobian of softmax",
            "y_i ([i = j] - y_j)",
            f"max difference from autograd {difference(autograd)}, "
            f"from complex-step differentiation {difference(complex_step)}",
            "right" if equal else "not confirmed",
        ),
    ]


def is_zero(value: float) -> bool:
    """Return whether a value is zero up to TOLERANCE."""
    return abs(value) <= TOLERANCE


def verdict(
    problem: str, reported: float, measured: float, seeds: Sequence[float] | None
) -> tuple[str, str, str, str]:
    """Return the row of a test accuracy, from 0 to 1.

    `seeds` are the accuracies under several seeds. The reported one is reproduced if it may be that
    of one more seed: if it lies in their prediction interval. None means that there are none of the
    recipe that was measured.
    """
    here = f"test accuracy {percent(measured)}"
    if seeds is None:
        judged = "not judged: the study is of other hyperparameters"
    else:
        low, high = prediction_interval(seeds)
        judged = (
            f"{'reproduced' if low <= reported <= high else 'not reproduced'}: "
            f"95 % prediction interval {100 * low:.2f} to {percent(high)}"
        )
        here += (
            f"; {len(seeds)} seeds: mean {percent(mean(seeds))}, "
            f"standard deviation {100 * stdev(seeds):.2f}"
        )
    return problem, f"test accuracy {percent(reported)}", here, judged


def prediction_interval(values: Sequence[float], probability: float = 0.95) -> tuple[float, float]:
    """Return the interval in which one more draw lies with a probability p.

    That of a normal distribution of which n values are known, mean ± t sd sqrt(1 + 1/n), with the
    (1 + p)/2 quantile t of Student's t of n - 1 degrees of freedom (Hahn and Meeker, "Statistical
    Intervals", 1991).
    """
    n = len(values)
    margin = stdtrit(n - 1, (1 + probability) / 2) * stdev(values) * math.sqrt(1 + 1 / n)
    return mean(values) - margin, mean(values) + margin


def standard_error(accuracy: float, images: int) -> float:
    """Return the standard error of an accuracy measured on `images` test images.

    That of a binomial proportion, sqrt(p (1 - p) / n).
    """
    return math.sqrt(accuracy * (1 - accuracy) / images)
