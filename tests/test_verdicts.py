"""The table of verdicts: a claim is right, or a result reproduced, only if the numbers say so."""

from stages.report.verdicts import accuracy, confirmed
from stages.results.summaries import prediction_interval, standard_error

import numpy as np
import pytest
from scipy.stats import ttest_ind

RIGHT = {
    "l1_regression": {"dual_residual": 0.0, "l1_loss": 2.0, "lower_bound": 2.0, "unique": True},
    "box_network": {
        "max_error_over_bound": 1.0,
        "neurons": 64,
        "neurons_for_twice_the_values": 64,
        "neurons_for_twice_the_length": 128,
        "best_steps_error": 0.25,
        "second_layer_error": 0.0,
    },
    "softmax_jacobian": {"autograd_difference": 0.0, "complex_step_difference": 0.0},
}
ROUNDING = 4e-12


def refuted_with(problem: str, name: str, value: float) -> list[str]:
    """The problems whose claim is not confirmed if one number is another."""
    numbers = RIGHT | {problem: RIGHT[problem] | {name: value}}
    return [each for each, right in confirmed(numbers).items() if not right]


@pytest.mark.parametrize(
    ("problem", "name", "wrong", "off_by_rounding"),
    [
        ("l1_regression", "dual_residual", 1e-6, ROUNDING),
        ("l1_regression", "lower_bound", 1.9, 2 - ROUNDING),
        ("l1_regression", "unique", False, True),
        ("box_network", "max_error_over_bound", 1.001, 1 + ROUNDING),
        ("box_network", "neurons_for_twice_the_values", 128, 64),
        ("box_network", "neurons_for_twice_the_length", 64, 128),
        ("box_network", "best_steps_error", 0.2, 0.25 - ROUNDING),
        ("box_network", "second_layer_error", 1.0, ROUNDING),
        ("softmax_jacobian", "autograd_difference", 1e-6, ROUNDING),
        ("softmax_jacobian", "complex_step_difference", 1e-6, ROUNDING),
        ("softmax_jacobian", "complex_step_difference", float("nan"), 0.0),
    ],
)
def test_a_wrong_number_refutes_its_claim_alone_and_a_rounding_error_none(
    problem: str, name: str, wrong: float, off_by_rounding: float
) -> None:
    assert refuted_with(problem, name, wrong) == [problem]
    assert refuted_with(problem, name, off_by_rounding) == []


@pytest.mark.parametrize("probability", [0.95, 0.999])
@pytest.mark.parametrize("count", [2, 10])
def test_the_t_test_gives_the_ends_of_the_prediction_interval_their_probability(
    count: int, probability: float
) -> None:
    values = np.random.default_rng(count).normal(0.85, 0.01, count).tolist()
    low, high = prediction_interval(values, probability)
    assert low < min(values) <= max(values) < high
    for end in (low, high):
        assert ttest_ind(values, [end]).pvalue == pytest.approx(1 - probability)


@pytest.mark.parametrize(
    ("reported", "judged"),
    [(0.799, "not reproduced"), (0.801, "reproduced"), (0.899, "reproduced"),
     (0.901, "not reproduced")],
)  # fmt: skip
def test_an_accuracy_is_reproduced_if_it_may_be_that_of_one_more_seed(
    reported: float, judged: str
) -> None:
    # the 0.975 quantile of Student's t of 2 degrees of freedom is 4.303: 85 ± 4.303 sqrt(1 + 1/3)
    theirs, ours, verdict = accuracy(reported, 0.84, [0.84, 0.85, 0.86])
    assert f"{100 * reported:.2f} %" in theirs
    for number in ("84.00 %", "3 seeds", "mean 85.00 %", "standard deviation 1.00"):
        assert number in ours
    assert verdict == f"{judged}: 95 % prediction interval 80.03 to 89.97 %"
    assert accuracy(reported, 0.84, None)[-1].startswith("not judged")


def test_the_standard_error_is_that_of_a_binomial_proportion() -> None:
    assert standard_error(0.2, 10_000) == pytest.approx(0.004)
