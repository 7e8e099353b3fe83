"""Tables and summaries of runs."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from stages.core.datasets import PIXELS
from stages.core.paths import Run
from stages.plot.results import (
    best_epoch,
    dataset_of,
    read_history,
    read_numbers,
    read_numerics,
    read_predictions,
    selection_loss,
)
from stages.report.markdown import percent, table
from stages.report.verdicts import standard_error

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Results:
    """A run's recipe, metrics by name, history, one row per epoch, and predictions of test images.

    `numerics` is what computed the model.
    """

    run: Run
    recipe: Mapping[str, object]
    metrics: Mapping[str, float]
    history: pd.DataFrame
    predictions: pd.DataFrame
    numerics: str

    @property
    def dataset(self) -> str:
        """The name of the data set that was predicted."""
        return dataset_of(self.predictions)


def read_results(network: str, recipe: str, hyperparameters: Mapping[str, object]) -> Results:
    """Read the results of a run. Raises StageError if they are damaged."""
    run = Run(network, recipe)
    return Results(
        run,
        hyperparameters,
        read_numbers(run.metrics),
        read_history(run),
        read_predictions(run),
        read_numerics(run),
    )


def runs_table(runs: Iterable[Results]) -> str:
    """Format the metrics of runs: one row per run."""
    rows = []
    for each in runs:
        last, best = each.history.iloc[-1], best_epoch(each.history)
        by = selection_loss(each.history).replace("_", " ")
        validation = each.metrics.get("validation_accuracy")
        rows.append(
            (
                each.run.network,
                each.run.recipe,
                parameters(each.recipe),
                percent(each.metrics["test_accuracy"]),
                f"{each.metrics['test_loss']:.4g}",
                percent(validation) if validation is not None else "",
                percent(last["train_accuracy"]),
                f"{last['train_loss']:.4g}",
                f"{best} of {last['epoch']:.0f}{' (oracle)' if by == 'test loss' else ''}",
            )
        )
    return table(
        rows, "network", "recipe", "parameters", "test accuracy", "test loss",
        "validation accuracy", "training accuracy", "training loss", "best epoch",
    )  # fmt: skip


def parameters(recipe: Mapping[str, object]) -> str:
    """Format the number of weights and biases of a multilayer perceptron; empty for another."""
    if "hidden_sizes" not in recipe:
        return ""
    sizes = [PIXELS, *recipe["hidden_sizes"], 10]
    return f"{sum(outputs * (inputs + 1) for inputs, outputs in pairwise(sizes)):,}"


def recipes_table(runs: Iterable[Results]) -> str:
    """Format the hyperparameters in which a network's recipes differ: one column per recipe."""
    recipes = {each.run.recipe: each.recipe for each in runs}
    rows = pd.DataFrame(recipes, dtype=object)
    differing = rows[rows.astype(str).nunique(axis=1) > 1]
    return table(differing.itertuples(name=None), "hyperparameter", *recipes)


def near_minimum(history: pd.DataFrame) -> list[int]:
    """Return the epochs whose test loss is within 5 % of the min."""
    return list(history["epoch"][history["test_loss"] <= 1.05 * history["test_loss"].min()])


def mean_loss(predictions: pd.DataFrame) -> float:
    """Return the mean cross entropy in nats of a few rows of predictions."""
    probabilities = [row[row["label"]] for _, row in predictions.iterrows()]
    losses = [-math.log(p) if p > 0 else math.inf for p in probabilities]
    return math.fsum(losses) / len(losses)


def paired_differences(ablation: pd.DataFrame) -> pd.DataFrame:
    """Return one row per variant: mean accuracy and loss, and mean differences from `improved`.

    `ablation` has one row per network: variant, seed, validation_accuracy and validation_loss. A
    difference is that of two networks of the same seed; an error is the standard error of the
    mean difference.
    """
    columns = {}
    for name in ("accuracy", "loss"):
        by_seed = ablation.pivot(index="seed", columns="variant", values=f"validation_{name}")
        differences = by_seed.sub(by_seed["improved"], axis=0)
        columns[name] = by_seed.mean()
        columns[f"{name}_difference"] = differences.mean()
        columns[f"{name}_error"] = differences.std() / np.sqrt(len(by_seed))
    return pd.DataFrame(columns).sort_values("accuracy", ascending=False, kind="stable")


def class_scores(before: pd.DataFrame, after: pd.DataFrame) -> dict[str, object]:
    """Compare the predictions of two networks by class.

    Returns `rows`, with precision, recall and F1 before and after; the classes whose recall gains
    `most` and `least`, the `gain` and the `loss` there in percentage points; the number of `images`
    of a class and the max standard `error` of its recall in percentage points; and the three pairs
    of classes that are `confused` most often after.
    """
    scores = [scores_of(predictions) for predictions in (before, after)]
    columns = [each[name] for name in ("precision", "recall", "F1") for each in scores]
    rows = [(label, *(percent(column[label]) for column in columns)) for label in scores[0].index]
    gains = 100 * (scores[1]["recall"] - scores[0]["recall"])
    images = len(after) // len(gains)
    wrong = after[after["label"] != after["prediction"]]
    pairs = wrong.groupby(["label", "prediction"]).size()
    return {
        "rows": rows,
        "most": gains.idxmax(),
        "gain": gains.max(),
        "least": gains.idxmin(),
        "loss": gains.min(),
        "images": images,
        "error": 100 * standard_error(0.5, images),
        "confused": [
            f"{label} taken for {prediction}, {count}"
            for (label, prediction), count in pairs.nlargest(3).items()
        ],
    }


def scores_of(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return precision, recall and F1 of each class; a class never predicted has precision 0."""
    right = predictions["label"][predictions["label"] == predictions["prediction"]].value_counts()
    labels, predicted = (predictions[name].value_counts() for name in ("label", "prediction"))
    table = pd.DataFrame({"right": right, "labels": labels, "predicted": predicted})
    classes = [name for name in predictions if name in labels.index]
    table = table.reindex(classes).fillna(0)
    return pd.DataFrame(
        {
            "precision": table["right"] / table["predicted"].clip(lower=1),
            "recall": table["right"] / table["labels"],
            "F1": 2 * table["right"] / (table["labels"] + table["predicted"]),
        }
    )
