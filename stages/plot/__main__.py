"""Draw the figures of a run."""

from stages.core import datasets
from stages.core.paths import Run
from stages.core.stage import run_stage
from stages.plot import figures
from stages.plot.results import confidence, read_history, read_predictions, uncertain
from stages.plot.style import FIGURES, save_figures

import numpy as np


def main(network: str, recipe: str, dataset: str) -> None:
    """Draw the figures of NETWORK, trained on DATASET by RECIPE."""
    run = Run(network, recipe)
    classes = datasets.CLASSES[dataset]
    train_images, train_labels = datasets.load(dataset, "train")
    images, _ = datasets.load(dataset, "test")
    history = read_history(run)
    predictions = read_predictions(run, [dataset])
    least = uncertain(predictions)
    predictions["confidence"] = confidence(predictions)
    last = np.arange(len(images))[-16:]
    wrong = predictions[predictions["prediction"] != predictions["label"]]
    worst = wrong.sort_values("confidence", ascending=False, kind="stable").index[:16]
    drawn = {
        "loss": figures.loss_curves(history),
        "accuracy": figures.accuracy_curve(history),
        "confusion_matrix": figures.confusion_matrix(predictions, classes),
        "last_test_batch": figures.predicted_images(
            images[last], predictions.iloc[last], "The last 16 test images"
        ),
        "class_probabilities": figures.class_probabilities(images[least.index], least),
        "highest_confidence_errors": figures.predicted_images(
            images[worst], predictions.iloc[worst], "The highest-confidence errors"
        ),
        "classes": figures.classes_shown(train_images, train_labels, classes),
        "reliability": figures.reliability(predictions),
    }
    save_figures(FIGURES / run.name, drawn)


if __name__ == "__main__":
    run_stage(main)
