"""The results, as the figures and the report read them."""

import json
from collections.abc import Iterable
from pathlib import Path

from stages.core.datasets import CLASSES, PIXELS
from stages.core.files import reading
from stages.core.paths import Run

import numpy as np
import pandas as pd
from safetensors import safe_open


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


def read_predictions(run: Run, datasets: Iterable[str] = CLASSES) -> pd.DataFrame:
    """Read the predictions of a run, one row per test image of one of the data sets.

    Returns the columns `label`, `prediction` and one column of probabilities per class.

    Raises StageError if the file is something else.
    """
    with reading(run.predictions):
        predictions = pd.read_csv(run.predictions, dtype={"label": str, "prediction": str})
        if dataset_of(predictions) not in datasets:
            raise ValueError("other columns")
    return predictions


def dataset_of(predictions: pd.DataFrame) -> str | None:
    """Name the data set whose classes predictions have; None if there is none."""
    columns = list(predictions.columns)
    return next(
        (name for name, classes in CLASSES.items() if columns == ["label", "prediction", *classes]),
        None,
    )


def read_numerics(run: Run) -> str:
    """Read what computed the model of a run. Raises StageError if the file is not a model."""
    with reading(run.model), safe_open(run.model, "np") as model:
        return (model.metadata() or {}).get("numerics", "not recorded")


def read_first_weights(run: Run) -> np.ndarray | None:
    """Read the weights of a model's first layer, (units, 28, 28); None if it has no such layer.

    Raises StageError if the file is not a model.
    """
    with reading(run.model), safe_open(run.model, "np") as model:
        for name in model.keys():  # noqa: SIM118, since it is no dictionary
            if model.get_slice(name).get_shape()[1:] == [PIXELS]:
                return model.get_tensor(name).reshape(-1, 28, 28)
    return None


def confidence(predictions: pd.DataFrame) -> pd.Series:
    """Return the probability of the predicted class in each row of predictions."""
    return predictions.drop(columns=["label", "prediction"]).max(axis=1)


def probability(p: float) -> str:
    """Format a probability from a softmax in per cent: rounded to 0 or 1 it would mislead."""
    if p < 0.00005:
        return "< 0.01 %"
    return "> 99.99 %" if p >= 0.99995 else f"{100 * p:.2f} %"


def uncertain(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the three rows of predictions with the lowest confidence."""
    return predictions.loc[confidence(predictions).nsmallest(3).index]


def calibration(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return ten bins of confidence, each with its images, mean confidence and accuracy.

    The index is the lower limit of each bin that has an image.
    """
    table = pd.DataFrame(
        {
            "confidence": confidence(predictions),
            "accuracy": predictions["label"] == predictions["prediction"],
        }
    )
    bins = table.groupby((10 * table["confidence"]).astype(int).clip(upper=9) / 10)
    return bins.mean().assign(images=bins.size())


def calibration_error(bins: pd.DataFrame) -> float:
    """Return the expected calibration error, from 0 to 1, of what `calibration` returns.

    It is the mean over the images of the distance of accuracy from confidence in the image's bin
    (Guo et al., "On calibration of modern neural networks", 2017).
    """
    distances = (bins["accuracy"] - bins["confidence"]).abs()
    return float((bins["images"] * distances).sum() / bins["images"].sum())
