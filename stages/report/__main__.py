"""Write the report, one chapter per problem, and the model card, from other stages' results."""

import itertools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from stages import core
from stages.core.files import reading, replacing
from stages.core.params import TrainingRecipe, read_yaml
from stages.core.paths import FIRST_EPOCHS, GRADIENT_CHECK, PARAMS, Problem
from stages.core.stage import StageError, run_stage
from stages.core.tables import read_table_of
from stages.networks.common.schedule import learning_rates
from stages.plot import figures
from stages.plot.results import (
    best_epoch,
    calibration,
    calibration_error,
    confidence,
    read_first_weights,
    read_numbers,
    selection_loss,
)
from stages.plot.style import FIGURES, save_figures
from stages.report import tables
from stages.report.markdown import render
from stages.report.verdicts import claims, standard_error, verdict

import pandas as pd
from matplotlib.figure import Figure

REPORT = Path("reports/report.md")
MODEL_CARD = Path("models/README.md")
TEMPLATES = Path(__file__).with_name("templates")
PROBLEMS = ("l1_regression", "box_network", "softmax_jacobian")


def main() -> None:
    """Write the report and the model card, and draw the recipes of each network side by side."""
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
    improved, improved_numpy = better.get("fashion_mlp"), better.get("numpy_network")
    seeds = {each.run.network: seed_accuracies(each) for each in (fashion_mlp, numpy_network)}
    verdicts = [
        *claims(**numbers),
        verdict(
            "4: FashionMNIST in PyTorch",
            reported["fashion_mlp"]["history"][-1]["test_accuracy"],
            fashion_mlp.metrics["test_accuracy"],
            seeds["fashion_mlp"],
        ),
        verdict(
            "5: MNIST in numpy",
            reported["numpy_network"]["history"][-1]["test_accuracy"],
            numpy_network.metrics["test_accuracy"],
            seeds["numpy_network"],
        ),
    ]
    text = render(
        TEMPLATES / "report.md.jinja",
        **numbers,
        box_errors=read_rows(Problem("box_network").results / "errors.csv"),
        softmax_gradients=read_rows(Problem("softmax_jacobian").results / "cross_entropy.csv"),
        gradient_check=read_rows(GRADIENT_CHECK),
        fashion_mlp=fashion_mlp,
        improved=improved,
        ablations={each.run.network: ablation(each) for each in (improved, improved_numpy) if each},
        seeds=seeds["fashion_mlp"],
        numpy_network=numpy_network,
        improved_numpy=improved_numpy,
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
    save_figures(FIGURES / "comparison", draw_comparisons(results, reported))
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
    with replacing(FIRST_EPOCHS) as partial:
        first_epochs(runs).to_csv(partial, index=False)
    with replacing(REPORT) as partial:
        partial.write_text(text, encoding="utf-8")
    card = render(
        TEMPLATES / "model_card.md.jinja",
        runs=runs,
        tables=tables,
        calibration_error=lambda predictions: calibration_error(calibration(predictions)),
    )
    with replacing(MODEL_CARD) as partial:
        partial.write_text(card, encoding="utf-8")


def first_epochs(runs: Sequence[tables.Results]) -> pd.DataFrame:
    """Return the training loss of each untrained network and of its first epoch.

    They are in git, to verify a run on a processor where bits differ, as in later epochs they do.
    """
    rows = [each.history.head(2).assign(run=each.run.name) for each in runs]
    return pd.concat(rows)[["run", "epoch", "train_loss"]]


def draw_comparisons(
    results: Mapping[str, Sequence[tables.Results]], reported: Mapping[str, Mapping]
) -> dict[str, Figure]:
    """Draw the figures in which the recipes of a network are side by side, for each network."""
    drawn = {}
    for network, recipes in results.items():
        histories = {each.run.recipe: each.history for each in recipes}
        drawn[network] = figures.comparison(histories, reported.get(network, {}))
        if all("schedule" in each.recipe for each in recipes):
            drawn[f"{network}_learning_rates"] = figures.learning_rates(
                dict(schedule(each.run.recipe, each.recipe) for each in recipes)
            )
        weights = {each.run.recipe: read_first_weights(each.run) for each in recipes}
        if all(images is not None for images in weights.values()):
            drawn[f"{network}_first_layers"] = figures.first_layers(weights)
    return drawn


def schedule(name: str, recipe: Mapping[str, object]) -> tuple[str, list[float]]:
    """Return a recipe's name with its max learning rate, and the fraction of it in mid-epoch."""
    block = TrainingRecipe.model_construct(**recipe | {"learning_rate": 1.0})
    fractions = [rate for epoch in range(block.epochs) for rate in learning_rates(block, epoch, 1)]
    return f"{name}: max {recipe['learning_rate']:g}", fractions


def seed_accuracies(results: tables.Results) -> list[float] | None:
    """Return the test accuracy of a run under each seed of the study; None if of another recipe."""
    table = read_table_of(results.recipe, results.run.seeds)
    return None if table is None else list(table["test_accuracy"])


def ablation(results: tables.Results) -> dict[str, object] | None:
    """Return the study's ablation of a run and its number of seeds; None if of another recipe."""
    path = Path(f"study/results/ablation-{results.run.network}.csv")
    rows = read_table_of(results.recipe, path)
    if rows is None:
        return None
    return {"table": tables.paired_differences(rows), "seeds": rows["seed"].nunique()}


def read_rows(path: Path) -> list[dict[str, object]]:
    """Read a table, one dictionary per row. Raises StageError if the file is not one."""
    with reading(path):
        return pd.read_csv(path).to_dict("records")


if __name__ == "__main__":
    run_stage(main)
