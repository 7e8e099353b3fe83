"""Evaluate the trained network of problem 5 on the test images of MNIST."""

from stages.lib import datasets
from stages.lib.artifacts import Run, reading
from stages.lib.evaluation import write_evaluation
from stages.lib.numpy_network import NumpyNetwork, predict
from stages.lib.params import load_params
from stages.lib.stage import run_stage


def main(recipe: str) -> None:
    """Write the predictions and metrics of numpy_network as trained by RECIPE."""
    run = Run("numpy_network", recipe)
    params = load_params().recipe(run)
    images, labels = datasets.load(run.dataset, "t10k")
    with reading(run.model):
        predicted = predict(NumpyNetwork.load(run.model), images, params)
    write_evaluation(run, predicted, labels)


if __name__ == "__main__":
    run_stage(main)
