"""The table of verdicts: a claim is right, or a result reproduced, only if the numbers say so."""

from pathlib import Path

from stages.core.files import write_numbers
from stages.core.paths import Run
from stages.problems.box_network.errors import measure
from stages.problems.box_network.functions import FUNCTIONS
from stages.report.verdicts import accuracy, confirmed
from stages.results.reading import read_numbers
from stages.results.study import read_table
from stages.results.summaries import prediction_interval, standard_error

import numpy as np
import pytest
from conftest import Project
from scipy.stats import ttest_ind

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


def refuted_with(problem: str, name: str, value: float) -> list[str]:
    """The problems whose claim is not confirmed if one number is another."""
    numbers = RIGHT | {problem: RIGHT[problem] | {name: value}}
    return [each for each, right in confirmed(numbers).items() if not right]


def test_every_claim_is_right_if_every_number_says_so() -> None:
    assert confirmed(RIGHT) == dict.fromkeys(RIGHT, True)


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
    assert refuted_with(problem, name, wrong) == [problem]


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
    assert refuted_with(problem, name, value) == []


def test_300_boxes_whose_error_exceeds_its_bound_by_rounding_are_judged_right(
    tmp_path: Path,
) -> None:
    rows = [measure("widths", function, 300) for function in FUNCTIONS]
    ratio = max(row["max_error"] / row["bound"] for row in rows)
    write_numbers(tmp_path / "numbers.json", {"ratio": ratio})
    ratio = read_numbers(tmp_path / "numbers.json")["ratio"]
    assert ratio > 1, "the error no longer exceeds its bound"
    assert refuted_with("box_network", "max_error_over_bound", ratio) == []


@pytest.mark.parametrize("probability", [0.95, 0.999])
@pytest.mark.parametrize("count", [2, 3, 10])
def test_the_t_test_gives_the_ends_of_the_prediction_interval_their_probability(
    count: int, probability: float
) -> None:
    values = np.random.default_rng(count).normal(0.85, 0.01, count).tolist()
    low, high = prediction_interval(values, probability)
    assert low < min(values) <= max(values) < high
    for end in (low, high):
        assert ttest_ind(values, [end]).pvalue == pytest.approx(1 - probability)
    assert prediction_interval(values) == prediction_interval(values, 0.95)


@pytest.mark.parametrize(
    ("reported", "judged"),
    [(0.799, "not reproduced"), (0.801, "reproduced"), (0.899, "reproduced"),
     (0.901, "not reproduced")],
)  # fmt: skip
def test_an_accuracy_is_reproduced_if_it_may_be_that_of_one_more_seed(
    reported: float, judged: str
) -> None:
    # the 0.975 quantile of Student's t of 2 degrees of freedom is 4.303: 85 ± 4.303 sqrt(1 + 1/3)
    assert accuracy(reported, 0.84, [0.84, 0.85, 0.86]) == [
        f"test accuracy {100 * reported:.2f} %",
        "test accuracy 84.00 %; 3 seeds: mean 85.00 %, standard deviation 1.00",
        f"{judged}: 95 % prediction interval 80.03 to 89.97 %",
    ]


def test_without_seeds_of_the_recipe_nothing_is_judged() -> None:
    assert accuracy(0.85, 0.84, None) == [
        "test accuracy 85.00 %",
        "test accuracy 84.00 %",
        "not judged: the study is of other hyperparameters",
    ]


@pytest.mark.parametrize("network", ["fashion_mlp", "numpy_network"])
def test_had_the_author_had_one_of_the_studys_seeds_it_would_mostly_be_reproduced(
    committed: Project, network: str
) -> None:
    _, table = read_table(committed.folder / Run(network, "baseline").seeds)
    accuracies = list(table["test_accuracy"])
    assert len(accuracies) == 10
    reproduced = 0
    for place, one in enumerate(accuracies):
        others = accuracies[:place] + accuracies[place + 1 :]
        expected = ttest_ind(others, [one]).pvalue > 0.05
        judged = accuracy(one, one, others)[-1]
        assert judged.startswith("reproduced" if expected else "not reproduced")
        reproduced += expected
    assert reproduced >= 8


def test_the_standard_error_is_that_of_a_binomial_proportion() -> None:
    assert standard_error(0.5, 100) == pytest.approx(0.05)
    assert standard_error(0.2, 10_000) == pytest.approx(0.004)
