"""Train a network by a recipe."""

import math

from stages.core import datasets
from stages.core.files import replacing
from stages.core.metrics import loss_and_accuracy
from stages.core.networks import load_recipe, module_of
from stages.core.paths import Run
from stages.core.stage import StageError, run_stage

import numpy as np
import pandas as pd
from tqdm import tqdm


@np.errstate(over="ignore", invalid="ignore")  # divergence is reported below
def main(network: str, recipe: str, dataset: str) -> None:
    """Train NETWORK on DATASET by RECIPE; write the model and its history."""
    run = Run(network, recipe)
    training, inference = (module_of(network, name) for name in ("training", "inference"))
    params = load_recipe(run)
    training_set = datasets.load(dataset, "train")
    test_images, test_labels = datasets.load(dataset, "test")
    model = training.make_network(params)

    history = []
    with tqdm(total=params.epochs, desc=run.name, unit="epoch") as progress:
        for epoch, train_loss in enumerate(training.train(model, params, training_set)):
            test_loss, test_accuracy = loss_and_accuracy(
                inference.predict(model, test_images, params), test_labels
            )
            if not (math.isfinite(train_loss) and math.isfinite(test_loss)):
                block = f"{network}.{recipe}"
                raise StageError(
                    f"{block} diverged in epoch {epoch}: the training loss is {train_loss:g}, the "
                    f"test loss {test_loss:g}; lower {block}.learning_rate in params.yaml"
                )
            history.append((epoch, round(train_loss, 6), round(test_loss, 6), test_accuracy))
            progress.set_postfix(train_loss=train_loss, test_accuracy=test_accuracy, refresh=False)
            progress.update(epoch > 0)  # epoch 0 is the untrained network

    columns = ["epoch", "train_loss", "test_loss", "test_accuracy"]
    with replacing(run.history) as partial:
        pd.DataFrame(history, columns=columns).to_csv(partial, index=False)
    with replacing(run.model) as partial:
        inference.save(model, partial)


if __name__ == "__main__":
    run_stage(main)
