"""Evaluate the trained network of problem 4 on the test images of FashionMNIST."""

from stages.lib import datasets
from stages.lib.artifacts import Run, reading
from stages.lib.evaluation import write_evaluation
from stages.lib.fashion_mlp import FashionMLP, predict
from stages.lib.params import load_params
from stages.lib.stage import run_stage


def main(recipe: str) -> None:
    """Write the predictions and metrics of fashion_mlp as trained by RECIPE."""
    run = Run("fashion_mlp", recipe)
    images, labels = datasets.load(run.dataset, "t10k")
    params = load_params().recipe(run)
    with reading(run.model):
        predicted = predict(FashionMLP.load(run.model), images, params)
    write_evaluation(run, predicted, labels)


if __name__ == "__main__":
    run_stage(main)
