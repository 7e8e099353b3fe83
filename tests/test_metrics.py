"""Loss, accuracy, and what the pipeline says of predictions."""

import math
from pathlib import Path

from stages.core.datasets import CLASSES
from stages.core.metrics import loss_and_accuracy
from stages.core.paths import Run
from stages.core.stage import StageError
from stages.evaluate import write_predictions
from stages.results import summaries
from stages.results.intervals import calibration, paired_recalls
from stages.results.reading import classes_of, read_predictions

import numpy as np
import pandas as pd
import pytest

DIGITS = CLASSES["MNIST"]
RUN = Run("numpy_network", "baseline")


def test_the_loss_does_not_depend_on_the_order_of_the_images() -> None:
    # whose sum, added up from the left, is another one than from the right
    log_probabilities, labels = -np.array([[1e16], [1.0], [1.0], [1.0]]), np.zeros(4, int)
    forwards = loss_and_accuracy(log_probabilities, labels)
    assert forwards == loss_and_accuracy(log_probabilities[::-1], labels)


def test_predictions_are_the_probabilities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(2)
    log_probabilities = np.log(generator.dirichlet([0.5] * 10, 50))
    labels = generator.integers(0, 10, 50)
    write_predictions(RUN, log_probabilities, labels, DIGITS)
    predictions = read_predictions(RUN)
    assert classes_of(predictions) == list(DIGITS)
    probabilities = predictions[list(DIGITS)]
    np.testing.assert_allclose(probabilities, np.exp(log_probabilities), rtol=1e-5)
    assert list(predictions["prediction"]) == list(probabilities.idxmax(axis=1))
    assert list(predictions["label"]) == [DIGITS[label] for label in labels]
    loss, _ = loss_and_accuracy(log_probabilities, labels)
    assert summaries.losses(predictions).mean() == pytest.approx(loss, rel=1e-5)


def test_a_model_of_other_classes_is_reported() -> None:
    with pytest.raises(StageError, match="distinguishes 3 classes, not 10"):
        write_predictions(RUN, np.zeros((2, 3)), np.zeros(2, int), DIGITS)


def random_predictions() -> pd.DataFrame:
    generator = np.random.default_rng(3)
    table = pd.DataFrame(generator.dirichlet([0.5] * 4, 200), columns=list("abcd"))
    table.insert(0, "prediction", table.idxmax(axis=1))
    noise = pd.Series(generator.choice(list("abc"), 200))
    table.insert(0, "label", table["prediction"].where(generator.random(200) < 0.6, noise))
    return table


def test_scores_of_classes_are_those_of_the_definitions() -> None:
    predictions = random_predictions()
    first = predictions.query("label == prediction == 'a'").index[0]  # a is predicted once
    predictions["prediction"] = predictions["prediction"].replace("a", "b")
    predictions.loc[first, "prediction"] = "a"
    pairs = list(zip(predictions["label"], predictions["prediction"], strict=True))
    scores = summaries.scores_of(predictions)
    assert list(scores.index) == sorted({label for label, _ in pairs})
    for name, row in scores.iterrows():
        right = pairs.count((name, name))
        precision = right / sum(prediction == name for _, prediction in pairs)
        recall = right / sum(label == name for label, _ in pairs)
        assert list(row) == pytest.approx([precision, recall])
    never_predicted = summaries.scores_of(predictions.assign(prediction="b"))
    assert never_predicted["precision"]["a"] == 0


def test_recalls_are_compared_on_the_same_images() -> None:
    before = random_predictions()
    after = before.assign(prediction=before["label"].where(before.index % 3 > 0, "d"))
    rows = paired_recalls(before, after)
    assert sorted(rows.index) == sorted(set(before["label"]))
    for name, row in rows.iterrows():
        of_class = before["label"] == name
        was, now = (table["prediction"][of_class] == name for table in (before, after))
        lost, won = sum(was & ~now), sum(now & ~was)
        tail = sum(math.comb(lost + won, k) for k in range(min(lost, won) + 1))
        p = min(1, 2 * tail / 2 ** (lost + won))
        assert list(row) == pytest.approx([lost, won, min(1, len(rows) * p)])


def test_errors_begin_with_the_highest_loss_and_examples_are_of_three_kinds() -> None:
    table = pd.DataFrame({"label": list("aabb"), "prediction": list("abab"), "a": [0.9, 0.4, 1, 0]})
    table["b"] = 1 - table["a"]
    assert list(summaries.errors(table).index) == [2, 1]  # the loss of image 2 is infinite
    kinds = ("confident and right", "ambiguous", "confident and wrong")
    assert summaries.examples(table) == dict(zip(kinds, (3, 1, 2), strict=True))
    assert summaries.examples(table[:1]) == dict.fromkeys(kinds[:2], 0)


@pytest.mark.parametrize(("p", "rows"), [([0.5, 0.5, 0.5], 2), ([0.9, 1e-9, 0.9], 1)])
def test_half_the_loss_may_be_that_of_few_images(p: list[float], rows: int) -> None:
    table = pd.DataFrame({"label": "a", "prediction": "a", "a": p})
    assert summaries.rows_of_half_the_loss(table) == rows


def test_calibration_counts_each_image_in_the_bin_of_its_confidence() -> None:
    predictions = random_predictions()
    highest = predictions[list("abcd")].max(axis=1)
    right = predictions["label"] == predictions["prediction"]
    bins = calibration(predictions)
    distances = 0.0
    for low in range(10):
        inside = (low / 10 <= highest) & (highest < (low + 1) / 10)
        assert inside.sum() == bins["images"].get(low / 10, 0)
        distances += abs(highest[inside].sum() - right[inside].sum())
    assert summaries.calibration_error(bins) == pytest.approx(distances / 200)
    certain = pd.DataFrame({"label": ["a"], "prediction": ["a"], "a": [1.0], "b": [0.0]})
    assert list(calibration(certain).index) == [0.9]
    assert summaries.calibration_error(calibration(certain)) == 0
