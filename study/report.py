"""Write study/report.md and its figure from the tables as they are: `python -m study.report`."""

from collections.abc import Mapping
from pathlib import Path

from stages.core.files import replacing
from stages.core.params import read_yaml
from stages.core.paths import REPORTED
from stages.core.stage import run_stage
from stages.plot.style import BLUE, RED, save_figures, subplots
from stages.report.markdown import render
from stages.results.summaries import paired_differences, prediction_interval
from study.tables import Table, load_study

import pandas as pd
from matplotlib.figure import Figure


def main() -> None:
    """Write the study's report; it says which tables were made with other code."""
    seeds, ablations = load_tables()
    accuracies = pd.DataFrame({each.run.name: 100 * each.read()["test_accuracy"] for each in seeds})
    reported = {
        f"{network}-baseline": 100 * block["history"][-1]["test_accuracy"]
        for network, block in read_yaml(REPORTED).items()
    }
    save_figures(Path("study/figures"), {"seeds": draw_seeds(accuracies, reported)})
    rows = accuracies.agg(["mean", "std", "min", "max"]).T.assign(reported=pd.Series(reported))
    rows[["network", "recipe"]] = [name.split("-", 1) for name in accuracies]
    rows[["low", "high"]] = [prediction_interval(list(accuracies[name])) for name in accuracies]
    text = render(
        Path(__file__).with_name("report.md.jinja"),
        seeds=seeds,
        seeds_rows=rows,
        ablations=ablations,
        differences=differences,
        other_code=[each.path.name for each in (*seeds, *ablations) if not each.is_current()],
    )
    with replacing(Path("study/report.md")) as partial:
        partial.write_text(text, encoding="utf-8")


def differences(table: Table) -> pd.DataFrame:
    """Return the `paired_differences` of an ablation, with the changes of each variant."""
    changes = {
        variant: ", ".join(f"{name}: {value}" for name, value in changed.items())
        for variant, changed in table.made_with["variants"].items()
    }
    rows = paired_differences(table.read()).reset_index()
    return rows.assign(changes=rows["variant"].map(changes))


def draw_seeds(accuracies: pd.DataFrame, reported: Mapping[str, float]) -> Figure:
    """Draw the test accuracy under each seed, the mean, and what the author reported, by run."""
    figure, axes = subplots(figsize=(8, 2.8))
    seeds, means, theirs = accuracies.melt(), accuracies.mean(), pd.Series(reported)
    axes.plot(seeds["value"], seeds["variable"], "o", color=BLUE, alpha=0.5, label="one seed")
    axes.plot(means, means.index, "|", color="black", markersize=20, label="mean")
    axes.plot(theirs, theirs.index, "X", color=RED, label="reported by the assignment's author")
    axes.set(xlabel="test accuracy (%)", ymargin=0.15)
    axes.invert_yaxis()
    figure.legend(loc="outside lower center", ncols=3)
    return figure


if __name__ == "__main__":
    run_stage(main, "make study")
