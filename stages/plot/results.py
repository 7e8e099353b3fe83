"""The results, as the figures and the report read them."""

import json
from collections.abc import Sequence
from pathlib import Path

from stages.core.files import reading
from stages.core.paths import Run

import pandas as pd


def read_numbers(path: Path) -> dict[str, float]:
    """Read numbers by name. Raises StageError if the file is something else."""
    with reading(path):
        return json.loads(path.read_text())


def read_history(run: Run) -> pd.DataFrame:
    """Read the history of a run, one row per epoch. Raises StageError if the file is not one."""
    with reading(run.history):
        history = pd.read_csv(run.history)
        if not {"epoch", "train_loss", "test_loss", "test_accuracy"} <= set(history):
            raise ValueError("other columns")
    return history


def selection_loss(history: pd.DataFrame) -> str:
    """Name the column by which the best epoch is chosen.

    Without validation images it is the test loss. That is an oracle: it shows when the network
    begins to overfit, but to stop there would be to choose on the test set.
    """
    return "validation_loss" if "validation_loss" in history else "test_loss"


def best_epoch(history: pd.DataFrame) -> int:
    """Return the epoch of the min of `selection_loss`, after which the network overfits."""
    return int(history["epoch"][history[selection_loss(history)].idxmin()])


def read_predictions(run: Run, classes: Sequence[str]) -> pd.DataFrame:
    """Read the predictions of a run, one row per test image.

    Returns the columns `label`, `prediction` and one column of probabilities per class.

    Raises StageError if the file is something else.
    """
    with reading(run.predictions):
        predictions = pd.read_csv(run.predictions, dtype={"label": str, "prediction": str})
        if list(predictions.columns) != ["label", "prediction", *classes]:
            raise ValueError("other columns")
    return predictions


def confidence(predictions: pd.DataFrame) -> pd.Series:
    """Return the probability of the predicted class in each row of predictions."""
    return predictions.drop(columns=["label", "prediction"]).max(axis=1)
