"""The rule by which a search chooses, as docs/study.md states it."""

from typing import Any

from study.tables import Table

import pandas as pd


def trials(table: Table) -> pd.DataFrame:
    """Return a search's trials, one row each, in the order of the grid.

    `accuracy` is the mean validation accuracy in per cent over the seeds, `difference` that from
    the trial of the highest, and `error` the standard error of the difference, paired by seed;
    `passes` is how often an image passes through the network in training, in units of the set.
    `chosen` is the trial of the fewest passes, the first of these, among those whose difference
    is at most one standard error.
    """
    grid = list(table.made_with["grid"])
    rows = table.read()
    by_seed = rows.set_index([*grid, "seed"])["validation_accuracy"].unstack("seed") * 100
    by_seed = by_seed.reindex(pd.MultiIndex.from_frame(rows[grid].drop_duplicates()))
    lost = by_seed.loc[by_seed.mean(axis=1).idxmax()] - by_seed
    found = pd.DataFrame(
        {
            "accuracy": by_seed.mean(axis=1),
            "difference": -lost.mean(axis=1),
            "error": lost.sem(axis=1),
        }
    ).reset_index()
    found["passes"] = found.get("epochs", 1)
    eligible = found[-found["difference"] <= found["error"]]
    return found.assign(chosen=found.index == eligible["passes"].idxmin())


def winner(table: Table) -> dict[str, Any]:
    """Return the values of the trial that the rule chooses, by hyperparameter."""
    found = trials(table)
    return found.loc[found["chosen"], list(table.made_with["grid"])].iloc[0].to_dict()
