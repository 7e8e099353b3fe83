"""Evaluate a trained network on the validation and the test images."""

from stages.core import datasets
from stages.core.files import reading, replacing, write_numbers
from stages.core.metrics import loss_and_accuracy
from stages.core.networks import inference_of, load_recipe
from stages.core.paths import Run
from stages.core.stage import StageError, run_stage

import numpy as np
import pandas as pd


def main(network: str, recipe: str, dataset: str) -> None:
    """Write the predictions and metrics of NETWORK, trained on DATASET by RECIPE."""
    run = Run(network, recipe)
    inference = inference_of(network)
    params = load_recipe(run)
    splits = datasets.load_splits(dataset, params.validation_images)
    del splits["train"]
    with reading(run.model):
        model = inference.load(run.model, params)
    metrics: dict[str, float] = {}
    for split, (images, labels) in splits.items():
        log_probabilities = inference.predict(model, images, params)
        loss, accuracy = loss_and_accuracy(log_probabilities, labels)
        metrics |= {f"{split}_accuracy": accuracy, f"{split}_loss": round(loss, 6)}
        if split == "test":
            write_predictions(run, log_probabilities, labels, datasets.CLASSES[dataset])
    write_numbers(run.metrics, metrics)


def write_predictions(
    run: Run, log_probabilities: np.ndarray, labels: np.ndarray, classes: tuple[str, ...]
) -> None:
    """Write one row per test image: true class, predicted class, and each class's probability.

    `log_probabilities` has shape (n, classes), `labels` (n,).

    Raises StageError if they are not of as many classes as the data set has.
    """
    if log_probabilities.shape[1] != len(classes):
        raise StageError(
            f"{run.model} distinguishes {log_probabilities.shape[1]} classes, not {len(classes)}"
        )
    predictions = pd.DataFrame(np.exp(log_probabilities.astype(np.float64)), columns=classes)
    predictions.insert(0, "label", [classes[label] for label in labels])
    predictions.insert(1, "prediction", [classes[i] for i in log_probabilities.argmax(axis=1)])
    with replacing(run.predictions) as partial:
        predictions.to_csv(partial, index=False, float_format="%.6g")


if __name__ == "__main__":
    run_stage(main)
