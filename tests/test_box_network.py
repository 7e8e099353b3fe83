"""Problem 2: networks against the functions that they approximate, and errors against bounds."""

from stages.core.paths import problem_folder
from stages.problems.box_network import __main__ as box_network
from stages.problems.box_network.errors import measure, tabulate_errors
from stages.problems.box_network.functions import FUNCTIONS, PYRAMIDS, VARIATIONS, Function
from stages.problems.box_network.step_network import approximate, box_grid
from stages.results.reading import read_numbers

import numpy as np
import pytest

ALL = [*FUNCTIONS, *VARIATIONS, *PYRAMIDS]


def test_a_box_is_two_neurons_and_contains_its_left_edge_only() -> None:
    network = box_grid(np.array([0, 0.5]), np.array([3.0, 0]))
    assert network.neurons == 2
    x = np.array([[-1e-9], [0], [0.25], [0.5 - 1e-9], [0.5], [9]])
    assert network(x).tolist() == [0, 3, 3, 3, 0, 0]


def test_boxes_share_steps_in_every_dimension() -> None:
    counts = [approximate(pyramid, 6).neurons for pyramid in PYRAMIDS]
    assert counts == [6, 2 * 6 + 6**2, 3 * 6 + 6**3]


@pytest.mark.parametrize("function", ALL, ids=lambda function: function.name)
def test_no_function_changes_more_than_its_modulus_allows(function: Function) -> None:
    generator = np.random.default_rng(6)
    points = generator.uniform(0, function.length, (5000, function.dimensions))
    for distance in (0.7, 0.1, 0.01):
        others = points + generator.uniform(-distance, distance, points.shape)
        others = others.clip(0, function.length)
        changes = np.abs(function.values(points) - function.values(others))
        assert changes.max() <= function.modulus(distance) + 1e-12
    assert np.abs(function.values(points)).max() <= function.max_value


@pytest.mark.parametrize("per_unit", [5, 8])
@pytest.mark.parametrize("function", ALL, ids=lambda function: function.name)
def test_the_error_is_nine_tenths_to_all_of_its_bound(function: Function, per_unit: int) -> None:
    row = measure("", function, per_unit)
    assert row["boxes"] == (per_unit * function.length) ** function.dimensions
    assert 0.9 * row["bound"] <= row["max_error"] <= row["bound"] + 1e-12


def test_a_longer_wave_takes_more_neurons_and_a_steeper_one_has_a_larger_error() -> None:
    rows = [measure("", function, 32) for function in VARIATIONS]
    assert [row["neurons"] for row in rows] == [32, 32, 32, 64, 32]
    ratios = [row["max_error"] / rows[0]["max_error"] for row in rows]
    assert ratios == pytest.approx([1, 1, 2, 1, 2], rel=0.01)


@pytest.mark.usefixtures("small")
def test_the_maximum_ratio_is_of_an_error_to_its_own_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    table = tabulate_errors([4])
    table.loc[0, "bound"] = table.loc[0, "max_error"] / 7
    monkeypatch.setattr(box_network, "tabulate_errors", lambda _: table)
    box_network.main()
    ratio = read_numbers(problem_folder("box_network") / "numbers.json")["max_error_over_bound"]
    assert ratio == pytest.approx(7)
