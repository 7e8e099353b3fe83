"""Draw the figures of a run."""

from stages.core import datasets
from stages.core.paths import Run
from stages.core.stage import run_stage
from stages.plot import runs
from stages.plot.results import read_history, read_predictions
from stages.plot.style import save_figures

import numpy as np


def main(network: str, recipe: str, dataset: str) -> None:
    """Draw the figures of NETWORK, trained on DATASET by RECIPE."""
    run = Run(network, recipe)
    classes = datasets.CLASSES[dataset]
    train_images, train_labels = datasets.load(dataset, "train")
    images, _ = datasets.load(dataset, "test")
    history = read_history(run)
    predictions = read_predictions(run)

    last = np.arange(len(images))[-16:]
    wrong = predictions[predictions["prediction"] != predictions["label"]]
    worst = wrong.sort_values("confidence", ascending=False, kind="stable").index[:16]
    figures = {
        "loss": runs.loss_curves(history),
        "accuracy": runs.accuracy_curve(history),
        "confusion_matrix": runs.confusion_matrix(predictions, classes),
        "last_test_batch": runs.predicted_images(
            images[last], predictions.iloc[last], "The last 16 test images"
        ),
        "class_probabilities": runs.class_probabilities(images[:3], predictions.iloc[:3]),
        "highest_confidence_errors": runs.predicted_images(
            images[worst], predictions.iloc[worst], "The highest-confidence errors"
        ),
        "first_image": runs.first_image(train_images[0], classes[train_labels[0]], dataset),
    }
    save_figures(run.figures, figures)


if __name__ == "__main__":
    run_stage(main)
