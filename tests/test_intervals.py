"""Intervals, differences and the rule of the search, against SciPy's tests."""

from stages.results import intervals
from study.report import kernel_rows
from study.selection import trials

import numpy as np
import pandas as pd
import pytest
from scipy import stats


@pytest.mark.parametrize("probability", [0.95, 0.999])
@pytest.mark.parametrize("count", [2, 10])
def test_a_prediction_interval_agrees_with_the_t_test(count: int, probability: float) -> None:
    values = np.random.default_rng(count).normal(0.85, 0.01, count).tolist()
    low, high = intervals.prediction_interval(values, probability)
    assert low < min(values) <= max(values) < high
    for end in (low, high):
        assert stats.ttest_ind(values, [end]).pvalue == pytest.approx(1 - probability)


@pytest.mark.parametrize(("count", "outside"), [(6, 0), (10, 1), (39, 12)])
def test_the_interval_of_the_median_has_its_probability(count: int, outside: int) -> None:
    """By the binomial distribution of how many values lie below the median."""
    assert 1 - 2 * stats.binom.cdf(outside, count, 0.5) >= 0.95
    samples = np.random.default_rng(1).exponential(size=(500, count))
    found = np.array([intervals.median_interval(sample) for sample in samples])
    np.testing.assert_array_equal(found, np.sort(samples)[:, [outside, -1 - outside]])


def test_an_improvement_is_paired_by_the_seeds_that_both_recipes_have() -> None:
    """Of six values the lowest and the highest hold the median with 1 - 2/64, five with less."""
    before = pd.DataFrame({"seed": range(1, 8), "test_accuracy": 0.5})
    gains = [0.01, 0.06, 0.03, 0.02, 0.05, 0.04, 0.9]
    after = pd.DataFrame({"seed": range(2, 9), "test_accuracy": 0.5 + np.array(gains)})
    found = intervals.improvement(before, after)
    assert found == pytest.approx({"n": 6, "median": 3.5, "low": 1, "high": 6})
    assert intervals.improvement(before, after[1:]) is None


def test_an_ablation_has_the_intervals_of_the_paired_t_test() -> None:
    generator = np.random.default_rng(5)
    values = {name: generator.normal(0.9, 0.01, 8) for name in ("without a", "improved", "b")}
    wide = pd.DataFrame(values).reset_index(names="seed")
    table = wide.melt("seed", var_name="variant", value_name="validation_accuracy")
    found = intervals.ablation_differences(table.sample(frac=1, random_state=1))
    assert list(found["accuracy"]) == sorted(found["accuracy"], reverse=True)
    for name in ("without a", "b"):
        test = stats.ttest_rel(100 * values[name], 100 * values["improved"])
        interval = test.confidence_interval(0.975)  # for two at once
        expected = [100 * (values[name] - values["improved"]).mean(), *interval]
        assert list(found.loc[name, ["difference", "low", "high"]]) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("accuracies", "chosen"),
    [
        # the second is the best; the first lies 0.5 ± 0.5 below
        ({(1, 5): (0.90, 0.92), (9, 5): (0.91, 0.92), (9, 6): (0.5, 0.5)}, (1, 5)),
        # 1 ± 0: further than one standard error, if closer to the best than the case above
        ({(1, 5): (0.90, 0.91), (9, 5): (0.91, 0.92), (9, 6): (0.5, 0.5)}, (9, 5)),
        # 0.65 ± 0.55, within one standard deviation of the difference but not within its error
        ({(1, 5): (0.898, 0.919), (9, 5): (0.91, 0.92), (9, 6): (0.5, 0.5)}, (9, 5)),
        # fewer epochs count before the order, and the order before the accuracy
        ({(9, 5): (0.91, 0.92), (1, 5): (0.90, 0.92), (1, 6): (0.92, 0.91)}, (1, 5)),
        ({(9, 6): (0.91, 0.91), (9, 5): (0.90, 0.92), (9, 4): (0.92, 0.90)}, (9, 6)),
    ],
)
def test_the_rule_takes_the_fewest_epochs_near_the_best(accuracies: dict, chosen: tuple) -> None:
    rows = pd.DataFrame(
        {"epochs": epochs, "width": width, "seed": seed, "validation_accuracy": value}
        for (epochs, width), values in accuracies.items()
        for seed, value in enumerate(values)
    )
    found = trials(rows)
    assert [(row.epochs, row.width) for row in found.itertuples()] == [*accuracies]
    assert [(row.epochs, row.width) for row in found[found.chosen].itertuples()] == [chosen]


def test_a_kernel_differs_from_the_epoch_of_its_first_other_loss_on() -> None:
    losses = {"fixed": [3, 2, 1], "same": [3, 2, 1], "other": [3, 2.5, 1.0]}
    wide = pd.DataFrame(losses).reset_index(names="epoch")
    rows = wide.melt("epoch", var_name="kernel", value_name="train_loss")
    found = kernel_rows(rows.assign(test_loss=10 * rows["train_loss"]))
    assert list(found["kernel"]) == [*losses]
    assert list(found["first"].fillna(-1)) == [-1, -1, 1]
    assert list(found["test_loss"]) == [10, 10, 10]
