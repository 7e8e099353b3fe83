"""A network is a folder, a block in params.yaml and its runs in dvc.yaml."""

import json
import re

from stages.core.paths import Run

from conftest import Project

RECIPE = """
from stages.core.params import NetworkRecipe


class Recipe(NetworkRecipe):
    learning_rate: float
"""
INFERENCE = """
from stages.core.numerics import provenance

from safetensors.numpy import load_file, save_file
from scipy.special import log_softmax


def predict(weights, images, recipe):
    return log_softmax(images.reshape(len(images), -1) / 255 @ weights, axis=1)


def save(weights, path, dataset):
    save_file({"weights": weights}, path, provenance(dataset))


def load(path, recipe):
    return load_file(path)["weights"]
"""
TRAINING = """
from stages.core.metrics import loss_and_accuracy
from stages.networks.softmax_regression.inference import predict

import numpy as np


def make_network(recipe):
    return np.zeros((784, 10))


def train(weights, recipe, training_set):
    images, labels = training_set
    inputs, targets = images.reshape(len(images), -1) / 255, np.eye(10)[labels]
    for _ in range(recipe.epochs + 1):
        found = predict(weights, images, recipe)
        yield loss_and_accuracy(found, labels)
        delta = (np.exp(found) - targets) / len(images)
        weights -= recipe.learning_rate * inputs.T @ delta
"""


def test_a_third_network_is_trained_evaluated_plotted_and_reported(project: Project) -> None:
    folder = "stages/networks/softmax_regression"
    (project.folder / folder).mkdir()
    for module, code in (("recipe", RECIPE), ("inference", INFERENCE), ("training", TRAINING)):
        project.write(f"{folder}/{module}.py", code)
    recipe = "{epochs: 20, validation_images: 64, learning_rate: 0.1, seed: 0}"
    project.append("params.yaml", f"softmax_regression:\n  plain: {recipe}\n")
    run = Run("softmax_regression", "plain")
    line = f"{run.name}: {{network: {run.network}, recipe: plain, dataset: MNIST}}"
    project.replace("dvc.yaml", "\nstages:\n", f"      {line}\n\nstages:\n")
    read = "".join(f"      - {each}\n" for each in (run.model, run.history, run.predictions))
    reported = "      - data/reported.yaml\n"
    project.replace("dvc.yaml", reported, read + reported)

    stages = [f"{stage}@{run.name}" for stage in ("train", "evaluate", "plot")]
    assert project.repro() == ["check_params", *stages, "report"]
    metrics = json.loads((project.folder / run.metrics).read_text())
    assert min(metrics["test_accuracy"], metrics["validation_accuracy"]) > 0.5  # easy, if small
    report = (project.folder / "reports/report.md").read_text()
    assert re.search(r"^\| softmax_regression +\| plain ", report, re.MULTILINE)
    assert (project.folder / "reports/comparison/softmax_regression.png").exists()
    project.run("dvc", "plots", "show")
    page = (project.folder / "dvc_plots/index.html").read_text().replace("::", "/")
    assert str(run.history) in page
    assert f"reports/figures/{run.name}/history.png" in page
