"""Loss and accuracy, and what they become over the epochs and in the end."""

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd
from tqdm import tqdm

from stages.lib.artifacts import Run, reading, replacing, write_metrics
from stages.lib.datasets import CLASSES
from stages.lib.stage import StageError


def loss_and_accuracy(log_probabilities: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """The mean cross entropy in nats, and the share of images whose likeliest class is theirs.

    `log_probabilities` has shape (n, classes), `labels` (n,). The sum is exact before it is
    rounded, so that no order of summation, and so no number of threads, can change it.
    """
    losses = -log_probabilities[np.arange(len(labels)), labels].astype(np.float64)
    hits = np.count_nonzero(log_probabilities.argmax(axis=1) == labels)
    return math.fsum(losses / len(labels)), hits / len(labels)


def write_history(run: Run, measured: Iterable[tuple[float, float, float]], epochs: int) -> None:
    """Write the table over the epochs, anew with each, so that a viewer can follow.

    `measured` yields training loss and test loss, in nats, and test accuracy, from 0 to 1: of the
    untrained network, which is epoch 0, then after each of the epochs.

    Raises StageError if a loss is not finite.
    """
    rows = []
    with tqdm(total=epochs, desc=run.name, unit="epoch") as progress:
        for epoch, (train_loss, test_loss, test_accuracy) in enumerate(measured):
            if not (math.isfinite(train_loss) and math.isfinite(test_loss)):
                block = f"{run.network}.{run.recipe}"
                raise StageError(
                    f"{block} diverged in epoch {epoch}: the training loss is {train_loss:g}, the "
                    f"test loss {test_loss:g}; lower {block}.learning_rate in params.yaml"
                )
            rows.append(
                {
                    "epoch": epoch,
                    "train_loss": round(train_loss, 6),
                    "test_loss": round(test_loss, 6),
                    "test_accuracy": test_accuracy,
                }
            )
            with replacing(run.history) as partial:
                pd.DataFrame(rows).to_csv(partial, index=False)
            progress.update(epoch > 0)


def best_epoch(history: pd.DataFrame) -> int:
    """The epoch of the lowest test loss, after which the network overfits."""
    return int(history["epoch"][history["test_loss"].idxmin()])


def write_evaluation(run: Run, log_probabilities: np.ndarray, labels: np.ndarray) -> None:
    """Write a run's predictions and metrics.

    `log_probabilities` has shape (n, classes), `labels` (n,): one row a test image.

    Raises StageError if they are not of as many classes as the data set has.
    """
    classes = CLASSES[run.dataset]
    if log_probabilities.shape[1] != len(classes):
        raise StageError(
            f"{run.model} tells {log_probabilities.shape[1]} classes apart, not {len(classes)}; "
            "`dvc repro` makes it anew"
        )
    predictions = pd.DataFrame(np.exp(log_probabilities.astype(np.float64)), columns=classes)
    predictions.insert(0, "label", [classes[label] for label in labels])
    predictions.insert(1, "prediction", [classes[i] for i in log_probabilities.argmax(axis=1)])
    with replacing(run.predictions) as partial:
        predictions.to_csv(partial, index=False, float_format="%.6g")

    history = read_history(run)
    loss, accuracy = loss_and_accuracy(log_probabilities, labels)
    best = history.loc[best_epoch(history)]
    metrics = {
        "test_accuracy": accuracy,
        "test_loss": round(loss, 6),
        "train_loss": float(history["train_loss"].iloc[-1]),
        "best_epoch": int(best["epoch"]),
        "accuracy_at_best_epoch": float(best["test_accuracy"]),
    }
    write_metrics(run.metrics, metrics)


def read_history(run: Run) -> pd.DataFrame:
    """The history of a run, one row an epoch. Raises StageError if the file is not one."""
    with reading(run.history):
        return pd.read_csv(run.history)[["epoch", "train_loss", "test_loss", "test_accuracy"]]


def read_predictions(run: Run) -> pd.DataFrame:
    """The predictions of a run, one row a test image: label, prediction, ten probabilities.

    Raises StageError if the file is something else.
    """
    names = {"label": str, "prediction": str}
    with reading(run.predictions):
        return pd.read_csv(run.predictions, dtype=names)[[*names, *CLASSES[run.dataset]]]


def probabilities(predictions: pd.DataFrame) -> pd.DataFrame:
    """The ten columns of probabilities in a run's predictions, named by class."""
    return predictions.drop(columns=["label", "prediction"])
