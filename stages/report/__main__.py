"""Write reports/report.md from the results of the other stages, one chapter per problem."""

import itertools
import re
from pathlib import Path

from stages import core
from stages.core.datasets import CLASSES
from stages.core.files import reading, replacing
from stages.core.params import read_yaml
from stages.core.paths import PARAMS, Problem
from stages.core.stage import StageError, run_stage
from stages.core.tables import read_table
from stages.plot.figures import comparison
from stages.plot.results import (
    best_epoch,
    confidence,
    read_numbers,
    read_predictions,
    selection_loss,
)
from stages.plot.style import FIGURES, save_figures
from stages.report import tables
from stages.report.markdown import render
from stages.report.verdicts import claims, standard_error, verdict

import pandas as pd

REPORT = Path("reports/report.md")
TEMPLATE = Path(__file__).with_name("templates") / "report.md.jinja"
PROBLEMS = ("l1_regression", "box_network", "softmax_jacobian")


def main() -> None:
    """Write the report, and draw the recipes of each network side by side."""
    params, reported = read_yaml(PARAMS), read_yaml(Path("data/reported.yaml"))
    numbers = {name: read_numbers(Problem(name).numbers) for name in PROBLEMS}
    results = {
        network: [
            tables.read_results(network, recipe, hyperparameters)
            for recipe, hyperparameters in recipes.items()
        ]
        for network, recipes in params.items()
        if network not in PROBLEMS
    }
    runs = [each for recipes in results.values() for each in recipes]
    baselines = {each.run.network: each for each in runs if each.run.recipe == "baseline"}
    fashion_mlp, numpy_network = baselines["fashion_mlp"], baselines["numpy_network"]
    better = {each.run.network: each for each in runs if each.run.recipe == "improved"}
    improved = better.get("fashion_mlp")
    classes = CLASSES["FashionMNIST"]
    fashion_predictions = read_predictions(fashion_mlp.run, classes)
    numpy_predictions = read_predictions(numpy_network.run, CLASSES["MNIST"])
    verdicts = [
        *claims(**numbers),
        verdict(
            "4: FashionMNIST in PyTorch",
            reported["fashion_mlp"]["test_accuracy"],
            fashion_mlp.metrics["test_accuracy"],
            seed_accuracies(fashion_mlp),
        ),
        verdict(
            "5: MNIST in numpy",
            reported["numpy_network"]["history"][-1]["test_accuracy"],
            numpy_network.metrics["test_accuracy"],
            seed_accuracies(numpy_network),
        ),
    ]
    text = render(
        TEMPLATE,
        **numbers,
        box_errors=read_rows(Problem("box_network").results / "errors.csv"),
        softmax_gradients=read_rows(Problem("softmax_jacobian").results / "cross_entropy.csv"),
        fashion_mlp=fashion_mlp,
        fashion_predictions=fashion_predictions,
        improved=improved,
        improved_predictions=improved and read_predictions(improved.run, classes),
        ablation=improved and ablation(improved),
        numpy_network=numpy_network,
        numpy_predictions=numpy_predictions,
        improved_numpy=better.get("numpy_network"),
        best_epoch=best_epoch,
        selection_loss=selection_loss,
        confidence=confidence,
        errors_of=lambda predictions: predictions[predictions.label != predictions.prediction],
        params=params,
        reported=reported,
        results=results,
        runs=runs,
        tables=tables,
        standard_error=standard_error,
        unpinned=core.UNPINNED,
        verdicts=verdicts,
    )
    save_figures(
        FIGURES / "comparison",
        {
            network: comparison({each.run.recipe: each.history for each in recipes})
            for network, recipes in results.items()
        },
    )
    numbers = itertools.count(1)
    text = re.sub(
        r"^!\[(.*?)\].*$",
        lambda image: f"{image[0]}\n\n*Figure {next(numbers)}. {image[1]}.*",
        text,
        flags=re.MULTILINE,
    )
    linked = re.findall(r"!\[.*?\]\((.*?)\)", text)
    if missing := [name for name in linked if not (REPORT.parent / name).exists()]:
        raise StageError(
            f"{REPORT.parent / missing[0]} is missing; `dvc repro` without --pull draws it"
        )
    with replacing(REPORT) as partial:
        partial.write_text(text, encoding="utf-8")


def seed_accuracies(results: tables.Results) -> list[float] | None:
    """Return the test accuracy of a run under each seed of the study; None if of another recipe."""
    made_with, table = read_table(results.run.seeds)
    made_with.pop("seeds", None)
    return list(table["test_accuracy"]) if made_with == results.recipe else None


def ablation(results: tables.Results) -> dict[str, object] | None:
    """Return the study's ablation of a run and its number of seeds; None if of another recipe."""
    made_with, rows = read_table(Path(f"study/results/ablation-{results.run.network}.csv"))
    seeds = made_with.pop("seeds", None)
    made_with.pop("variants", None)
    if made_with != results.recipe:
        return None
    return {"table": tables.paired_differences(rows), "seeds": seeds}


def read_rows(path: Path) -> list[dict[str, object]]:
    """Read a table, one dictionary per row. Raises StageError if the file is not one."""
    with reading(path):
        return pd.read_csv(path).to_dict("records")


if __name__ == "__main__":
    run_stage(main)
