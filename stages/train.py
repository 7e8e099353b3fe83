"""Train a network by a recipe."""

import math
import sys

from stages.core import datasets
from stages.core.files import replacing
from stages.core.metrics import loss_and_accuracy
from stages.core.networks import inference_of, load_recipe, training_of
from stages.core.paths import Run
from stages.core.stage import StageError, run_stage

import numpy as np
import pandas as pd
from tqdm import tqdm


@np.errstate(over="ignore", invalid="ignore")  # divergence is reported below
def main(network: str, recipe: str, dataset: str) -> None:
    """Train NETWORK on DATASET by RECIPE; write the model and its history."""
    run = Run(network, recipe)
    training, inference = training_of(network), inference_of(network)
    params = load_recipe(run)
    splits = datasets.load_splits(dataset, params.validation_images)
    training_set = splits.pop("train")
    model = training.make_network(params)

    history = []
    # No bar where the output is no terminal, as in a log file.
    with tqdm(total=params.epochs, desc=run.name, unit="epoch", disable=None) as progress:
        epochs = training.train(model, params, training_set)
        for epoch, (train_loss, train_accuracy) in enumerate(epochs):
            row = {"train_loss": round(train_loss, 6), "train_accuracy": train_accuracy}
            for split, (images, labels) in splits.items():
                log_probabilities = inference.predict(model, images, params)
                loss, accuracy = loss_and_accuracy(log_probabilities, labels)
                row |= {f"{split}_loss": round(loss, 6), f"{split}_accuracy": accuracy}
            if not all(map(math.isfinite, row.values())):
                raise StageError(
                    f"{run.block} diverged in epoch {epoch}: the training loss is {train_loss:g}, "
                    f"the test loss {row['test_loss']:g}; lower its learning rate or weight decay "
                    "in params.yaml"
                )
            history.append({"epoch": epoch} | row)
            reached = f"train_loss={train_loss:.3g}, test_accuracy={row['test_accuracy']}"
            progress.set_postfix_str(reached, refresh=False)
            progress.update(epoch > 0)  # epoch 0 is the untrained network
            if progress.disable and (epoch == 1 or epoch % max(1, params.epochs // 10) == 0):
                print(f"{run.name}: epoch {epoch}, {reached}", file=sys.stderr, flush=True)

    with replacing(run.history) as partial:
        pd.DataFrame(history).to_csv(partial, index=False)
    with replacing(run.model) as partial:
        inference.save(model, partial, dataset)


if __name__ == "__main__":
    run_stage(main)
