"""Evaluate the trained network of problem 5 on the test images of MNIST."""

from stages.lib import datasets
from stages.lib.artifacts import Run, reading
from stages.lib.evaluation import write_evaluation
from stages.lib.numpy_network import NumpyNetwork, to_input
from stages.lib.params import load_params
from stages.lib.stage import run_stage


def main(recipe: str) -> None:
    """Write the predictions and metrics of numpy_network as trained by RECIPE."""
    run = Run("numpy_network", recipe)
    scale_pixels = load_params().recipe(run).scale_pixels
    images, labels = datasets.load(run.dataset, "t10k")
    with reading(run.model):
        predicted = NumpyNetwork.load(run.model).forward(to_input(images, scale_pixels))
    write_evaluation(run, predicted, labels)


if __name__ == "__main__":
    run_stage(main)
