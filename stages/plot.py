"""Draw the figures of a run."""

import numpy as np

from stages.lib import datasets, figures
from stages.lib.artifacts import Run
from stages.lib.evaluation import probabilities, read_history, read_predictions
from stages.lib.stage import run_stage
from stages.lib.style import save_figures


def main(network: str, recipe: str) -> None:
    """Draw the figures of NETWORK as trained by RECIPE."""
    run = Run(network, recipe)
    classes = datasets.CLASSES[run.dataset]
    first_images, first_labels = datasets.load(run.dataset, "train")
    images, _ = datasets.load(run.dataset, "t10k")
    history = read_history(run)
    predictions = read_predictions(run)
    predictions["confidence"] = probabilities(predictions).max(axis=1)

    last = np.arange(len(images))[-16:]
    wrong = predictions[predictions["prediction"] != predictions["label"]]
    worst = wrong.sort_values("confidence", ascending=False, kind="stable").index[:16]
    drawings = {
        "loss": figures.loss_curves(history),
        "accuracy": figures.accuracy_curve(history),
        "confusion_matrix": figures.confusion_matrix(predictions, classes),
        "last_test_batch": figures.predicted_images(
            images[last], predictions.iloc[last], "The last 16 test images"
        ),
        "class_probabilities": figures.class_probabilities(images[:3], predictions.iloc[:3]),
        "confidently_wrong": figures.predicted_images(
            images[worst], predictions.iloc[worst], "The most confident wrong predictions"
        ),
        "first_image": figures.first_image(first_images[0], classes[first_labels[0]], run.dataset),
    }
    save_figures(run.figures, drawings)


if __name__ == "__main__":
    run_stage(main)
