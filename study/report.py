"""Write study/report.md and its figures from the tables as they are: `python -m study.report`."""

from collections.abc import Mapping
from pathlib import Path

from stages.core.files import replacing
from stages.core.networks import load_recipe
from stages.core.params import read_yaml
from stages.core.paths import REPORTED, Run
from stages.core.stage import run_stage
from stages.plot.style import BLUE, save_figures, subplots
from stages.report.markdown import join_lines, render
from stages.results.intervals import ablation_differences, improvement
from study.selection import choice, trials
from study.tables import load_study

import pandas as pd
from matplotlib.figure import Figure


def main() -> None:
    """Write the study's report; it says which tables are missing or made with other code."""
    study, reported = load_study(), read_yaml(REPORTED)
    every = [each for tables in study.values() for each in tables]
    found = {each.path: rows for each in every if (rows := each.read()) is not None}
    searches, ablations, seeds, kernels = (
        {each.run: found[each.path] for each in study[kind] if each.path in found}
        for kind in ("search", "ablation", "seeds", "kernels")
    )
    accuracies = pd.DataFrame(
        {run.name: 100 * rows.set_index("seed")["test_accuracy"] for run, rows in seeds.items()}
    )
    theirs = {
        Run(network, "baseline").name: 100 * block["history"][-1]["test_accuracy"]
        for network, block in reported.items()
    }
    drawn = {"seeds": draw_seeds(accuracies, theirs)}
    if kernels:
        drawn["kernels"] = draw_kernels(kernels)
    save_figures(Path("study/figures"), drawn)
    text = render(
        Path(__file__).with_name("report.md.jinja"),
        searches=[(run, trials(rows), rows["seed"].nunique()) for run, rows in searches.items()],
        choice=choice,
        has=lambda run, values: all(  # as text, which is what a table holds of a list
            str(getattr(load_recipe(run), name)) == str(value) for name, value in values.items()
        ),
        summary=summarise(accuracies, pd.Series(theirs)),
        improvements={
            run.network: improvement(before, rows)
            for run, rows in seeds.items()
            if run.recipe == "improved"
            and (before := seeds.get(Run(run.network, "baseline"))) is not None
        },
        ablations={run: ablation_differences(rows) for run, rows in ablations.items()},
        kernels={run: kernel_rows(rows) for run, rows in kernels.items()},
        missing=[each.path.name for each in every if each.path not in found],
        other_code=[
            each.path.name for each in every if each.path in found and not each.is_current()
        ],
    )
    with replacing(Path("study/report.md")) as partial:
        partial.write_text(join_lines(text), encoding="utf-8")


def summarise(accuracies: pd.DataFrame, reported: pd.Series) -> pd.DataFrame:
    """Return a row per run: its accuracies in per cent in a few numbers, and what is reported.

    `below` is how many seeds lie below the reported accuracy.
    """
    rows = accuracies.agg(["count", "median", "mean", "std", "min", "max"]).T
    rows = rows.assign(reported=reported, below=accuracies.lt(reported).sum())
    rows[["network", "recipe"]] = [name.split("-", 1) for name in accuracies]
    return rows


def kernel_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row per kernel: its last epoch, and the first whose training loss is another.

    It is compared with that of the first kernel, the fixed one; NaN if all are the same.
    """
    losses = rows.pivot(index="epoch", columns="kernel", values="train_loss")
    others = losses.ne(losses[rows["kernel"].iloc[0]], axis=0)
    last = rows.groupby("kernel", sort=False).last().reset_index()
    return last.assign(first=last["kernel"].map(others.idxmax().where(others.any())))


def draw_seeds(accuracies: pd.DataFrame, reported: Mapping[str, float]) -> Figure:
    """Draw the test accuracy under each seed, the median, and the author's, by run."""
    figure, axes = subplots(figsize=(8, 2.8))
    names = {run: f"{run}\n{n} seeds" for run, n in accuracies.count().items()}
    accuracies, theirs = accuracies.rename(columns=names), pd.Series(reported).rename(names)
    seeds, medians = accuracies.melt(), accuracies.median()
    axes.plot(seeds["value"], seeds["variable"], "o", color=BLUE, alpha=0.4, label="one seed")
    axes.plot(medians, medians.index, "|", color="black", markersize=20, label="median")
    axes.plot(theirs, theirs.index, "kx", label="reported by the author")
    axes.set(xlabel="test accuracy (%)", ymargin=0.15)
    axes.invert_yaxis()
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def draw_kernels(tables: Mapping[Run, pd.DataFrame]) -> Figure:
    """Draw the test loss by kernel, and the distance of the training loss from the first kernel's.

    `tables` are the rows of the kernels by run, each a row of panels.
    """
    figure, grid = subplots(len(tables), 2, figsize=(9, 3 * len(tables) + 0.6), squeeze=False)
    styles: dict[str, dict[str, str]] = {}
    lines = {}
    for (left, right), (run, rows) in zip(grid, tables.items(), strict=True):
        by_kernel = rows.pivot(index="epoch", columns="kernel", values=["train_loss", "test_loss"])
        kernels = rows["kernel"].unique()
        shown = by_kernel["test_loss"][by_kernel.index > by_kernel.index[-1] / 10]
        training = by_kernel["train_loss"]
        distances = training.sub(training[kernels[0]], axis=0).abs().replace(0, float("nan"))
        for kernel in kernels:
            place = len(styles)
            style = {"color": f"C{place}", "linestyle": ("-", "--", "-.", ":")[place % 4]}
            styles.setdefault(kernel, style)
            (lines[kernel],) = left.plot(shown[kernel], **styles[kernel])
            right.semilogy(distances[kernel], **styles[kernel])
        left.set(title=f"{run.name}: test loss", ylabel="mean cross entropy (nats)")
        right.set(title=f"Training loss: distance from {kernels[0]}, if not 0")
        right.set_ylabel("absolute difference (nats)")
        for axes in (left, right):
            axes.set_xlabel("epoch")
            axes.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(lines.values(), lines, loc="outside lower center", ncols=4)
    return figure


if __name__ == "__main__":
    run_stage(main, "make study")
