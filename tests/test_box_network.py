"""Problem 2: networks against the functions that they approximate, and errors against bounds."""

from stages.problems.box_network.errors import measure
from stages.problems.box_network.functions import FUNCTIONS, PYRAMIDS, VARIATIONS, Function
from stages.problems.box_network.step_network import approximate, box_grid

import numpy as np
import pytest
from scipy.optimize import linprog

ALL = [*FUNCTIONS, *VARIATIONS, *PYRAMIDS]


def random_points(function: Function, count: int) -> np.ndarray:
    generator = np.random.default_rng(5)
    return generator.uniform(0, function.length, (count, function.dimensions))


def test_a_box_is_two_neurons_and_contains_its_left_edge_only() -> None:
    network = box_grid(np.array([0, 0.5]), np.array([3.0, 0]))
    assert network.neurons == 2
    x = np.array([[-1e-9], [0], [0.25], [0.5 - 1e-9], [0.5], [9]])
    assert network(x).tolist() == [0, 3, 3, 3, 0, 0]


@pytest.mark.parametrize("neurons", [4, 64])
def test_one_layer_of_steps_in_any_direction_is_off_a_box_by_a_quarter(neurons: int) -> None:
    """The least maximum error, by a linear program: four steps are the box's, the others random."""
    generator = np.random.default_rng(2)
    weights = np.vstack([np.repeat(np.eye(2), 2, axis=0), generator.normal(size=(60, 2))])
    biases = np.concatenate([[-0.25, -0.75] * 2, generator.uniform(-1, 1, 60)])
    both_sides = [edge - below for edge in (0.25, 0.75) for below in (0, 1e-9)]
    axis = np.concatenate([both_sides, np.linspace(0, 1, 21)])
    points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    box = ((points >= 0.25) & (points < 0.75)).all(axis=1).astype(float)
    steps = (points @ weights.T + biases >= 0)[:, :neurons]
    outputs, excess = np.column_stack([steps, np.ones(len(points))]), -np.ones((len(points), 1))
    found = linprog(
        c=[0] * (neurons + 1) + [1],
        A_ub=np.block([[outputs, excess], [-outputs, excess]]),
        b_ub=np.concatenate([box, -box]),
        bounds=(None, None),
    )
    assert found.fun == pytest.approx(0.25, abs=1e-7)


@pytest.mark.parametrize("function", ALL, ids=lambda function: function.name)
def test_boxes_have_the_value_at_their_centre(function: Function) -> None:
    points, width = random_points(function, 500), function.length / 6
    centres = (np.floor(points / width) + 0.5) * width
    found = approximate(function, 6)(points)
    np.testing.assert_allclose(found, function.values(centres), rtol=0, atol=1e-13)


def test_boxes_share_steps_in_every_dimension() -> None:
    counts = [approximate(pyramid, 6).neurons for pyramid in PYRAMIDS]
    assert counts == [6, 2 * 6 + 6**2, 3 * 6 + 6**3]


@pytest.mark.parametrize("function", ALL, ids=lambda function: function.name)
def test_no_function_changes_more_than_its_modulus_allows(function: Function) -> None:
    generator = np.random.default_rng(6)
    points = random_points(function, 5000)
    for distance in (0.7, 0.1, 0.01):
        others = points + generator.uniform(-distance, distance, points.shape)
        others = others.clip(0, function.length)
        changes = np.abs(function.values(points) - function.values(others))
        assert changes.max() <= function.modulus(distance) + 1e-12
    assert np.abs(function.values(points)).max() <= function.max_value


@pytest.mark.parametrize("per_unit", [5, 8])
@pytest.mark.parametrize("function", ALL, ids=lambda function: function.name)
def test_the_error_is_within_the_bound_and_reaches_nine_tenths_of_it(
    function: Function, per_unit: int
) -> None:
    row = measure("", function, per_unit)
    assert row["boxes"] == (per_unit * function.length) ** function.dimensions
    assert 0.9 * row["bound"] <= row["max_error"] <= row["bound"] + 1e-12


def test_a_longer_wave_takes_more_neurons_and_a_steeper_one_has_a_larger_error() -> None:
    rows = [measure("", function, 32) for function in VARIATIONS]
    assert [row["neurons"] for row in rows] == [32, 32, 32, 64, 32]
    ratios = [row["max_error"] / rows[0]["max_error"] for row in rows]
    assert ratios == pytest.approx([1, 1, 2, 1, 2], rel=0.01)
