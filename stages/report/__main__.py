"""Write the report, one chapter per problem, and the model card, from other stages' results."""

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import count, groupby
from pathlib import Path
from typing import Any

from stages.core import datasets, numerics, paths
from stages.core.files import replacing
from stages.core.networks import network_names
from stages.core.params import read_yaml
from stages.core.paths import Run, problem_folder
from stages.core.stage import run_stage
from stages.networks.numpy_network.inference import predict
from stages.networks.numpy_network.network import NumpyNetwork
from stages.networks.numpy_network.recipe import Recipe
from stages.plot import figures
from stages.plot.style import save_figures
from stages.report import verdicts
from stages.report.html import to_html
from stages.report.markdown import TEMPLATES, join_lines, render
from stages.results.intervals import calibration
from stages.results.reading import Results, classes_of, read_csv, read_numbers
from stages.results.summaries import errors

import numpy as np
import pandas as pd
from matplotlib.figure import Figure


def main() -> None:
    """Write the report, in Markdown and as one HTML file, and the model card."""
    params, reported = read_yaml(paths.PARAMS), read_yaml(paths.REPORTED)
    networks = [name for name in params if name in network_names()]
    runs = [Run(network, recipe) for network in networks for recipe in params[network]]
    results = {run.name: Results(run) for run in runs}
    report = join_lines(number_figures(render_report(params, reported, results)))
    save_figures(paths.COMPARISON, draw_comparisons(results.values(), reported))
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
    numbers = {name: read_numbers(problem_folder(name) / "numbers.json") for name in problems}
    accuracies = {}
    for network, block in reported.items():
        baseline, theirs = results[f"{network}-baseline"], block["history"][-1]["test_accuracy"]
        ours, seeds = baseline.metrics["test_accuracy"], baseline.seeds
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
        errors=read_csv(problem_folder("box_network") / "errors.csv"),
        lines=read_csv(problem_folder("l1_regression") / "lines.csv"),
        gradient_check=read_csv(paths.GRADIENT_CHECK),
        epochs=beside_reported(
            results["numpy_network-baseline"].history, reported["numpy_network"]["history"]
        ),
        probability=figures.probability,
        untrained=predicted_untrained(results["numpy_network-baseline"]),
        backward=lines_from(Path("stages/networks/numpy_network/network.py"), "delta ="),
        training_loop=lines_from(Path("stages/networks/fashion_mlp/training.py"), "for epoch"),
        **numbers,
    )


def predicted_untrained(results: Results) -> Counter[str]:
    """Count the test images by the class that a numpy_network predicts before it is trained."""
    assert isinstance(results.recipe, Recipe)
    network = NumpyNetwork(results.recipe.sizes)
    network.initialise(np.random.default_rng(results.recipe.seed))
    images, _ = datasets.load(results.model.dataset, "test")
    found = predict(network, images, results.recipe).argmax(axis=1)
    return Counter(np.array(classes_of(results.predictions))[found].tolist())


def lines_from(path: Path, start: str) -> str:
    """Return the lines of a file from the one with `start` to the next blank one, dedented."""
    text = path.read_text()
    first = text.rindex("\n", 0, text.index(start)) + 1
    return textwrap.dedent(text[first:].partition("\n\n")[0].rstrip() + "\n")


def beside_reported(history: pd.DataFrame, reported: Sequence[Mapping[str, float]]) -> pd.DataFrame:
    """Return a history beside that which the author reported, with accuracies in per cent."""
    epochs = history.merge(pd.DataFrame(reported), "left", "epoch", suffixes=("", "_reported"))
    epochs[["test_accuracy", "test_accuracy_reported"]] *= 100
    epochs["difference"] = epochs["test_accuracy"] - epochs["test_accuracy_reported"]
    return epochs


def draw_comparisons(results: Iterable[Results], reported: Mapping[str, Any]) -> dict[str, Figure]:
    """Draw the figures in which recipes or data sets are side by side, by name."""
    drawn, samples = {}, {}
    for network, group in groupby(results, lambda each: each.run.network):
        histories, predictions, wrong = {}, {}, []
        for each in group:
            recipe, dataset = each.run.recipe, each.model.dataset
            if dataset not in samples:
                samples[dataset] = *datasets.load(dataset, "test"), classes_of(each.predictions)
            images, *_ = samples[dataset]
            histories[recipe], predictions[recipe] = each.history, each.predictions
            wrong.append((recipe, images, errors(each.predictions).head(8)))
        drawn[network] = figures.comparison(histories, reported.get(network, {}))
        bins = {recipe: calibration(table) for recipe, table in predictions.items()}
        drawn[f"{network}_reliability"] = figures.reliability(bins)
        drawn[f"{network}_confusion_matrices"] = figures.confusion_matrices(predictions)
        drawn[f"{network}_errors"] = figures.predicted_images(wrong)
    return drawn | {"classes": figures.classes_shown(samples)}


def number_figures(text: str) -> str:
    """Add a numbered caption, its alternative text, below each figure of a Markdown text."""
    numbers = count(1)

    def numbered(image: re.Match[str]) -> str:
        return f"{image[1]}\n\n*Figure {next(numbers)}. {image[2]}.*\n\n"

    return re.sub(r"^(!\[(.*?)\].*)\n*", numbered, text, flags=re.MULTILINE)


if __name__ == "__main__":
    run_stage(main)
