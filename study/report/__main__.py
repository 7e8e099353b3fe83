"""Write study/report.md and its figure from the study's tables."""

from collections.abc import Mapping
from pathlib import Path

from stages.core.files import replacing
from stages.core.params import read_yaml
from stages.core.paths import PARAMS, Run
from stages.core.stage import StageError, run_stage
from stages.core.tables import read_table
from stages.plot.style import BLUE, RED, save_figures
from stages.report.markdown import render
from stages.report.tables import paired_differences
from stages.report.verdicts import prediction_interval
from study.training.params import StudyParams, load_study_params
from study.training.paths import FIGURES, REPORT, ablation_file

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

RECIPES = ("baseline", "improved")


def main() -> None:
    """Write the study's report."""
    params = load_study_params()
    networks = list(params.ablation.variants)
    reported = reported_accuracies()
    accuracies = {network: read_accuracies(network, params) for network in networks}
    save_figures(FIGURES, {"seeds": draw_seeds(accuracies, reported)})
    text = render(
        Path(__file__).with_name("report.md.jinja"),
        params=params,
        accuracies=accuracies,
        reported=reported,
        prediction_interval=prediction_interval,
        ablations={network: compare_variants(network, params) for network in networks},
    )
    with replacing(REPORT) as partial:
        partial.write_text(text, encoding="utf-8")


def reported_accuracies() -> dict[str, float]:
    """Return the test accuracy, from 0 to 1, that the author reported of each network."""
    reported = read_yaml(Path("data/reported.yaml"))
    return {network: block["history"][-1]["test_accuracy"] for network, block in reported.items()}


def read_accuracies(network: str, params: StudyParams) -> dict[str, pd.Series]:
    """Return the test accuracy under each seed, from 0 to 1, by recipe.

    Raises StageError if a table is something else, or was made with other parameters.
    """
    accuracies = {}
    for recipe in RECIPES:
        parameters = read_yaml(PARAMS)[network][recipe] | {"seeds": params.seeds}
        table = read_own_table(Run(network, recipe).seeds, parameters)
        accuracies[recipe] = table["test_accuracy"]
    return accuracies


def compare_variants(network: str, params: StudyParams) -> pd.DataFrame:
    """Return what `paired_differences` makes of the network's ablation.

    Raises StageError if the table is something else, or was made with other parameters.
    """
    parameters = read_yaml(PARAMS)[network]["improved"] | params.ablation.of(network)
    return paired_differences(read_own_table(ablation_file(network), parameters))


def read_own_table(path: Path, parameters: Mapping[str, object]) -> pd.DataFrame:
    """Read a table. Raises StageError if it was made with other parameters than these."""
    made_with, table = read_table(path)
    names = {*made_with, *parameters}
    different = [name for name in names if made_with.get(name) != parameters.get(name)]
    if different:
        raise StageError(
            f"{path} was made with other values of {', '.join(sorted(different))}; "
            "`make study` makes it again"
        )
    return table


def draw_seeds(accuracies: dict[str, dict[str, pd.Series]], reported: dict[str, float]) -> Figure:
    """Draw the test accuracy under each seed, the mean, and what the author reported."""
    figure = Figure(figsize=(8, 3.6))
    panels = figure.subplots(len(accuracies), 1)
    for axes, (network, by_recipe) in zip(panels, accuracies.items(), strict=True):
        for row, values in enumerate(by_recipe.values()):
            axes.plot(100 * values, np.full(len(values), row), "o", color=BLUE, alpha=0.5)
            axes.plot(100 * values.mean(), row, "|", color="black", markersize=20)
        if network in reported:
            axes.axvline(100 * reported[network], color=RED, linestyle="--")
        axes.set(title=network, yticks=range(len(by_recipe)), ylim=(-0.5, len(by_recipe) - 0.5))
        axes.set_yticklabels(by_recipe)
        axes.invert_yaxis()
    panels[0].plot([], [], "o", color=BLUE, alpha=0.5, label="one seed")
    panels[0].plot([], [], "|", color="black", markersize=12, linestyle="", label="mean")
    panels[0].plot([], [], "--", color=RED, label="reported by the assignment's author")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    panels[-1].set(xlabel="test accuracy (%)")
    return figure


if __name__ == "__main__":
    run_stage(main)
