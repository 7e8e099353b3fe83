"""The rule by which a search chooses, as docs/study.md states it."""

from typing import Any

import pandas as pd

MEASURED = ("accuracy", "difference", "error", "chosen")


def trials(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the trials of a search, one row each, in their order.

    `rows` has one row per network: the values tried, then seed, .., validation_accuracy. In the
    result, `accuracy` is the mean over the seeds in per cent, `difference` that from the trial of
    the highest, and `error` the standard error of the difference, paired by seed. `chosen` is the
    trial of the fewest epochs, the first of these, among those at most one standard error below.
    """
    tried = list(rows.columns[: list(rows).index("seed")])
    numbered = rows.assign(trial=rows.groupby(tried, sort=False).ngroup())
    by_seed = 100 * numbered.pivot(index="trial", columns="seed", values="validation_accuracy")
    differences = by_seed - by_seed.loc[by_seed.mean(axis=1).idxmax()]
    found = rows[tried].drop_duplicates(ignore_index=True)
    found["accuracy"] = by_seed.mean(axis=1)
    found["difference"] = differences.mean(axis=1)
    found["error"] = differences.sem(axis=1)
    eligible = found[-found["difference"] <= found["error"]]
    return found.assign(chosen=found.index == eligible["epochs"].idxmin())


def choice(rows: pd.DataFrame) -> dict[str, Any]:
    """Return the values that the rule chooses among `trials`, by hyperparameter."""
    (chosen,) = rows[rows["chosen"]].iloc[:, : -len(MEASURED)].to_dict("records")
    return chosen
