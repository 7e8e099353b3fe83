"""Train the network of problem 5 on MNIST."""

import numpy as np
from tqdm import tqdm

from stages.lib import datasets
from stages.lib.artifacts import Run, replacing
from stages.lib.evaluation import History, loss_and_accuracy
from stages.lib.numpy_network import NumpyNetwork, to_input
from stages.lib.params import load_params
from stages.lib.stage import run_stage


@np.errstate(over="ignore", invalid="ignore")  # what overflows is told by the history
def main(recipe: str) -> None:
    """Train numpy_network by RECIPE, a block in params.yaml."""
    run = Run("numpy_network", recipe)
    params = load_params().recipe(run)
    images, labels = datasets.load(run.dataset, "train")
    test_images, test_labels = datasets.load(run.dataset, "t10k")
    inputs = to_input(images, params.scale_pixels)
    test_inputs = to_input(test_images, params.scale_pixels)
    classes = len(datasets.CLASSES[run.dataset])
    targets = np.eye(classes, dtype=np.float32)[labels]

    generator = np.random.default_rng(params.seed)
    network = NumpyNetwork([inputs.shape[1], *params.hidden_sizes, classes])
    network.initialise(generator)

    history = History(run)
    untrained_loss, _ = loss_and_accuracy(network.forward(inputs), labels)
    history.append(untrained_loss, *loss_and_accuracy(network.forward(test_inputs), test_labels))
    for _ in tqdm(range(params.epochs), desc=run.name, unit="epoch"):
        if params.shuffle:
            order = generator.permutation(len(inputs))
            inputs, targets = inputs[order], targets[order]
        train_loss = train_epoch(network, inputs, targets, params.batch_size, params.learning_rate)
        history.append(train_loss, *loss_and_accuracy(network.forward(test_inputs), test_labels))
    with replacing(run.model) as partial:
        network.save(partial)


def train_epoch(
    network: NumpyNetwork,
    inputs: np.ndarray,
    targets: np.ndarray,
    batch_size: int,
    learning_rate: float,
) -> float:
    """Take one pass over the samples, in their order, with a step a batch.

    `inputs` has shape (n, pixels), `targets`, one-hot, (n, classes). Returns the mean loss over
    the samples, each taken when its batch was trained on.
    """
    total = 0.0
    for start in range(0, len(inputs), batch_size):
        batch = inputs[start : start + batch_size]
        batch_targets = targets[start : start + batch_size]
        log_probabilities = network.forward(batch)
        total -= np.vdot(batch_targets, log_probabilities)
        network.backward(log_probabilities, batch_targets)
        network.step(learning_rate)
    return float(total) / len(inputs)


if __name__ == "__main__":
    run_stage(main)
