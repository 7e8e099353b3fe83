"""What results amount to: best epoch, confidence, calibration, scores."""

import math

import pandas as pd


def selection_loss(history: pd.DataFrame) -> str:
    """Name the column by which the best epoch is chosen.

    Without validation images it is the test loss. That tells when the network begins to overfit,
    but only with hindsight: to stop there would be to choose on the test images.
    """
    return "validation_loss" if "validation_loss" in history else "test_loss"


def best_epoch(history: pd.DataFrame) -> int:
    """Return the epoch of the minimum of `selection_loss`."""
    return int(history["epoch"][history[selection_loss(history)].idxmin()])


def losses(predictions: pd.DataFrame) -> pd.Series:
    """Return the cross entropy in nats of each row of predictions."""
    probabilities = (row[row["label"]] for row in predictions.to_dict("records"))
    values = [-math.log(p) if p > 0 else math.inf for p in probabilities]
    return pd.Series(values, predictions.index, dtype=float)


def rows_of_half_the_loss(predictions: pd.DataFrame) -> int:
    """Return how few rows of predictions, those of the highest losses, make half of all loss."""
    sums = losses(predictions).sort_values(ascending=False, kind="stable").cumsum()
    return int((sums < sums.iloc[-1] / 2).sum()) + 1


def confidence(predictions: pd.DataFrame) -> pd.Series:
    """Return the probability of the predicted class in each row of predictions."""
    return predictions.drop(columns=["label", "prediction"]).max(axis=1)


def errors(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose predicted class is not the true one, the highest losses first."""
    wrong = predictions[predictions["prediction"] != predictions["label"]]
    return wrong.loc[losses(wrong).sort_values(ascending=False, kind="stable").index]


def examples(predictions: pd.DataFrame) -> dict[str, int]:
    """Return the images, by index, that are examples of three kinds, as far as there are any.

    Of images with the same confidence it is the first, of errors that of the highest loss.
    """
    right = predictions[predictions["prediction"] == predictions["label"]]
    kinds = {
        "confident and right": confidence(right).nlargest(1),
        "ambiguous": confidence(predictions).nsmallest(1),
        "confident and wrong": confidence(errors(predictions)).nlargest(1),
    }
    return {kind: rows.index[0] for kind, rows in kinds.items() if len(rows)}


def calibration_error(bins: pd.DataFrame) -> float:
    """Return the expected calibration error, from 0 to 1, of the bins of `intervals.calibration`.

    It is the mean over the images of the distance of accuracy from confidence in the image's bin
    (Guo et al., "On calibration of modern neural networks", 2017).
    """
    distances = (bins["accuracy"] - bins["confidence"]).abs()
    return float((bins["images"] * distances).sum() / bins["images"].sum())


def scores_of(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return precision and recall of each class; a class never predicted has precision 0."""
    label, prediction = predictions["label"], predictions["prediction"]
    right = label == prediction
    precision, recall = right.groupby(prediction).mean(), right.groupby(label).mean()
    classes = [name for name in predictions if name in recall]
    return pd.DataFrame({"precision": precision, "recall": recall}).loc[classes].fillna(0)
