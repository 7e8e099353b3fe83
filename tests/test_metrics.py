"""Loss, accuracy, and what the pipeline says of predictions."""

import math
from pathlib import Path

from stages.core import datasets
from stages.core.metrics import loss_and_accuracy
from stages.core.paths import Run
from stages.core.stage import StageError
from stages.evaluate import write_predictions
from stages.plot.results import best_epoch, confidence, read_predictions

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
    predictions = read_predictions(run, ["MNIST"])
    probabilities = predictions[list(CLASSES)]
    np.testing.assert_allclose(probabilities, np.exp(log_probabilities), rtol=1e-5)
    assert list(predictions["prediction"]) == list(probabilities.idxmax(axis=1))
    assert list(predictions["label"]) == [CLASSES[label] for label in labels]
    assert list(confidence(predictions)) == list(probabilities.max(axis=1))


def test_predictions_without_a_class_are_refused_though_no_image_has_it(run: Run) -> None:
    log_probabilities, _ = log_probabilities_and_labels(1)
    write_predictions(run, log_probabilities[:, :9], np.zeros(1, int), CLASSES[:9])
    with pytest.raises(StageError, match="has another format"):
        read_predictions(run)


def test_predictions_of_another_data_set_are_refused(run: Run) -> None:
    write_predictions(run, *log_probabilities_and_labels(1), CLASSES)
    assert len(read_predictions(run)) == 1
    with pytest.raises(StageError, match="has another format"):
        read_predictions(run, ["FashionMNIST"])


def test_a_model_of_other_classes_is_reported(run: Run) -> None:
    with pytest.raises(StageError, match="distinguishes 3 classes, not 10"):
        write_predictions(run, np.full((2, 3), -math.log(3)), np.zeros(2, int), CLASSES)
