"""Write reports/report.md from what the other stages measured, one chapter a problem."""

import importlib.metadata
import math
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from ruamel.yaml import YAML

import stages
from stages.lib.artifacts import (
    DATASETS,
    REPORT,
    Run,
    metrics_file,
    read_metrics,
    replacing,
    table_file,
)
from stages.lib.datasets import SHA256
from stages.lib.evaluation import probabilities, read_history, read_predictions
from stages.lib.markdown import percent, render, table
from stages.lib.params import Block, load_params
from stages.lib.stage import run_stage

FOLDER = Path(__file__).parent
PACKAGES = ("dvc", "matplotlib", "numpy", "pandas", "safetensors", "scipy", "torch", "torchvision")
PROBLEMS_WITHOUT_RUNS = ("l1_regression", "box_network", "softmax_jacobian")


def main() -> None:
    """Write the report."""
    params = load_params()
    reported = YAML(typ="safe").load(FOLDER / "reported.yaml")
    fashion_mlp = Run("fashion_mlp", "assignment")
    numpy_network = Run("numpy_network", "assignment")
    runs = [Run(network, recipe) for network in DATASETS for recipe in getattr(params, network)]
    fashion_history = read_history(fashion_mlp)
    fashion_metrics = read_metrics(fashion_mlp.metrics)
    fashion_predictions = read_predictions(fashion_mlp)
    numpy_history = read_history(numpy_network)
    numpy_metrics = read_metrics(numpy_network.metrics)
    numpy_predictions = read_predictions(numpy_network)
    metrics = {name: read_metrics(metrics_file(name)) for name in PROBLEMS_WITHOUT_RUNS}
    parts = {
        part: rows.to_dict("records")
        for part, rows in pd.read_csv(table_file("box_network")).groupby("part")
    }
    last_batch = fashion_predictions.tail(reported["fashion_mlp"]["last_batch"]["size"])

    text = render(
        FOLDER / "report.md.jinja",
        unpinned=stages.UNPINNED,
        reported=reported,
        params=params,
        networks=list(DATASETS),
        verdicts=[
            *claims(**metrics),
            verdict(
                "4: FashionMNIST in PyTorch",
                reported["fashion_mlp"]["test_accuracy"],
                fashion_metrics["test_accuracy"],
                len(fashion_predictions),
            ),
            verdict(
                "5: MNIST in numpy",
                reported["numpy_network"]["history"][-1]["test_accuracy"],
                numpy_metrics["test_accuracy"],
                len(numpy_predictions),
            ),
        ],
        **metrics,
        problems=PROBLEMS_WITHOUT_RUNS,
        widths_points=parts["widths"][0]["points"],
        variations=parts["variations"],
        pyramids=parts["dimensions"],
        softmax_table=pd.read_csv(table_file("softmax_jacobian")).to_dict("records"),
        runs=[(run, read_metrics(run.metrics), read_history(run)) for run in runs],
        recipes_table=lambda network: recipes_table(network, getattr(params, network)),
        fashion_mlp=fashion_mlp,
        fashion_metrics=fashion_metrics,
        fashion_epochs=fashion_history.set_index("epoch").to_dict("index"),
        near_the_turn=near_the_turn(fashion_history),
        late_accuracies=fashion_history["test_accuracy"].tail(10),
        fashion_images=len(fashion_predictions),
        last_batch=last_batch,
        confidence=confidence(fashion_predictions),
        three_images=fashion_predictions.head(3),
        likeliest=likeliest,
        numpy_network=numpy_network,
        numpy_metrics=numpy_metrics,
        numpy_epochs=numpy_history.set_index("epoch").to_dict("index"),
        numpy_images=len(numpy_predictions),
        numpy_sample=numpy_predictions.head(1),
        mean_loss=mean_loss,
        standard_error=standard_error,
        sha256=SHA256,
        versions={name: importlib.metadata.version(name) for name in PACKAGES},
    )
    with replacing(REPORT) as partial:
        partial.write_text(text, encoding="utf-8")


