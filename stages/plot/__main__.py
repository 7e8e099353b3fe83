"""Draw the figures of a run."""

from stages.core import datasets
from stages.core.paths import Run
from stages.core.stage import run_stage
from stages.plot import figures
from stages.plot.style import save_figures
from stages.results.reading import classes_of, read_history, read_predictions
from stages.results.summaries import confidence, errors


def main(network: str, recipe: str, dataset: str) -> None:
    """Draw the figures of NETWORK, trained on DATASET by RECIPE."""
    run = Run(network, recipe)
    train_images, train_labels = datasets.load(dataset, "train")
    images, _ = datasets.load(dataset, "test")
    history, predictions = read_history(run), read_predictions(run)
    classes = classes_of(predictions)
    last, wrong = predictions.tail(16), errors(predictions)
    least = predictions.loc[confidence(predictions).nsmallest(3).index]
    worst = wrong.loc[confidence(wrong).nlargest(16).index]
    drawn = {
        "loss": figures.loss_curves(history),
        "accuracy": figures.accuracy_curve(history),
        "confusion_matrix": figures.confusion_matrix(predictions, classes),
        "last_test_batch": figures.predicted_images(images, last, "The last 16 test images"),
        "class_probabilities": figures.class_probabilities(images, least),
        "highest_confidence_errors": figures.predicted_images(
            images, worst, "The highest-confidence errors"
        ),
        "classes": figures.classes_shown(train_images, train_labels, classes),
        "reliability": figures.reliability(predictions),
    }
    save_figures(run.figures, drawn)


if __name__ == "__main__":
    run_stage(main)
