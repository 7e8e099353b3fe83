"""Write study/report.md and its figure from the study's tables."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from ruamel.yaml import YAML

from stages.lib.artifacts import DATASETS, Run, replacing
from stages.lib.markdown import render
from stages.lib.stage import run_stage
from stages.lib.style import BLUE, RED, save_figures
from study.params import load_study_params
from study.results import FIGURES, REPORT, ablation_file, seeds_file

RECIPES = ("assignment", "improved")


def main() -> None:
    """Write the study's report."""
    reported = YAML(typ="safe").load(Path("stages/reported.yaml"))
    theirs = {
        "fashion_mlp": reported["fashion_mlp"]["test_accuracy"],
        "numpy_network": reported["numpy_network"]["history"][-1]["test_accuracy"],
    }
    accuracies = {
        network: {
            recipe: pd.read_csv(seeds_file(Run(network, recipe)))["test_accuracy"]
            for recipe in RECIPES
        }
        for network in DATASETS
    }
    save_figures(FIGURES, {"seeds": draw_seeds(accuracies, theirs)})
    text = render(
        Path(__file__).with_name("report.md.jinja"),
        params=load_study_params(),
        accuracies=accuracies,
        theirs=theirs,
        ablations={network: differences(network) for network in DATASETS},
    )
    with replacing(REPORT) as partial:
        partial.write_text(text, encoding="utf-8")


def differences(network: str) -> pd.DataFrame:
    """A row a variant: its mean accuracy, and by how much it differs from `improved`.

    The difference is the mean over the seeds of that between two networks of the same seed, and
    `error` its standard error.
    """
    by_seed = pd.read_csv(ablation_file(network)).pivot(
        index="seed", columns="variant", values="validation_accuracy"
    )
    differences = by_seed.sub(by_seed["improved"], axis=0)
    return pd.DataFrame(
        {
            "accuracy": by_seed.mean(),
            "difference": differences.mean(),
            "error": differences.std() / np.sqrt(len(by_seed)),
        }
    ).sort_values("accuracy", ascending=False, kind="stable")


def draw_seeds(accuracies: dict[str, dict[str, pd.Series]], theirs: dict[str, float]) -> Figure:
    """The test accuracy under each seed, their mean, and the accuracy that the author reported."""
    figure = Figure(figsize=(8, 3.6))
    panels = figure.subplots(len(accuracies), 1)
    for axes, (network, by_recipe) in zip(panels, accuracies.items(), strict=True):
        for row, values in enumerate(by_recipe.values()):
            axes.plot(100 * values, np.full(len(values), row), "o", color=BLUE, alpha=0.5)
            axes.plot(100 * values.mean(), row, "|", color="black", markersize=20)
        axes.axvline(100 * theirs[network], color=RED, linestyle="--")
        axes.set(title=network, yticks=range(len(by_recipe)), ylim=(-0.5, len(by_recipe) - 0.5))
        axes.set_yticklabels(by_recipe)
        axes.invert_yaxis()
    panels[0].plot([], [], "o", color=BLUE, alpha=0.5, label="one seed")
    panels[0].plot([], [], "|", color="black", markersize=12, linestyle="", label="mean")
    panels[0].plot([], [], "--", color=RED, label="the assignment's author")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    panels[-1].set(xlabel="test accuracy (%)")
    return figure


if __name__ == "__main__":
    run_stage(main)
