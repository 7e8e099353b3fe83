"""The table of verdicts: a claim is right, or a result reproduced, only if the numbers say so."""

from pathlib import Path

from stages.core.files import write_numbers
from stages.plot.results import read_numbers
from stages.problems.box_network.errors import measure
from stages.problems.box_network.functions import FUNCTIONS
from stages.report.verdicts import claims, standard_error, verdict

import pytest

RIGHT = {
    "l1_regression": {"dual_residual": 0.0, "l1_loss": 2.0, "lower_bound": 2.0},
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
VERDICTS = [
    "right; our solution is certified optimal",
    "boxes right; the count uses B instead of L",
    "right",
]
REFUTED = ["our solution is not certified optimal", "not confirmed", "not confirmed"]


def verdicts_with(problem: str, name: str, value: float) -> list[str]:
    return [row[3] for row in claims(**RIGHT | {problem: RIGHT[problem] | {name: value}})]


def test_every_claim_is_right_if_every_number_says_so() -> None:
    assert [row[3] for row in claims(**RIGHT)] == VERDICTS


@pytest.mark.parametrize(
    ("problem", "name", "wrong"),
    [
        ("l1_regression", "dual_residual", 1e-6),
        ("l1_regression", "lower_bound", 1.9),
        ("box_network", "max_error_over_bound", 1.001),
        ("box_network", "neurons_for_twice_the_values", 128),
        ("box_network", "neurons_for_twice_the_length", 64),
        ("box_network", "best_steps_error", 0.2),
        ("box_network", "second_layer_error", 1.0),
        ("softmax_jacobian", "autograd_difference", 1e-6),
        ("softmax_jacobian", "complex_step_difference", 1e-6),
        ("softmax_jacobian", "complex_step_difference", float("nan")),
    ],
)
def test_one_wrong_number_refutes_its_claim_and_no_other(
    problem: str, name: str, wrong: float
) -> None:
    place = list(RIGHT).index(problem)
    expected = [*VERDICTS[:place], REFUTED[place], *VERDICTS[place + 1 :]]
    assert verdicts_with(problem, name, wrong) == expected


@pytest.mark.parametrize(
    ("problem", "name", "value"),
    [
        ("l1_regression", "dual_residual", 4e-12),
        ("l1_regression", "lower_bound", 2 - 4e-12),
        ("box_network", "max_error_over_bound", 1 + 4e-12),
        ("box_network", "best_steps_error", 0.25 - 4e-12),
        ("box_network", "second_layer_error", 4e-12),
        ("softmax_jacobian", "autograd_difference", 4e-12),
    ],
)
def test_a_rounding_error_refutes_nothing(problem: str, name: str, value: float) -> None:
    assert verdicts_with(problem, name, value) == VERDICTS


def test_300_boxes_whose_error_exceeds_its_bound_by_rounding_are_judged_right(
    tmp_path: Path,
) -> None:
    rows = [measure("widths", function, 300) for function in FUNCTIONS]
    ratio = max(row["max_error"] / row["bound"] for row in rows)
    write_numbers(tmp_path / "numbers.json", {"ratio": ratio})
    ratio = read_numbers(tmp_path / "numbers.json")["ratio"]
    assert ratio > 1, "the error no longer exceeds its bound"
    assert verdicts_with("box_network", "max_error_over_bound", ratio) == VERDICTS


def test_an_accuracy_is_reproduced_within_three_standard_errors() -> None:
    assert verdict("5", 0.5, 0.52, 2500) == (
        "5",
        "test accuracy 50.00 %",
        "test accuracy 52.00 %",
        "reproduced: +2.00 percentage points, 2.0 standard errors",
    )
    assert verdict("5", 0.5, 0.46, 2500)[3].startswith("not reproduced: -4.00 percentage points, 4")


def test_the_standard_error_is_that_of_a_binomial_proportion() -> None:
    assert standard_error(0.5, 100) == pytest.approx(0.05)
    assert standard_error(0.2, 10_000) == pytest.approx(0.004)
