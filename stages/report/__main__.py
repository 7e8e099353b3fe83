"""Write the report, one chapter per problem, and the model card, from other stages' results."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import count, groupby
from pathlib import Path
from typing import Any

from stages.core import numerics, paths
from stages.core.files import replacing
from stages.core.networks import network_names
from stages.core.params import TrainingRecipe, read_yaml
from stages.core.paths import Problem, Run
from stages.core.stage import run_stage
from stages.networks.common.schedule import learning_rates
from stages.plot import figures
from stages.plot.style import save_figures
from stages.report import verdicts
from stages.report.html import to_html
from stages.report.markdown import render
from stages.results.reading import Results, read_csv, read_numbers

import pandas as pd
from matplotlib.figure import Figure

TEMPLATES = Path(__file__).with_name("templates")


def main() -> None:
    """Write the report, in Markdown and as one HTML file, and the model card."""
    params, reported = read_yaml(paths.PARAMS), read_yaml(paths.REPORTED)
    networks = [name for name in params if name in network_names()]
    runs = [Run(network, recipe) for network in networks for recipe in params[network]]
    results = {run.name: Results(run) for run in runs}
    save_figures(paths.COMPARISON, draw_comparisons(results.values(), reported))
    report = number_figures(render_report(params, reported, results))
    # They are in git, to verify a run on a processor where bits differ, as in later epochs they do.
    first_epochs = [each.history.head(2).assign(run=name) for name, each in results.items()]
    columns = ["run", "epoch", "train_loss"]
    contents = {
        paths.FIRST_EPOCHS: pd.concat(first_epochs).to_csv(columns=columns, index=False),
        paths.HTML: to_html(report, paths.REPORT.parent),
        paths.REPORT: report,
        paths.MODEL_CARD: render(TEMPLATES / "model_card.md.jinja", runs=results.values()),
    }
    for path, content in contents.items():
        with replacing(path) as partial:
            partial.write_text(content, encoding="utf-8")


def render_report(
    params: Mapping[str, Any], reported: Mapping[str, Any], results: Mapping[str, Results]
) -> str:
    """Return the report from params.yaml, data/reported.yaml and the results of runs by name."""
    problems = ("l1_regression", "box_network", "softmax_jacobian")
    numbers = {name: read_numbers(Problem(name).numbers) for name in problems}
    accuracies = {}
    for network, block in reported.items():
        baseline, theirs = results[f"{network}-baseline"], block["history"][-1]["test_accuracy"]
        ours, seeds = baseline.metrics["test_accuracy"], baseline.seeds()
        values = None if seeds is None else list(seeds["test_accuracy"])
        accuracies[network] = verdicts.accuracy(theirs, ours, values)
    return render(
        TEMPLATES / "report.md.jinja",
        unpinned=numerics.UNPINNED,
        params=params,
        reported=reported,
        results=results,
        confirmed=verdicts.confirmed(numbers),
        accuracies=accuracies,
        errors=read_csv(Problem("box_network").results / "errors.csv"),
        lines=read_csv(Problem("l1_regression").results / "lines.csv"),
        gradient_check=read_csv(paths.GRADIENT_CHECK),
        epochs=beside_reported(
            results["numpy_network-baseline"].history, reported["numpy_network"]["history"]
        ),
        **numbers,
    )


def beside_reported(history: pd.DataFrame, reported: Sequence[Mapping[str, float]]) -> pd.DataFrame:
    """Return a history beside that which the author reported, with accuracies in per cent."""
    epochs = history.merge(pd.DataFrame(reported), "left", "epoch", suffixes=("", "_reported"))
    epochs[["test_accuracy", "test_accuracy_reported"]] *= 100
    epochs["difference"] = epochs["test_accuracy"] - epochs["test_accuracy_reported"]
    return epochs


def draw_comparisons(results: Iterable[Results], reported: Mapping[str, Any]) -> dict[str, Figure]:
    """Draw the figures in which the recipes of a network are side by side, for each network."""
    drawn = {}
    for network, group in groupby(results, lambda each: each.run.network):
        histories, rates, weights = {}, {}, {}
        for each in group:
            name, recipe = each.run.recipe, each.recipe
            histories[name] = each.history
            if isinstance(recipe, TrainingRecipe):
                rates[f"{name}: max {recipe.learning_rate:g}"] = relative_rates(recipe)
            if each.model.first_weights is not None:
                weights[name] = each.model.first_weights
        drawn[network] = figures.comparison(histories, reported.get(network, {}))
        if rates:
            drawn[f"{network}_learning_rates"] = figures.learning_rates(rates)
        if weights:
            drawn[f"{network}_first_layers"] = figures.first_layers(weights)
    return drawn


def relative_rates(recipe: TrainingRecipe) -> list[float]:
    """Return the learning rate in the middle of each epoch, as a fraction of its max."""
    rates = [learning_rates(recipe, epoch, steps=1)[0] for epoch in range(recipe.epochs)]
    return [rate / recipe.learning_rate for rate in rates]


def number_figures(text: str) -> str:
    """Add a numbered caption, its alternative text, below each figure of a Markdown text."""
    numbers = count(1)

    def numbered(image: re.Match[str]) -> str:
        return f"{image[1]}\n\n*Figure {next(numbers)}. {image[2]}.*\n\n"

    return re.sub(r"^(!\[(.*?)\].*)\n*", numbered, text, flags=re.MULTILINE)


if __name__ == "__main__":
    run_stage(main)
