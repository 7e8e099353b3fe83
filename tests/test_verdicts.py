"""The table of verdicts: a claim is right, or a result reproduced, only if the numbers say so."""

from stages.report.verdicts import accuracy, confirmed

import pytest

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
    ("problem", "name", "wrong", "rounded"),
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
def test_what_refutes_a_claim(problem: str, name: str, wrong: float, rounded: float) -> None:
    assert refuted_with(problem, name, wrong) == [problem]
    assert refuted_with(problem, name, rounded) == []


@pytest.mark.parametrize(
    ("reported", "judged"),
    [(0.839, "not reproduced: 0"), (0.84, "reproduced: 0"), (0.861, "not reproduced: 3")],
)
def test_an_accuracy_is_reproduced_in_the_range_of_the_seeds(reported: float, judged: str) -> None:
    theirs, ours, verdict = accuracy(reported, 0.845, [0.84, 0.86, 0.85])
    assert f"{100 * reported:.2f} %" in theirs
    for number in ("84.50 %", "3 seeds", "median 85.00 %", "range 84.00 to 86.00 %"):
        assert number in ours
    assert verdict == f"{judged} of 3 seeds lie below; level 50.00 %"
    assert accuracy(reported, 0.84, None)[-1].startswith("not judged")
