"""params.yaml, as it is and with errors in it."""

import copy
import math
from pathlib import Path
from typing import Any

from stages.check_params import params_model
from stages.core.networks import load_recipe
from stages.core.params import checked, read_yaml
from stages.core.paths import Run
from stages.core.stage import StageError

import pytest
from conftest import REPOSITORY
from ruamel.yaml import YAML

GIVEN = YAML(typ="safe").load(REPOSITORY / "params.yaml")


def error_in(values: dict[str, Any]) -> str:
    with pytest.raises(StageError) as caught:
        checked(params_model(), values, "params.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("learning_rate", "0.1", "learning_rate: Input should be a valid number (it is '0.1')"),
        ("learning_rate", math.nan, "learning_rate: Input should be a finite number (it is nan)"),
        ("learning_rate", 1e39, "learning_rate: Input should be at most 1e+38 (it is 1e+39)"),
        ("optimizer", "adam", "optimizer: Input should be 'sgd' or 'adamw' (it is 'adam')"),
        ("hidden_sizes", [9, 0], "hidden_sizes.1: Input should be greater than 0 (it is 0)"),
        ("epochs", 1.5, "epochs: Input should be a valid integer (it is 1.5)"),
        ("warmup_fraction", 1.0, "warmup_fraction: Input should be less than 1 (it is 1.0)"),
        ("lerning_rate", 0.1, "lerning_rate: there is no such parameter"),
    ],
)
def test_an_error_is_told_with_its_place_and_value(name: str, value: object, message: str) -> None:
    values = copy.deepcopy(GIVEN)
    values["fashion_mlp"]["baseline"][name] = value
    assert error_in(values) == f"params.yaml: fashion_mlp.baseline.{message}"


def test_every_error_is_told() -> None:
    values = copy.deepcopy(GIVEN)
    values["fashion_mlp"]["baseline"] = 7
    del values["numpy_network"]["baseline"]["seed"]
    assert error_in(values) == (
        "params.yaml: fashion_mlp.baseline is not a block of parameters (it is 7); "
        "numpy_network.baseline.seed is missing"
    )


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
