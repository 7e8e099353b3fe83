"""Loss, accuracy, and what the pipeline says of predictions."""

import math
import statistics
from pathlib import Path

from stages.core import datasets
from stages.core.metrics import loss_and_accuracy
from stages.core.paths import Run
from stages.core.stage import StageError
from stages.evaluate import write_predictions
from stages.results.reading import classes_of, read_predictions
from stages.results.summaries import (
    best_epoch,
    calibration,
    calibration_error,
    confidence,
    mean_loss,
    scores_of,
)

import numpy as np
import pandas as pd
import pytest
import torch

CLASSES = datasets.CLASSES["MNIST"]


def log_probabilities_and_labels(count: int) -> tuple[np.ndarray, np.ndarray]:
    generator = torch.Generator().manual_seed(2)
    logits = 3 * torch.randn(count, 10, generator=generator)
    labels = torch.randint(0, 10, (count,), generator=generator)
    return logits.log_softmax(1).numpy(), labels.numpy()


def test_loss_and_accuracy_agree_with_pytorch() -> None:
    log_probabilities, labels = log_probabilities_and_labels(500)
    loss, accuracy = loss_and_accuracy(log_probabilities, labels)
    tensor, targets = torch.from_numpy(log_probabilities), torch.from_numpy(labels)
    expected = torch.nn.functional.nll_loss(tensor.double(), targets)
    assert loss == pytest.approx(expected.item(), rel=1e-12)
    assert accuracy == (tensor.argmax(1) == targets).double().mean().item()


def test_the_loss_does_not_depend_on_the_order_of_the_images() -> None:
    log_probabilities, labels = log_probabilities_and_labels(5000)
    order = np.random.default_rng(1).permutation(5000)
    assert loss_and_accuracy(log_probabilities, labels) == loss_and_accuracy(
        log_probabilities[order], labels[order]
    )


def test_the_best_epoch_is_that_of_the_min_validation_loss_or_else_test_loss() -> None:
    history = pd.DataFrame({"epoch": [0, 1, 2, 3], "test_loss": [2.0, 0.5, 0.4, 0.6]})
    assert best_epoch(history) == 2
    assert best_epoch(history.assign(validation_loss=[2.0, 0.4, 0.5, 0.6])) == 1


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    return Run("fashion_mlp", "baseline")


def test_predictions_say_what_the_probabilities_say(run: Run) -> None:
    log_probabilities, labels = log_probabilities_and_labels(50)
    write_predictions(run, log_probabilities, labels, CLASSES)
    predictions = read_predictions(run)
    assert classes_of(predictions) == list(CLASSES)
    probabilities = predictions[list(CLASSES)]
    np.testing.assert_allclose(probabilities, np.exp(log_probabilities), rtol=1e-5)
    assert list(predictions["prediction"]) == list(probabilities.idxmax(axis=1))
    assert list(predictions["label"]) == [CLASSES[label] for label in labels]
    assert list(confidence(predictions)) == list(probabilities.max(axis=1))


@pytest.mark.parametrize("damage", ["without its last column", "another file"])
def test_damaged_predictions_are_named(run: Run, damage: str) -> None:
    write_predictions(run, *log_probabilities_and_labels(50), CLASSES)
    rows = [line.rpartition(",")[0] for line in run.predictions.read_text().splitlines()]
    another = "<html>Please log in</html>"
    run.predictions.write_text(another if damage == "another file" else "\n".join(rows))
    with pytest.raises(StageError, match="is damaged or has another format; `dvc repro` makes it"):
        read_predictions(run)


def test_a_model_of_other_classes_is_reported(run: Run) -> None:
    with pytest.raises(StageError, match="distinguishes 3 classes, not 10"):
        write_predictions(run, np.full((2, 3), -math.log(3)), np.zeros(2, int), CLASSES)


def test_a_few_predictions_are_summed_up() -> None:
    predictions = pd.DataFrame(
        {
            "label": ["a", "b"],
            "prediction": ["a", "a"],
            "a": [0.5, 0.875],
            "b": [0.5, 0.125],
        }
    )
    assert mean_loss(predictions) == pytest.approx((0.6931471805599453 + 2.0794415416798357) / 2)


def random_predictions() -> pd.DataFrame:
    generator = np.random.default_rng(3)
    table = pd.DataFrame(generator.dirichlet([0.5] * 4, 200), columns=list("abcd"))
    table.insert(0, "prediction", table.idxmax(axis=1))
    noise = pd.Series(generator.choice(list("abc"), 200))
    table.insert(0, "label", table["prediction"].where(generator.random(200) < 0.6, noise))
    return table


def test_scores_of_classes_are_those_of_the_definitions() -> None:
    predictions = random_predictions()
    pairs = list(zip(predictions["label"], predictions["prediction"], strict=True))
    scores = scores_of(predictions)
    assert list(scores.index) == sorted({label for label, _ in pairs})
    for name, row in scores.iterrows():
        right = pairs.count((name, name))
        precision = right / sum(prediction == name for _, prediction in pairs)
        recall = right / sum(label == name for label, _ in pairs)
        assert row["precision"] == pytest.approx(precision)
        assert row["recall"] == pytest.approx(recall)
        assert row["F1"] == pytest.approx(statistics.harmonic_mean([precision, recall]))


def test_calibration_counts_each_image_in_the_bin_of_its_confidence() -> None:
    predictions = random_predictions()
    total = 0.0
    for low in range(10):
        inside = [
            (max(row[name] for name in "abcd"), row["label"] == row["prediction"])
            for _, row in predictions.iterrows()
            if low <= 10 * max(row[name] for name in "abcd") < low + 1
        ]
        if inside:
            confidences, right = zip(*inside, strict=True)
            total += abs(sum(confidences) - sum(right))
    bins = calibration(predictions)
    assert bins["images"].sum() == 200
    assert calibration_error(predictions) == pytest.approx(total / 200)
    certain = pd.DataFrame({"label": ["a"], "prediction": ["a"], "a": [1.0], "b": [0.0]})
    assert list(calibration(certain).index) == [0.9]
    assert calibration_error(certain) == 0
