"""What several seeds, or several images, support: intervals and differences.

Apart from `summaries`, since SciPy's statistics take the better part of a second to load.
"""

import math
from collections.abc import Sequence

from stages.results.summaries import confidence

import numpy as np
import pandas as pd
from scipy import stats


def prediction_interval(values: Sequence[float], probability: float) -> tuple[float, float]:
    """Return the interval in which one more draw lies with a probability p.

    That of a normal distribution of which n values are known, mean ± t sd sqrt(1 + 1/n), with the
    (1 + p)/2 quantile t of Student's t of n - 1 degrees of freedom (Hahn and Meeker, "Statistical
    Intervals", 1991).
    """
    n = len(values)
    scale = stats.tstd(values) * math.sqrt(1 + 1 / n)
    low, high = stats.t.interval(probability, n - 1, stats.tmean(values), scale)
    return float(low), float(high)


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return an interval that holds the median with a probability of at least 95 %.

    It assumes nothing of the distribution: its ends are two of the values (Conover, "Practical
    Nonparametric Statistics", 1999), or NaN if there are fewer than six.
    """
    low, high = stats.quantile_test(values, p=0.5).confidence_interval(0.95)
    return float(low), float(high)


def improvement(before: pd.DataFrame, after: pd.DataFrame) -> dict[str, float] | None:
    """Compare the test accuracies of two recipes under the seeds that both have.

    Returns the number of seeds, `n`, and in percentage points the median of the differences and its
    `median_interval`, `low` to `high`; None if there are fewer than six, which have no interval.
    """
    ours, theirs = (100 * table.set_index("seed")["test_accuracy"] for table in (after, before))
    differences = (ours - theirs).dropna()
    if len(differences) < 6:
        return None
    low, high = median_interval(differences)
    return {"n": len(differences), "median": differences.median(), "low": low, "high": high}


def ablation_differences(ablation: pd.DataFrame) -> pd.DataFrame:
    """Return one row per variant of a recipe: mean accuracy, and mean difference from `improved`.

    `ablation` has one row per network: variant, seed and validation_accuracy. A difference is that
    of two networks of the same seed; `low` and `high` are the ends of t intervals of its mean that
    hold for all variants at once with 95 % (Bonferroni's correction). `improved` has none. In
    per cent.
    """
    by_seed = 100 * ablation.pivot(index="seed", columns="variant", values="validation_accuracy")
    differences = by_seed.drop(columns="improved").sub(by_seed["improved"], axis=0)
    test = stats.ttest_1samp(differences, 0)
    interval = test.confidence_interval(1 - 0.05 / differences.shape[1])
    means = differences.mean().round(9)  # else rounding errors decide how a tie is rounded
    columns = {"difference": means, "low": interval.low, "high": interval.high}
    found = pd.DataFrame(columns, index=differences.columns)
    rows = found.reindex(by_seed.columns).assign(accuracy=by_seed.mean(), n=by_seed.count())
    return rows.sort_values("accuracy", ascending=False, kind="stable")


def calibration(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return ten bins of confidence, each with its images, mean confidence and accuracy.

    `low` and `high` are Wilson's 95 % interval of the accuracy. The index is the lower limit of
    each bin that has an image.
    """
    right = predictions["label"] == predictions["prediction"]
    table = pd.DataFrame({"confidence": confidence(predictions), "accuracy": right})
    bins = table.groupby((10 * table["confidence"]).astype(int).clip(upper=9) / 10)
    counts = zip(bins["accuracy"].sum(), bins.size(), strict=True)
    intervals = [stats.binomtest(*each).proportion_ci(method="wilson") for each in counts]
    low, high = zip(*intervals, strict=True)
    return bins.mean().assign(images=bins.size(), low=low, high=high)


def paired_recalls(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Compare two networks on the same images, class by class.

    Returns the images that only `before` (`lost`) or only `after` (`won`) predicts correctly, and
    the p-value of McNemar's exact test that either is as probable, times the number of classes
    (Bonferroni's correction).
    """
    was, now = (table["label"] == table["prediction"] for table in (before, after))
    rows = pd.DataFrame({"lost": was & ~now, "won": now & ~was}).groupby(before["label"]).sum()
    pairs = zip(rows["lost"], rows["won"], strict=True)
    p = [stats.binomtest(lost, lost + won).pvalue if lost + won else 1 for lost, won in pairs]
    return rows.assign(p=np.minimum(1, len(rows) * np.array(p)))
