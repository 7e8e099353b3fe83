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
        return pd.read_csv(run.history)[["epoch", "train_loss", "test_loss", "test_accuracy"]]


def best_epoch(history: pd.DataFrame) -> int:
    """Return the epoch of the min test loss, after which the network overfits."""
    return int(history["epoch"][history["test_loss"].idxmin()])


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
