"""A network is a folder, a block in params.yaml and its runs in dvc.yaml."""

import inspect
import json
import re

from stages.core.networks import Inference, Training, inference_of, network_names, training_of

import pytest
from conftest import Project
from test_pipeline import add_run

RECIPE = """
from stages.core.params import NetworkRecipe


class Recipe(NetworkRecipe):
    learning_rate: float
"""
INFERENCE = """
from stages.core.numerics import provenance

import numpy as np
from safetensors.numpy import load_file, save_file


def log_probabilities(weights, images, recipe):
    z = images.reshape(len(images), -1) / 255 @ weights
    z -= z.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


predict = log_probabilities


def save(weights, path, dataset):
    save_file({"weights": weights}, path, provenance(dataset))


def load(path, recipe):
    return load_file(path)["weights"]
"""
TRAINING = """
from stages.core.metrics import loss_and_accuracy
from stages.networks.softmax_regression.inference import log_probabilities

import numpy as np


def make_network(recipe):
    return np.zeros((784, 10))


def train(weights, recipe, training_set):
    images, labels = training_set
    inputs, targets = images.reshape(len(images), -1) / 255, np.eye(10)[labels]
    for _ in range(recipe.epochs + 1):
        found = log_probabilities(weights, images, recipe)
        yield loss_and_accuracy(found, labels)
        delta = (np.exp(found) - targets) / len(images)
        weights -= recipe.learning_rate * inputs.T @ delta
"""


@pytest.mark.parametrize("network", network_names())
def test_a_network_defines_what_the_protocols_list(network: str) -> None:
    for protocol, module in (
        (Training, training_of(network)),
        (Inference, inference_of(network)),
    ):
        for name, method in inspect.getmembers(protocol, inspect.isfunction):
            if not name.startswith("_"):
                listed = list(inspect.signature(method).parameters)[1:]  # without self
                assert len(listed) == len(inspect.signature(getattr(module, name)).parameters)


def test_a_third_network_is_trained_evaluated_plotted_and_reported(project: Project) -> None:
    folder = "stages/networks/softmax_regression"
    (project.folder / folder).mkdir()
    project.write(f"{folder}/recipe.py", RECIPE)
    project.write(f"{folder}/inference.py", INFERENCE)
    project.write(f"{folder}/training.py", TRAINING)
    project.append(
        "params.yaml",
        "softmax_regression:\n"
        "  plain: {epochs: 20, validation_images: 64, learning_rate: 0.1, seed: 0}\n",
    )
    add_run(project, "softmax_regression", "plain", "MNIST")
    run = "softmax_regression-plain"

    assert project.repro() == [
        "check_params", f"train@{run}", f"evaluate@{run}", f"plot@{run}", "report",
    ]  # fmt: skip
    metrics = json.loads(project.run("dvc", "metrics", "show", "--json").stdout)
    found = metrics[""]["data"][f"reports/metrics/{run}.json"]["data"]
    for split in ("validation", "test"):
        assert found[f"{split}_accuracy"] > 0.5  # the small data's classes are easy to tell apart
    assert len(list((project.folder / f"reports/figures/{run}").glob("*.png"))) == 8
    project.run("dvc", "plots", "show")
    page = (project.folder / "dvc_plots/index.html").read_text().replace("::", "/")
    assert f"reports/history/{run}.csv" in page
    report = (project.folder / "reports/report.md").read_text()
    validation, test = (
        f"{100 * found[f'{split}_accuracy']:.2f} %" for split in ("validation", "test")
    )
    row = rf"^\| softmax_regression +\| plain .*\| {test} +\| [\d.]+ +\| {validation} +\|"
    assert re.search(row, report, re.MULTILINE)
    assert "(comparison/softmax_regression.png)" in report
    assert (project.folder / "reports/comparison/softmax_regression.png").exists()


def test_a_wrong_parameter_of_a_third_network_is_named(project: Project) -> None:
    folder = project.folder / "stages/networks/softmax_regression"
    folder.mkdir()
    (folder / "recipe.py").write_text(RECIPE)
    finished = project.run("python", "-m", "stages.check_params", check=False)
    assert finished.stderr == "error: params.yaml: softmax_regression is missing\n"
    project.append("params.yaml", "softmax_regression:\n  plain:\n    epochs: many\n")
    finished = project.run("python", "-m", "stages.check_params", check=False)
    assert "softmax_regression.plain.epochs: Input should be a valid integer" in finished.stderr
    for name in ("validation_images", "learning_rate"):
        assert f"softmax_regression.plain.{name} is missing" in finished.stderr
