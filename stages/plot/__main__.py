"""Draw the figures of a run."""

from stages.core import datasets
from stages.core.paths import Run, figures_folder
from stages.core.stage import run_stage
from stages.plot import figures
from stages.plot.style import save_figures
from stages.results.reading import read_history, read_predictions


def main(network: str, recipe: str, dataset: str) -> None:
    """Draw the figures of NETWORK, trained on DATASET by RECIPE."""
    run = Run(network, recipe)
    images, _ = datasets.load(dataset, "test")
    predictions = read_predictions(run)
    last = predictions.tail(16)
    rows = [("", images, last.head(8)), ("", images, last.tail(8))]
    drawn = {
        "history": figures.history(read_history(run)),
        "last_test_batch": figures.predicted_images(rows),
        "class_probabilities": figures.class_probabilities(images, predictions),
    }
    save_figures(figures_folder(run.name), drawn)


if __name__ == "__main__":
    run_stage(main)