def claims(
    l1_regression: Mapping[str, float],
    box_network: Mapping[str, float],
    softmax_jacobian: Mapping[str, float],
) -> list[tuple[str, str, str, str]]:
    """The rows of the table of verdicts for the problems that make a claim, given their metrics.

    A claim is judged by the argument in its chapter; here is checked that the numbers bear it out.
    """
    l1, box, softmax = l1_regression, box_network, softmax_jacobian
    proven = l1["imbalance"] == 0 and math.isclose(
        l1["l1_loss"], l1["lower_bound"], rel_tol=1e-9, abs_tol=1e-9
    )
    counted = (
        box["greatest_error_over_bound"] <= 1
        and box["neurons_for_twice_the_values"] == box["neurons"]
        and box["neurons_for_twice_the_length"] == 2 * box["neurons"]
        and box["second_layer_error"] == 0 < box["best_steps_error"]
    )
    equal = softmax["autograd_difference"] == softmax["complex_step_difference"] == 0
    return [
        (
            "1: L1 regression",
            "no closed form",
            f"solved by a search: loss {l1['l1_loss']:.4f}, bound from below "
            f"{l1['lower_bound']:.4f}",
            "right; our solution is proven" if proven else "our solution is not proven",
        ),
        (
            "2: boxes of step neurons",
            "O(B/δ) neurons, O((B/δ)^d) in d dimensions",
            f"2L/δ neurons, error at most ω(δ/2): {box['greatest_error_over_bound']:.4f} of it "
            "measured; in d dimensions over (L/δ)^d, in two layers",
            "boxes right; the count has B for L" if counted else "not borne out",
        ),
        (
            "3: Jacobian of softmax",
            "y_i ([i = j] - y_j)",
            "equal to autograd's and to complex-step differences to twelve decimals"
            if equal
            else "other values",
            "right" if equal else "not borne out",
        ),
    ]


def verdict(
    problem: str, reported: float, measured: float, images: int
) -> tuple[str, str, str, str]:
    """The row of the table of verdicts for a test accuracy, measured on so many images."""
    gain = measured - reported
    errors = abs(gain) / standard_error(reported, images)
    return (
        problem,
        f"test accuracy {percent(reported)}",
        f"test accuracy {percent(measured)}",
        f"{'reproduced' if errors <= 3 else 'another draw'}: {100 * gain:+.2f} points, "
        f"{errors:.1f} standard errors of the test set",
    )


def recipes_table(network: str, recipes: Mapping[str, Block]) -> str:
    """What differs between a network's recipes, and what came of it: a column a recipe."""
    given = {recipe: block.model_dump() for recipe, block in recipes.items()}
    measured = {recipe: read_metrics(Run(network, recipe).metrics) for recipe in recipes}
    names = next(iter(given.values()))
    columns = [[values[name] for values in given.values()] for name in names]
    rows = [
        (name, *values)
        for name, values in zip(names, columns, strict=True)
        if any(value != values[0] for value in values)
    ]
    rows.append(("test accuracy", *(percent(each["test_accuracy"]) for each in measured.values())))
    rows.append(("test loss", *(f"{each['test_loss']:.4f}" for each in measured.values())))
    return table(rows, network, *recipes)


def mean_loss(predictions: pd.DataFrame) -> float:
    """The mean cross entropy in nats of a few rows of predictions."""
    true_class = [row[row["label"]] for _, row in predictions.iterrows()]
    losses = [-math.log(p) if p > 0 else math.inf for p in true_class]
    return math.fsum(losses) / len(losses)


def near_the_turn(history: pd.DataFrame) -> list[int]:
    """The epochs whose test loss is within 5 % of the lowest."""
    return list(history["epoch"][history["test_loss"] <= 1.05 * history["test_loss"].min()])


def confidence(predictions: pd.DataFrame) -> dict[str, float]:
    """The mean probability of the predicted class: over all images, and over the wrong ones."""
    confidences = probabilities(predictions).max(axis=1)
    wrong = predictions["label"] != predictions["prediction"]
    return {"all": confidences.mean(), "wrong": confidences[wrong].mean()}


def likeliest(row: pd.Series, count: int) -> list[tuple[str, float]]:
    """The likeliest classes in a row of predictions, each with its probability."""
    return list(row.drop(["label", "prediction"]).astype(float).nlargest(count).items())


def standard_error(accuracy: float, images: int) -> float:
    """The standard error of an accuracy measured on so many images: that of a binomial share."""
    return math.sqrt(accuracy * (1 - accuracy) / images)


if __name__ == "__main__":
    run_stage(main)
