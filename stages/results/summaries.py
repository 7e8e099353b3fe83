"""What results amount to: best epoch, confidence, calibration, scores."""

import math

import pandas as pd


def selection_loss(history: pd.DataFrame) -> str:
    """Name the column by which the best epoch is chosen.

    Without validation images it is the test loss. That is an oracle: it shows when the network
    begins to overfit, but to stop there would be to choose on the test set.
    """
    return "validation_loss" if "validation_loss" in history else "test_loss"


def best_epoch(history: pd.DataFrame) -> int:
    """Return the epoch of the min of `selection_loss`."""
    return int(history["epoch"][history[selection_loss(history)].idxmin()])


def mean_loss(predictions: pd.DataFrame) -> float:
    """Return the mean cross entropy in nats of a few rows of predictions."""
    probabilities = [row[row["label"]] for _, row in predictions.iterrows()]
    losses = [-math.log(p) if p > 0 else math.inf for p in probabilities]
    return math.fsum(losses) / len(losses)


def confidence(predictions: pd.DataFrame) -> pd.Series:
    """Return the probability of the predicted class in each row of predictions."""
    return predictions.drop(columns=["label", "prediction"]).max(axis=1)


def errors(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of predictions whose predicted class is not the true one."""
    return predictions[predictions["prediction"] != predictions["label"]]


def calibration(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return ten bins of confidence, each with its images, mean confidence and accuracy.

    The index is the lower limit of each bin that has an image.
    """
    right = predictions["label"] == predictions["prediction"]
    table = pd.DataFrame({"confidence": confidence(predictions), "accuracy": right})
    bins = table.groupby((10 * table["confidence"]).astype(int).clip(upper=9) / 10)
    return bins.mean().assign(images=bins.size())


def calibration_error(predictions: pd.DataFrame) -> float:
    """Return the expected calibration error, from 0 to 1.

    It is the mean over the images of the distance of accuracy from confidence in the image's bin
    (Guo et al., "On calibration of modern neural networks", 2017).
    """
    bins = calibration(predictions)
    distances = (bins["accuracy"] - bins["confidence"]).abs()
    return float((bins["images"] * distances).sum() / bins["images"].sum())


def scores_of(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return precision, recall and F1 of each class; a class never predicted has precision 0."""
    label, prediction = predictions["label"], predictions["prediction"]
    classes = [name for name in predictions if name in set(label)]
    labels, predicted, right = (
        column.value_counts().reindex(classes, fill_value=0)
        for column in (label, prediction, label[label == prediction])
    )
    scores = {"precision": right / predicted.clip(lower=1), "recall": right / labels}
    return pd.DataFrame(scores | {"F1": 2 * right / (labels + predicted)})
