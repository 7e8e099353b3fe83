"""The pipeline as DVC runs it, on small data."""

import json
import re
from pathlib import Path

from stages import train
from stages.core import numerics
from stages.core.paths import Run
from stages.core.stage import StageError
from stages.report import __main__ as report

import numpy as np
import pandas as pd
import pytest
from conftest import TEST_IMAGES, VALIDATION_IMAGES, Project
from safetensors.numpy import load_file
from scipy import special
from torchvision.datasets.mnist import read_image_file, read_label_file

NETWORKS = {"fashion_mlp": "FashionMNIST", "numpy_network": "MNIST"}  # each with its data set
RUNS = [Run(network, recipe) for network in NETWORKS for recipe in ("baseline", "improved")]


def measured(project: Project, run: Run, split: str) -> tuple[float, float]:
    """The loss and accuracy of a network, computed in double precision from its files."""
    raw = project.folder / "data" / NETWORKS[run.network] / "raw"
    prefix, count = ("t10k", TEST_IMAGES) if split == "test" else ("train", VALIDATION_IMAGES)
    images = read_image_file(str(raw / f"{prefix}-images-idx3-ubyte")).numpy()[-count:]
    if run.network == "fashion_mlp" or run.recipe == "improved":
        images = images / 255
    labels = read_label_file(str(raw / f"{prefix}-labels-idx1-ubyte")).numpy()[-count:]
    state = sorted(load_file(project.folder / run.model).items())
    weights, biases = ([array for _, array in state if array.ndim == n] for n in (2, 1))
    activate = special.expit if run.network == "numpy_network" else lambda z: np.maximum(z, 0)
    activations = images.reshape(count, 784)
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        activations = activate(activations @ weight.T + bias)
    found = special.log_softmax(activations @ weights[-1].T + biases[-1], axis=1)
    return -found[range(count), labels].mean(), (found.argmax(axis=1) == labels).mean()


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_metrics_are_those_of_the_last_epoch_and_the_file(reproduced: Project, run: Run) -> None:
    splits = ["validation", "test"] if run.recipe == "improved" else ["test"]
    history = pd.read_csv(reproduced.folder / run.history)
    assert list(history["epoch"]) == [0, 1, 2]
    metrics = json.loads((reproduced.folder / run.metrics).read_text())
    assert list(metrics) == [f"{split}_{name}" for split in splits for name in ("accuracy", "loss")]
    assert metrics == history.iloc[-1][list(metrics)].to_dict()
    for split in splits:
        both = metrics[f"{split}_loss"], metrics[f"{split}_accuracy"]
        assert both == pytest.approx(measured(reproduced, run, split), abs=2e-6)


@pytest.mark.usefixtures("project")
def test_a_network_is_trained_on_all_images_but_those_held_out() -> None:
    run, path = Run("numpy_network", "improved"), Path("data/MNIST/raw/train-images-idx3-ubyte")
    before = run.model.read_bytes()

    def model_with_the_last_images_black(count: int) -> bytes:
        path.write_bytes(path.read_bytes()[: -count * 784] + bytes(count * 784))
        train.main(run.network, run.recipe, "MNIST")
        return run.model.read_bytes()

    assert model_with_the_last_images_black(VALIDATION_IMAGES) == before
    assert model_with_the_last_images_black(VALIDATION_IMAGES + 1) != before


@pytest.mark.parametrize(
    ("network", "value"),
    [
        ("fashion_mlp", {"learning_rate": 1e20}),
        ("numpy_network", {"learning_rate": 1e38}),
        ("numpy_network", {"weight_decay": 1e38}),
    ],
)
@pytest.mark.filterwarnings("error")
def test_divergence_is_told_with_its_epoch(small: Project, network: str, value: dict) -> None:
    small.set_param(network, "baseline", **value)
    message = rf"{network}\.baseline diverged in epoch 1.* lower its learning rate or weight decay"
    with pytest.raises(StageError, match=message):
        train.main(network, "baseline", NETWORKS[network])
    assert not Run(network, "baseline").model.exists()


def test_a_log_has_a_line_now_and_then(small: Project, capsys: pytest.CaptureFixture) -> None:
    small.set_param("numpy_network", "baseline", epochs=30)
    train.main("numpy_network", "baseline", "MNIST")
    *lines, end = re.split("[\r\n]", capsys.readouterr().err)
    logged = [re.match(r"numpy_network-baseline: epoch (\d+), train_loss=", line) for line in lines]
    assert ([int(each[1]) for each in logged], end) == ([0, 1, *range(3, 31, 3)], "")


def test_where_nothing_is_pinned_a_stage_says_so(reproduced: Project) -> None:
    code = "import numpy, runpy; runpy.run_module('stages.check_params', run_name='__main__')"
    reason = "numpy or torch was imported before stages.core.numerics"
    assert reproduced.run("python", "-c", code).stderr == f"The bits may differ: {reason}.\n"


@pytest.mark.usefixtures("project", "undrawn")
def test_the_report_names_other_versions_and_unpinned_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = numerics.LOCKED["numpy"]
    with monkeypatch.context() as other:
        other.setitem(numerics.LOCKED, "numpy", "2.0.0")
        train.main("numpy_network", "baseline", "MNIST")
    monkeypatch.setattr(numerics, "UNPINNED", "the reason is planted")
    report.main()
    text = " ".join(Path("reports/report.md").read_text().split())
    assert "the reason is planted" in text
    other = f"not pinned: numpy is {installed}, not 2.0.0"
    assert other in text
    assert other in Path("models/README.md").read_text()
