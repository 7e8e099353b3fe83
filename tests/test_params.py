"""params.yaml, as it is and with errors in it."""

import copy
import functools
import operator
import shutil
from pathlib import Path

from stages.check_params import main as check_params
from stages.check_params import params_model
from stages.core.networks import load_recipe
from stages.core.params import checked
from stages.core.paths import Run
from stages.core.stage import StageError

import pytest
from conftest import REPOSITORY, Project
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML


@pytest.fixture
def params(committed: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(committed.folder / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "params.yaml"


def test_a_missing_file_is_named_with_what_restores_it(params: Path) -> None:
    params.unlink()
    with pytest.raises(
        StageError, match=r"^params\.yaml is missing; `git checkout params\.yaml` re"
    ):
        check_params()


def replace(path: Path, old: str, new: str) -> None:
    """Replace the first place, which is that of the recipe `baseline`."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.usefixtures("params")
def test_the_recipe_baseline_has_the_assignments_hyperparameters() -> None:
    fashion = load_recipe(Run("fashion_mlp", "baseline"))
    assert (fashion.hidden_sizes, fashion.batch_size, fashion.epochs) == ([256, 128, 64], 64, 100)
    assert (fashion.optimizer, fashion.learning_rate, fashion.weight_decay) == ("sgd", 0.1, 0)
    assert (fashion.device, fashion.validation_images) == ("cpu", 0)
    numpy = load_recipe(Run("numpy_network", "baseline"))
    assert (numpy.hidden_sizes, numpy.batch_size, numpy.epochs) == ([32, 32], 1, 3)
    assert (numpy.learning_rate, numpy.momentum, numpy.seed) == (0.0008, 0, 80085)
    assert (numpy.scale_pixels, numpy.shuffle, numpy.validation_images) == (False, False, 0)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("points: 50", "points: 1", "l1_regression.points: Input should be greater than or equal"),
        (
            "outlier_fraction: 0.2",
            "outlier_fraction: 1.2",
            "l1_regression.outlier_fraction: Input should",
        ),
        ("slope: 2.0", "slope: 1e300", "l1_regression.slope: Input should be at most"),
        ("iterations: 100", "steps: 100", "l1_regression.iterations is missing"),
        ("- 8\n", "- 0\n", "box_network.boxes.1: Input should be greater"),
        ("width: 0.5", "width: 0.0", "box_network.width: Input should be greater than or"),
        ("- 1.0\n", "- 99.0\n", "softmax_jacobian.logits.1: Input should be"),
        ("vectors: 64", "vectors: 1000000", "softmax_jacobian.vectors: Input should be at most"),
        ("- 0.5\n", "- 0.0\n", "softmax_jacobian.temperatures.0: Input should be greater"),
        (
            "learning_rate: 0.1",
            "learning_rate: -0.1",
            "fashion_mlp.baseline.learning_rate: Input should be greater",
        ),
        (
            "learning_rate: 0.1",
            "learning_rate: 1e39",
            "fashion_mlp.baseline.learning_rate: Input should be at most 1e+38 (it is 1e+39)",
        ),
        (
            "learning_rate: 0.1",
            "learning_rate: '0.1'",
            "fashion_mlp.baseline.learning_rate: Input should be a valid",
        ),
        (
            "learning_rate: 0.1",
            "learning_rate: .nan",
            "fashion_mlp.baseline.learning_rate: Input should be a finite",
        ),
        (
            "learning_rate: 0.1",
            "lerning_rate: 0.1",
            "fashion_mlp.baseline.lerning_rate: there is no such parameter",
        ),
        ("learning_rate: 0.1", "", "fashion_mlp.baseline.learning_rate is missing"),
        (
            "momentum: 0.0",
            "momentum: 1.0",
            "numpy_network.baseline.momentum: Input should be less than 1",
        ),
        (
            "validation_images: 0",
            "validation_images: -1",
            "fashion_mlp.baseline.validation_images: Input should be greater than or equal to 0",
        ),
        (
            "validation_images: 0",
            "validation_images: 60000",
            "fashion_mlp.baseline.validation_images: Input should be less than 60000",
        ),
        (
            "optimizer: sgd",
            "optimizer: adam",
            "fashion_mlp.baseline.optimizer: Input should be 'sgd' or 'adamw'",
        ),
        (
            "device: cpu",
            "device: tpu",
            "fashion_mlp.baseline.device: Input should be 'cpu' or 'auto'",
        ),
        (
            "batch_size: 64",
            "batch_size: 0",
            "fashion_mlp.baseline.batch_size: Input should be greater than 0",
        ),
        (
            "epochs: 100",
            "epochs: 1.5",
            "fashion_mlp.baseline.epochs: Input should be a valid integer",
        ),
        (
            "- 128\n    - 64\n",
            "- none\n    - 64\n",
            "fashion_mlp.baseline.hidden_sizes.1: Input should be a valid integer",
        ),
    ],
)
def test_an_error_is_named_with_its_place_in_one_line(
    params: Path, old: str, new: str, message: str
) -> None:
    replace(params, old, new)
    with pytest.raises(StageError) as caught:
        check_params()
    assert message in str(caught.value)
    assert str(caught.value).startswith("params.yaml: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("block", "name", "minimum"), [("box_network", "boxes", 1), ("softmax_jacobian", "logits", 2)]
)
def test_a_list_that_is_too_short_is_refused(block: str, name: str, minimum: int) -> None:
    values = copy.deepcopy(GIVEN)
    values[block][name] = values[block][name][:minimum]
    checked(params_model(), values, "params.yaml")
    values[block][name] = values[block][name][: minimum - 1]
    with pytest.raises(StageError, match=f"{block}.{name}: List should have at least {minimum}"):
        checked(params_model(), values, "params.yaml")


@pytest.mark.parametrize(
    ("name", "low", "below", "high", "above"),
    [
        ("seed", 0, -1, 2**63 - 1, 2**63),
        ("epochs", 1, 0, 100_000, 100_001),
        ("batch_size", 1, 0, 1_000_000, 1_000_001),
        ("validation_images", 0, -1, 59_999, 60_000),
        ("learning_rate", 1e-30, 0.0, 1e38, 1.1e38),
        ("warmup_fraction", 0.0, -0.1, 0.999, 1.0),
        ("weight_decay", 0.0, -0.1, 1e38, 1.1e38),
        ("max_translation", 0, -1, 28, 29),
        ("hidden_sizes", [1], [0], [10_000] * 10, [10_001]),
        ("hidden_sizes", [], [0], [1] * 10, [1] * 11),
    ],
)
@pytest.mark.parametrize("network", ["fashion_mlp", "numpy_network"])
def test_a_hyperparameter_has_its_bounds(
    network: str, name: str, low: object, below: object, high: object, above: object
) -> None:
    recipe = checked(params_model(), GIVEN, "params.yaml")
    recipe = getattr(recipe, network)["baseline"]
    for value in (low, high):
        assert getattr(recipe.changed({name: value}), name) == value
    for value in (below, above):
        with pytest.raises(StageError, match=name):
            recipe.changed({name: value})


def test_an_empty_file_is_reported(params: Path) -> None:
    params.write_text("")
    with pytest.raises(StageError, match=r"the file is not a block of parameters .it is None.$"):
        check_params()


def test_every_error_is_named(params: Path) -> None:
    replace(params, "epochs: 100", "epochs: 0")
    replace(params, "epochs: 3", "epochs: 0")
    with pytest.raises(StageError, match=r"fashion_mlp.baseline.epochs.*numpy_network.basel"):
        check_params()


def test_a_number_in_scientific_notation_is_a_number(params: Path) -> None:
    replace(params, "learning_rate: 0.0008", "learning_rate: 8e-4")
    assert load_recipe(Run("numpy_network", "baseline")).learning_rate == 0.0008


def test_what_is_not_yaml_is_named(params: Path) -> None:
    params.write_text("fashion_mlp: [")
    with pytest.raises(StageError, match=r"params\.yaml is not YAML"):
        check_params()


@pytest.mark.usefixtures("params")
def test_an_unknown_recipe_is_named_with_those_there_are() -> None:
    with pytest.raises(StageError, match=r"no numpy_network\.better; it has baseline, improved"):
        load_recipe(Run("numpy_network", "better"))


def places(values: object, place: tuple = ()) -> list[tuple]:
    """The place of every value below `values`, blocks included: names, or numbers in a list."""
    items = values.items() if isinstance(values, dict) else enumerate(values)
    below = [((*place, key), value) for key, value in items]
    return [
        deeper
        for here, value in below
        for deeper in (here, *(places(value, here) if isinstance(value, dict | list) else ()))
    ]


WORDS = st.text("abcdefgh_.", min_size=1, max_size=5)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=5,
)
GIVEN = YAML(typ="safe").load(REPOSITORY / "params.yaml")


@pytest.mark.parametrize("how", ["replaced", "removed", "added"])
@settings(deadline=None)  # on a busy machine too
@given(data=st.data())
def test_whatever_is_wrong_is_named_in_one_line(how: str, data: st.DataObject) -> None:
    """Any value, anywhere, is either one that the parameter may have, or told with its place."""
    values = copy.deepcopy(GIVEN)
    *above, name = data.draw(st.sampled_from(places(values)))
    block = functools.reduce(operator.getitem, above, values)
    old = block[name]
    if how == "replaced":
        block[name] = data.draw(ANYTHING)
    elif how == "removed":
        del block[name]
    elif isinstance(block, dict):
        name = data.draw(WORDS)
        block[name] = data.draw(ANYTHING)
    try:
        checked(params_model(), values, "params.yaml")
    except StageError as error:
        message = str(error)
        assert message.startswith("params.yaml: ")
        assert len(message.splitlines()) == 1
        assert ".".join(map(str, above)) in message
        assert str(name) in message
    else:
        if how == "replaced":
            either = (int, float) if isinstance(old, float) else type(old)
            assert isinstance(block[name], either)
