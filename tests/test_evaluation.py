"""Loss, accuracy, history, metrics and predictions."""

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from stages.lib.artifacts import Run
from stages.lib.evaluation import (
    best_epoch,
    loss_and_accuracy,
    read_history,
    read_predictions,
    write_evaluation,
    write_history,
)
from stages.lib.stage import StageError


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    return Run("fashion_mlp", "assignment")


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


def test_the_history_can_be_followed_while_it_grows(run: Run) -> None:
    def measured() -> Iterator[tuple[float, float, float]]:
        yield 2.3, 2.31, 0.1
        yield 1.5, 1.23456789, 0.5
        assert len(read_history(run)) == 2

    write_history(run, measured(), epochs=1)
    expected = pd.DataFrame(
        {
            "epoch": [0, 1],
            "train_loss": [2.3, 1.5],
            "test_loss": [2.31, 1.234568],
            "test_accuracy": [0.1, 0.5],
        }
    )
    pd.testing.assert_frame_equal(read_history(run), expected)


@pytest.mark.parametrize("losses", [(math.nan, 1.0), (1.0, math.inf)])
def test_divergence_names_the_epoch_and_the_parameter(
    run: Run, losses: tuple[float, float]
) -> None:
    measured = iter([(2.3, 2.3, 0.1), (*losses, 0.1)])
    with pytest.raises(StageError, match=r"in epoch 1.*lower fashion_mlp\.assignment\.learning_r"):
        write_history(run, measured, epochs=1)
    assert len(read_history(run)) == 1


def test_the_best_epoch_is_that_of_the_lowest_test_loss() -> None:
    history = pd.DataFrame({"epoch": [0, 1, 2, 3], "test_loss": [2.0, 0.5, 0.4, 0.6]})
    assert best_epoch(history) == 2


def test_predictions_and_metrics_say_what_the_probabilities_say(run: Run) -> None:
    log_probabilities, labels = log_probabilities_and_labels(50)
    write_history(run, [(2.3, 2.3, 0.1), (0.7, 0.5, 0.6), (0.6, 0.8, 0.5)], epochs=2)
    write_evaluation(run, log_probabilities, labels)

    predictions = read_predictions(run)
    probabilities = predictions.drop(columns=["label", "prediction"])
    assert len(predictions) == 50
    np.testing.assert_allclose(probabilities, np.exp(log_probabilities), rtol=1e-5)
    assert list(predictions["prediction"]) == list(probabilities.idxmax(axis=1))
    assert list(predictions["label"]) == [probabilities.columns[label] for label in labels]

    metrics = json.loads(run.metrics.read_text())
    loss, accuracy = loss_and_accuracy(log_probabilities, labels)
    assert metrics == {
        "test_accuracy": accuracy,
        "test_loss": round(loss, 6),
        "train_loss": 0.6,
        "best_epoch": 1,
        "accuracy_at_best_epoch": 0.6,
    }
