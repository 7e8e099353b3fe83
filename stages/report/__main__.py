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
from stages.results import summaries
from stages.results.reading import Results, read_csv, read_numbers

import pandas as pd
from matplotlib.figure import Figure

TEMPLATES = Path(__file__).with_name("templates")


def main() -> None:
    """Write the report, in Markdown and as one HTML file, and the model card."""
    params, reported = read_yaml(paths.PARAMS), read_yaml(paths.REPORTED)
    networks = [name for name in params if name in network_names()]
    runs = [Run(network, recipe) for network in networks for recipe in params[network]]
    results = {run: Results(run) for run in runs}
    save_figures(paths.COMPARISON, draw_comparisons(results.values(), reported))
    chapters = [
        problem("l1_regression", params),
        problem("box_network", params, "errors"),
        problem("softmax_jacobian", params, "cross_entropy"),
        fashion_mlp(results, reported["fashion_mlp"]),
        numpy_network(results, reported["numpy_network"]),
    ]
    text = number_figures(overview(results, reported, chapters))
    contents = {
        paths.FIRST_EPOCHS: first_epochs(results.values()),
        paths.HTML: to_html(text, paths.REPORT.parent),
        paths.REPORT: text,
        paths.MODEL_CARD: render(TEMPLATES / "model_card.md.jinja", runs=results.values()),
    }
    for path, content in contents.items():
        with replacing(path) as partial:
            partial.write_text(content, encoding="utf-8")


def overview(
    results: Mapping[Run, Results], reported: Mapping[str, Any], chapters: Sequence[str]
) -> str:
    """Return the whole report: the verdicts, the table of the runs, and the chapters."""
    problems = ("l1_regression", "box_network", "softmax_jacobian")
    numbers = {name: read_numbers(Problem(name).numbers) for name in problems}
    accuracies = {}
    for network, block in reported.items():
        baseline, theirs = results[Run(network, "baseline")], block["history"][-1]["test_accuracy"]
        ours, seeds = baseline.metrics["test_accuracy"], baseline.seed_accuracies()
        accuracies[network] = verdicts.accuracy(theirs, ours, seeds)
    return render(
        TEMPLATES / "report.md.jinja",
        unpinned=numerics.UNPINNED,
        confirmed=verdicts.confirmed(numbers),
        accuracies=accuracies,
        runs=results.values(),
        chapters=chapters,
        **numbers,
    )


def problem(name: str, params: Mapping[str, Any], *tables: str) -> str:
    """Return the chapter of problem 1, 2 or 3: what was given, and the numbers and tables found."""
    files = Problem(name)
    return render(
        TEMPLATES / f"{name}.md.jinja",
        given=params[name],
        found=read_numbers(files.numbers),
        **{table: read_csv(files.results / f"{table}.csv") for table in tables},
    )


def fashion_mlp(results: Mapping[Run, Results], reported: Mapping[str, Any]) -> str:
    """Return the chapter of problem 4."""
    baseline = results[Run("fashion_mlp", "baseline")]
    return render(
        TEMPLATES / "fashion_mlp.md.jinja",
        baseline=baseline,
        reported=reported,
        best_epoch=summaries.best_epoch(baseline.history),
        selected_by=summaries.selection_loss(baseline.history).replace("_", " "),
        near_minimum=summaries.near_minimum(baseline.history),
        last_batch=baseline.predictions.tail(reported["last_batch"]["size"]),
        seeds=baseline.seed_accuracies(),
        improved=improved(results, "fashion_mlp"),
    )


def numpy_network(results: Mapping[Run, Results], reported: Mapping[str, Any]) -> str:
    """Return the chapter of problem 5."""
    baseline = results[Run("numpy_network", "baseline")]
    theirs = pd.DataFrame(reported["history"])
    epochs = baseline.history.merge(theirs, "left", "epoch", suffixes=("", "_reported"))
    epochs[["test_accuracy", "test_accuracy_reported"]] *= 100
    epochs["difference"] = epochs["test_accuracy"] - epochs["test_accuracy_reported"]
    return render(
        TEMPLATES / "numpy_network.md.jinja",
        baseline=baseline,
        epochs=epochs,
        gradient_check=read_csv(paths.GRADIENT_CHECK),
        improved=improved(results, "numpy_network"),
    )


def improved(results: Mapping[Run, Results], network: str) -> str:
    """Return the section on a network's recipe `improved`; empty if there is none."""
    before, after = results[Run(network, "baseline")], results.get(Run(network, "improved"))
    if after is None:
        return ""
    scores = [summaries.scores_of(each.predictions) for each in (before, after)]
    wrong = summaries.errors(after.predictions)
    return render(
        TEMPLATES / f"{network}_improved.md.jinja",
        baseline=before,
        improved=after,
        ablation=after.ablation(),
        scores=(100 * scores[0].join(scores[1].add_suffix("_improved"))).reset_index(names="label"),
        gains=100 * (scores[1]["recall"] - scores[0]["recall"]),
        confused=wrong.groupby(["label", "prediction"]).size().nlargest(3),
    )


def first_epochs(results: Iterable[Results]) -> str:
    """Return the training loss of each untrained network and of its first epoch, as CSV.

    They are in git, to verify a run on a processor where bits differ, as in later epochs they do.
    """
    rows = pd.concat(each.history.head(2).assign(run=each.run.name) for each in results)
    text: str = rows.to_csv(columns=["run", "epoch", "train_loss"], index=False)
    return text


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
