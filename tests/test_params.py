"""params.yaml, as it is and with errors in it."""

import copy
import functools
import math
import operator
from pathlib import Path
from typing import Any

from stages.check_params import params_model
from stages.core.networks import load_recipe
from stages.core.params import Block, checked, read_yaml
from stages.core.paths import Run
from stages.core.stage import StageError

import pytest
from conftest import REPOSITORY
from ruamel.yaml import YAML

GIVEN = YAML(typ="safe").load(REPOSITORY / "params.yaml")


def check(values: dict[str, Any]) -> Block:
    return checked(params_model(), values, "params.yaml")


def error_in(values: dict[str, Any]) -> str:
    with pytest.raises(StageError) as caught:
        check(values)
    return str(caught.value)


def with_value(place: str, value: object) -> dict[str, Any]:
    """All parameters, with another value at a place."""
    values = copy.deepcopy(GIVEN)
    *above, name = place.split(".")
    functools.reduce(operator.getitem, above, values)[name] = value
    return values


@pytest.mark.parametrize(
    ("place", "accepted", "refused"),
    [
        ("l1_regression.points", [2, 1000], [1, 1001]),
        ("l1_regression.outlier_fraction", [0.0, 1.0], [-0.1, 1.1]),
        ("l1_regression.slope", [-1000.0, 1000.0], [-1001.0, 1001.0]),
        ("l1_regression.intercept", [-1000.0, 1000.0], [-1001.0, 1001.0]),
        ("l1_regression.noise", [0.0, 1000.0], [-0.1, 1001.0]),
        ("l1_regression.iterations", [1, 10_000], [0, 10_001]),
        ("box_network.height", [0.001, 1000.0], [0.0, 1001.0]),
        ("box_network.width", [0.001, 1000.0], [0.0, 1001.0]),
        ("box_network.boxes", [[1], [1000] * 10], [[], [0], [1001], [1] * 11]),
        ("softmax_jacobian.logits", [[-50.0, 50.0], [0.0] * 10],
         [[0.0], [0.0, -51.0], [0.0, 51.0], [0.0] * 11]),
        ("softmax_jacobian.temperatures", [[0.01], [100.0] * 6], [[], [0.0], [101.0], [1.0] * 7]),
        ("softmax_jacobian.vectors", [1, 10_000], [0, 10_001]),
        ("fashion_mlp.baseline.seed", [0, 2**63 - 1], [-1, 2**63]),
        ("fashion_mlp.baseline.epochs", [1, 100_000], [0, 100_001, 1.5]),
        ("fashion_mlp.baseline.validation_images", [0, 59_999], [-1, 60_000]),
        ("fashion_mlp.baseline.batch_size", [1, 1_000_000], [0, 1_000_001]),
        ("fashion_mlp.baseline.learning_rate", [1e-30, 1e38], [0.0, 1.1e38]),
        ("fashion_mlp.baseline.schedule", ["constant", "linear"], ["cosine"]),
        ("fashion_mlp.baseline.warmup_fraction", [0.0, 0.999], [-0.1, 1.0]),
        ("fashion_mlp.baseline.weight_decay", [0.0, 1e38], [-0.1, 1.1e38]),
        ("fashion_mlp.baseline.max_translation", [0, 28], [-1, 29]),
        ("fashion_mlp.baseline.hidden_sizes", [[], [1], [10_000] * 10], [[0], [10_001], [1] * 11]),
        ("fashion_mlp.baseline.device", ["cpu", "auto"], ["tpu"]),
        ("fashion_mlp.baseline.optimizer", ["sgd", "adamw"], ["adam"]),
        ("numpy_network.baseline.momentum", [0.0, 0.999], [-0.1, 1.0]),
        ("numpy_network.baseline.scale_pixels", [True, False], ["no"]),
        ("numpy_network.baseline.shuffle", [True, False], [0]),
    ],
)  # fmt: skip
def test_a_parameter_has_its_bounds(
    place: str, accepted: list[object], refused: list[object]
) -> None:
    for value in accepted:
        check(with_value(place, value))
    for value in refused:
        assert error_in(with_value(place, value)).startswith(f"params.yaml: {place}")


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("learning_rate", "0.1", "learning_rate: Input should be a valid number (it is '0.1')"),
        ("learning_rate", math.nan, "learning_rate: Input should be a finite number (it is nan)"),
        ("learning_rate", 1e39, "learning_rate: Input should be at most 1e+38 (it is 1e+39)"),
        ("optimizer", "adam", "optimizer: Input should be 'sgd' or 'adamw' (it is 'adam')"),
        ("hidden_sizes", [9, 0], "hidden_sizes.1: Input should be greater than 0 (it is 0)"),
        ("lerning_rate", 0.1, "lerning_rate: there is no such parameter"),
    ],
)
def test_an_error_is_told_with_its_place_and_the_value(
    place: str, value: object, message: str
) -> None:
    found = error_in(with_value(f"fashion_mlp.baseline.{place}", value))
    assert found == f"params.yaml: fashion_mlp.baseline.{message}"


def test_every_error_is_told() -> None:
    values = with_value("fashion_mlp.baseline", 7)
    del values["numpy_network"]["baseline"]["seed"]
    assert error_in(values) == (
        "params.yaml: fashion_mlp.baseline is not a block of parameters (it is 7); "
        "numpy_network.baseline.seed is missing"
    )


def test_a_number_in_scientific_notation_is_a_number(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("learning_rate: 8e-4\n")
    assert read_yaml(tmp_path / "params.yaml") == {"learning_rate": 0.0008}


def test_what_is_not_yaml_is_named(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("fashion_mlp: [")
    with pytest.raises(StageError, match=r"^\S*params\.yaml is not YAML: .*$"):
        read_yaml(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    ("content", "network", "message"),
    [
        ("", "numpy_network", "params.yaml has no numpy_network.other"),
        ("numpy_network: {a: 7}", "numpy_network", "no numpy_network.other; it has a"),
        ("numpy_network: {other: 7}", "numpy_network", "other is not a block of parameters"),
        ("", "nothing", "there is no network 'nothing'; there are fashion_mlp, numpy_network"),
    ],
)
def test_a_stage_that_does_not_find_its_recipe_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, network: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(content)
    with pytest.raises(StageError, match=message):
        load_recipe(Run(network, "other"))
