"""How results are compared where bits may differ."""

import math
import re
from pathlib import Path

from stages.core.paths import Run
from stages.core.tables import write_table
from tools import comparison

import pandas as pd
import pytest
from conftest import REPOSITORY
from PIL import Image
from ruamel.yaml import YAML

RUN = Run("numpy_network", "baseline")
RECIPE = {"batch_size": 1, "epochs": 3}
ACCURACIES = [0.85, 0.86, 0.87, 0.88]


def picture(path: Path, *boxes: tuple[int, int, int, int]) -> None:
    """A white picture with black boxes."""
    image = Image.new("RGB", (64, 64), "white")
    for box in boxes:
        image.paste("black", box)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def results(folder: Path) -> Path:
    """A folder with one result of each kind."""
    for name in ("problems/l1_regression", "metrics"):
        (folder / "reports" / name).mkdir(parents=True)
    for path, text in {
        "params.yaml": "",
        "reports/problems/l1_regression/numbers.json": '{"loss": 1.5, "name": "line"}',
        "reports/gradient_check.csv": "layer,parameters,autograd\n1,weights,0.0\n",
        "reports/first_epochs.csv": f"run,epoch,train_loss\n{RUN.name},0,3.0\n{RUN.name},1,1.5\n",
        "reports/report.md": "The loss is 1.5 nats, " + "word " * 20,
        RUN.metrics: '{"test_accuracy": 0.865, "test_loss": 0.5}',
    }.items():
        (folder / path).write_text(text)
    YAML().dump({RUN.network: {RUN.recipe: RECIPE}}, folder / "params.yaml")
    table = pd.DataFrame({"seed": range(4), "test_loss": 0.5, "test_accuracy": ACCURACIES})
    table["test_loss"] += [-0.01, 0, 0, 0.01]
    (folder / RUN.seeds).parent.mkdir(parents=True)
    write_table(folder / RUN.seeds, table, RECIPE | {"seeds": 4})
    picture(folder / "reports/figures/l1_regression/fit.png", (0, 0, 8, 8))
    picture(folder / f"reports/figures/{RUN.name}/loss.png", (0, 0, 16, 16), (32, 32, 48, 48))
    return folder


PATHS = [
    "data/MNIST/raw",
    "reports/figures/l1_regression",
    f"reports/figures/{RUN.name}",
    "reports/first_epochs.csv",
    "reports/gradient_check.csv",
    str(RUN.metrics),
    "reports/problems/l1_regression",
    "reports/report.md",
]


def different(tmp_path: Path, path: str, change: object) -> list[str]:
    """The results that differ once one is changed, by a function or to a text."""
    one, other = results(tmp_path / "one"), results(tmp_path / "other")
    if callable(change):
        change(other / path)
    else:
        (other / path).write_text(change)
    rows = list(comparison.compare_numbers(one, other, PATHS))
    # of the data none; of the metrics two
    assert len(rows) == len(PATHS)
    return [row[0] for row in rows if not row[-1]]


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("reports/problems/l1_regression/numbers.json", '{"loss": 1.5000000009, "name": "line"}'),
        ("reports/gradient_check.csv", "layer,parameters,autograd\n1,weights,9e-7\n"),
        (
            "reports/first_epochs.csv",
            f"run,epoch,train_loss\n{RUN.name},0,3.0\n{RUN.name},1,1.52\n",
        ),
        ("reports/report.md", "The loss is -2,000.3 nats, " + "word " * 19 + "another"),
        (str(RUN.metrics), '{"test_accuracy": 0.95, "test_loss": 0.5}'),
        ("reports/figures/l1_regression/fit.png", lambda path: picture(path, (0, 0, 8, 8))),
        (
            f"reports/figures/{RUN.name}/loss.png",
            lambda path: picture(path, (0, 0, 14, 16), (32, 32, 47, 48)),
        ),
    ],
)
def test_what_is_within_the_limits_agrees(tmp_path: Path, path: str, change: object) -> None:
    assert different(tmp_path, path, change) == []


