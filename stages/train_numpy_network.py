"""Train the network of problem 5 on MNIST."""

import numpy as np

from stages.lib import datasets
from stages.lib.artifacts import Run, replacing
from stages.lib.evaluation import loss_and_accuracy, write_history
from stages.lib.numpy_network import predict
from stages.lib.numpy_training import make_network, train
from stages.lib.params import load_params
from stages.lib.stage import run_stage


@np.errstate(over="ignore", invalid="ignore")  # write_history tells of divergence
def main(recipe: str) -> None:
    """Train numpy_network by RECIPE, a block in params.yaml."""
    run = Run("numpy_network", recipe)
    params = load_params().recipe(run)
    training_set = datasets.load(run.dataset, "train")
    test_images, test_labels = datasets.load(run.dataset, "t10k")
    network = make_network(params)
    measured = (
        (train_loss, *loss_and_accuracy(predict(network, test_images, params), test_labels))
        for train_loss in train(network, params, training_set)
    )
    write_history(run, measured, params.epochs)
    with replacing(run.model) as partial:
        network.save(partial)


if __name__ == "__main__":
    run_stage(main)
