"""Tables and summaries of runs."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stages.core.paths import Run
from stages.plot.results import best_epoch, read_history, read_numbers, selection_loss
from stages.report.markdown import percent, table

import pandas as pd


@dataclass(frozen=True)
class Results:
    """A run's recipe, the metrics by name, and the history, one row per epoch."""

    run: Run
    recipe: Mapping[str, object]
    metrics: Mapping[str, float]
    history: pd.DataFrame


def read_results(network: str, recipe: str, hyperparameters: Mapping[str, object]) -> Results:
    """Read the results of a run. Raises StageError if they are damaged."""
    run = Run(network, recipe)
    return Results(run, hyperparameters, read_numbers(run.metrics), read_history(run))


def runs_table(runs: Iterable[Results]) -> str:
    """Format the metrics of runs: one row per run."""
    rows = []
    for each in runs:
        history = each.history.set_index("epoch")
        best = best_epoch(each.history)
        by = selection_loss(each.history).replace("_", " ")
        rows.append(
            (
                each.run.network,
                each.run.recipe,
                history.index[-1],
                f"{history['train_loss'].iloc[-1]:.4f}",
                percent(each.metrics["validation_accuracy"])
                if "validation_accuracy" in each.metrics
                else "",
                percent(each.metrics["test_accuracy"]),
                f"{each.metrics['test_loss']:.4f}",
                f"{best}, min {by}{' (oracle)' if by == 'test loss' else ''}",
                percent(history["test_accuracy"][best]),
            )
        )
    return table(
        rows, "network", "recipe", "epochs", "training loss", "validation accuracy",
        "test accuracy", "test loss", "best epoch", "test accuracy there",
    )  # fmt: skip


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


def top_classes(row: pd.Series, count: int) -> list[tuple[str, float]]:
    """Return the most probable classes in a row of predictions, each with its probability."""
    classes = row.drop(["label", "prediction"])
    return list(classes.astype(float).nlargest(count).items())
