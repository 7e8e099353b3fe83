"""Problem 2: networks against the functions that they approximate, and errors against bounds."""

from stages.problems.box_network.errors import max_error, measure
from stages.problems.box_network.functions import FUNCTIONS, PYRAMIDS, VARIATIONS, WAVE, Function
from stages.problems.box_network.step_network import StepNetwork, approximate, box_grid, boxes

import numpy as np
import pytest

ALL = [*FUNCTIONS, *VARIATIONS, *PYRAMIDS]


def at_the_centres(function: Function, count: int, points: np.ndarray) -> np.ndarray:
    """What a sum of boxes should give: the value at the centre of the box around a point."""
    width = function.length / count
    return function.values((np.floor(points / width) + 0.5) * width)


def random_points(function: Function, count: int = 500) -> np.ndarray:
    generator = np.random.default_rng(5)
    return generator.uniform(0, function.length, (count, function.dimensions))


def test_a_box_is_two_neurons_and_contains_its_left_edge_only() -> None:
    network = boxes(np.array([0.0]), np.array([0.5]), np.array([3.0]))
    ((weights, biases),) = network.hidden
    assert (weights.tolist(), biases.tolist()) == ([[1], [1]], [0, -0.5])
    assert network.output.tolist() == [3, -3]
    x = np.array([[-1e-9], [0], [0.25], [0.5 - 1e-9], [0.5], [9]])
    assert network(x).tolist() == [0, 3, 3, 3, 0, 0]


@pytest.mark.parametrize("function", [*FUNCTIONS, VARIATIONS[3]], ids=lambda f: f.name)
def test_a_sum_of_boxes_has_the_value_at_each_boxs_centre(function: Function) -> None:
    points = random_points(function)
    network = approximate(function, 10)
    np.testing.assert_allclose(
        network(points), at_the_centres(function, 10, points), rtol=0, atol=1e-13
    )
    assert len(network.hidden) == 1
    assert network.neurons == 20


def test_the_interval_does_not_contain_its_end() -> None:
    function = FUNCTIONS[2]
    assert approximate(function, 8)(np.array([[1.0]])).tolist() == [0]
    error = max_error(approximate(function, 8), function)
    assert error == pytest.approx(function.modulus(1 / 16), rel=1e-12)


@pytest.mark.parametrize("function", PYRAMIDS[1:], ids=lambda f: f.name)
def test_a_grid_of_boxes_has_the_value_at_each_boxs_centre(function: Function) -> None:
    d = function.dimensions
    points = random_points(function)
    network = approximate(function, 6)
    np.testing.assert_allclose(
        network(points), at_the_centres(function, 6, points), rtol=0, atol=1e-13
    )
    assert [len(bias) for _, bias in network.hidden] == [7 * d, 6**d]
    assert network.bytes == 8 * (7 * d * (d + 1) + 6**d * (7 * d + 1) + 6**d)


@pytest.mark.parametrize("function", ALL, ids=lambda f: f.name)
def test_no_function_changes_more_than_its_modulus_allows(function: Function) -> None:
    generator = np.random.default_rng(6)
    points = random_points(function, 5000)
    for distance in (0.7, 0.1, 0.01):
        others = points + generator.uniform(-distance, distance, points.shape)
        others = others.clip(0, function.length)
        changes = np.abs(function.values(points) - function.values(others))
        assert changes.max() <= function.modulus(distance) + 1e-12
    assert np.abs(function.values(points)).max() <= function.max_value


@pytest.mark.parametrize("function", ALL, ids=lambda f: f.name)
@pytest.mark.parametrize("per_unit", [5, 8])
def test_the_error_is_within_the_bound_and_reaches_half_of_it(
    function: Function, per_unit: int
) -> None:
    row = measure("", function, per_unit)
    assert row["boxes"] == (per_unit * function.length) ** function.dimensions
    assert 0.5 * row["bound"] <= row["max_error"] <= row["bound"] + 1e-12


def test_a_wider_box_breaks_the_bound_of_a_narrower_one() -> None:
    """So the test above can fail."""
    assert max_error(approximate(WAVE, 8), WAVE) > WAVE.modulus(1 / 10 / 2)


def test_what_the_number_of_neurons_depends_on() -> None:
    wave, moved, scaled, longer, faster = (measure("", function, 32) for function in VARIATIONS)
    neurons = [row["neurons"] for row in (wave, moved, scaled, longer, faster)]
    assert neurons == [64, 64, 64, 128, 64]
    assert moved["max_error"] == pytest.approx(wave["max_error"])
    assert longer["max_error"] == pytest.approx(wave["max_error"])
    assert scaled["max_error"] == pytest.approx(2 * wave["max_error"])
    assert faster["max_error"] == pytest.approx(2 * wave["max_error"], rel=0.01)


def test_steps_of_single_coordinates_are_no_box_and_a_second_layer_makes_one() -> None:
    second_layer = box_grid(np.array([0.25, 0.75]), np.ones((1, 1)))
    first, (signs, _) = second_layer.hidden
    steps = StepNetwork([first], signs[0])
    points = np.array([[0.5, 0.5], [0.5, 0.9], [0.1, 0.5], [0.1, 0.9]])
    assert steps(points).tolist() == [2, 1, 1, 0]
    assert second_layer(points).tolist() == [1, 0, 0, 0]
    drawn = np.random.default_rng(7).uniform(0, 1, (1000, 2))
    inside = ((drawn >= 0.25) & (drawn < 0.75)).all(axis=1)
    assert (second_layer(drawn) == inside).all()