@pytest.mark.parametrize(
    ("path", "change", "row"),
    [
        (
            "reports/problems/l1_regression/numbers.json",
            '{"loss": 1.500000002, "name": "line"}',
            "reports/problems/l1_regression",
        ),
        (
            "reports/problems/l1_regression/numbers.json",
            '{"loss": 1.5, "name": "lime"}',
            "reports/problems/l1_regression",
        ),
        (
            "reports/problems/l1_regression/numbers.json",
            '{"name": "line"}',
            "reports/problems/l1_regression",
        ),
        (
            "reports/gradient_check.csv",
            "layer,parameters,autograd\n1,weights,2e-6\n",
            "reports/gradient_check.csv",
        ),
        (
            "reports/first_epochs.csv",
            f"run,epoch,train_loss\n{RUN.name},0,3.0\n{RUN.name},1,1.54\n",
            f"reports/first_epochs.csv: {RUN.name}",
        ),
        (
            "reports/first_epochs.csv",
            f"run,epoch,train_loss\n{RUN.name},0,3.1\n{RUN.name},1,1.5\n",
            f"reports/first_epochs.csv: {RUN.name}",
        ),
        ("reports/report.md", "The loss is 1.5 nats, " + "other " * 20, "reports/report.md"),
        (str(RUN.metrics), '{"test_accuracy": 0.4, "test_loss": 0.5}', str(RUN.metrics)),
        (str(RUN.metrics), '{"test_accuracy": 0.865, "test_loss": 0.9}', str(RUN.metrics)),
        (
            "reports/figures/l1_regression/fit.png",
            lambda path: picture(path, (0, 0, 8, 7)),
            "reports/figures/l1_regression",
        ),
        ("reports/figures/l1_regression/fit.png", Path.unlink, "reports/figures/l1_regression"),
        (f"reports/figures/{RUN.name}/loss.png", picture, f"reports/figures/{RUN.name}"),
    ],
)
def test_what_is_beyond_a_limit_is_different(
    tmp_path: Path, path: str, change: object, row: str
) -> None:
    assert different(tmp_path, path, change) == [row]


def test_batches_must_agree_more_closely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RECIPE, "batch_size", 64)
    losses = f"run,epoch,train_loss\n{RUN.name},0,3.0\n{RUN.name},1,1.502\n"
    row = f"reports/first_epochs.csv: {RUN.name}"
    assert different(tmp_path, "reports/first_epochs.csv", losses) == [row]


def test_a_white_picture_differs_by_all_its_darkness(tmp_path: Path) -> None:
    picture(tmp_path / "one/a.png", (0, 0, 32, 32))
    picture(tmp_path / "other/a.png")
    assert comparison.picture_difference(tmp_path / "one", tmp_path / "other", 4) == 1
    picture(tmp_path / "other/a.png", (0, 0, 32, 48))
    assert comparison.picture_difference(tmp_path / "one", tmp_path / "other", 4) == 0.5
    (tmp_path / "other/a.png").unlink()
    assert comparison.picture_difference(tmp_path / "one", tmp_path / "other", 4) == math.inf


def test_seeds_of_another_recipe_are_not_used(tmp_path: Path) -> None:
    folder = results(tmp_path)
    assert list(comparison.seeds_of(folder, RUN)["test_accuracy"]) == ACCURACIES
    YAML().dump({RUN.network: {RUN.recipe: RECIPE | {"epochs": 4}}}, folder / "params.yaml")
    assert comparison.seeds_of(folder, RUN) is None
    assert comparison.seeds_of(folder, Run("numpy_network", "other")) is None


def test_the_page_has_the_limits() -> None:
    page = (REPOSITORY / "docs/reproducibility.md").read_text()
    rows = re.findall(r"^\| .* \| .* \| (.*) \|$", page, re.MULTILINE)
    assert rows == [
        "limit",
        "1e-9",
        "1e-6",
        f"{comparison.FIRST_EPOCH}; "
        f"{comparison.FIRST_EPOCH_OF_SINGLE_SAMPLES} if a step takes one sample",
        f"probability {comparison.PROBABILITY}",
        f"{comparison.PICTURES[2]}",
        f"{comparison.TRAINED_PICTURES[2]}",
        f"{comparison.TEXT}",
    ]
    assert [float(row) for row in rows[1:3]] == [comparison.NUMBERS, comparison.GRADIENT]
    for _, cells, _ in (comparison.PICTURES, comparison.TRAINED_PICTURES):
        assert f"a grid of {cells} by {cells}" in page


def test_hashes_are_compared_by_path() -> None:
    rows = comparison.compare_hashes({"a": "1", "b": "2"}, {"a": "1", "b": "3", "c": "4"})
    assert [(row[0], row[-1]) for row in rows] == [("a", True), ("b", False), ("c", False)]
    assert [row[2:4] for row in rows] == [("1", "1"), ("2", "3"), ("-", "4")]
