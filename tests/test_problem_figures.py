"""The figures of problems 1 to 3 show what they are about."""

from stages.problems.box_network import figures as box_figures
from stages.problems.box_network.errors import grid, tabulate_errors
from stages.problems.box_network.functions import FUNCTIONS, PYRAMIDS, WAVE
from stages.problems.box_network.step_network import approximate, boxes
from stages.problems.l1_regression import figures as l1_figures
from stages.problems.l1_regression.data import LINES, PAIRS, SAMPLES
from stages.problems.softmax_jacobian import figures as softmax_figures
from stages.problems.softmax_jacobian.jacobian import jacobian

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.lines import Line2D


def line(axes: Axes, label: str) -> Line2D:
    (found,) = [each for each in axes.lines if each.get_label() == label]
    return found


def labels(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_the_fit_shows_points_outliers_and_lines() -> None:
    x, y = np.array([1.0, 2, 3, 4]), np.array([5.0, 0, 7, 8])
    outliers, on_line = np.array([0, 1, 0, 0], bool), np.array([1, 0, 0, 1], bool)
    lines = np.array([[1, 2], [3, 4], [5, 6]])
    (axes,) = l1_figures.fit(x, y, outliers, on_line, lines).axes
    for label, (slope, intercept) in zip(
        ("true line", "minimum L1 loss", "least squares"), lines, strict=True
    ):
        ends = line(axes, label)
        np.testing.assert_allclose(ends.get_ydata(), slope * ends.get_xdata() + intercept)
        assert list(ends.get_xdata()) == [0, 10]
    for label, shown in (
        ("points", ~outliers),
        ("outliers", outliers),
        ("points on the line of minimum L1 loss", on_line),
    ):
        np.testing.assert_array_equal(line(axes, label).get_xydata(), np.array([x, y]).T[shown])


def test_the_slopes_of_the_loss_are_its_differences_and_zero_is_where_it_is_least() -> None:
    all_axes = l1_figures.subdifferential().axes
    count = len(SAMPLES)
    for loss_axes, slope_axes, sample in zip(
        all_axes[:count], all_axes[count:], SAMPLES.values(), strict=True
    ):
        t, loss = loss_axes.lines[0].get_data()
        np.testing.assert_array_equal(t[1:-1], sample)
        np.testing.assert_array_equal(loss, [sum(abs(each - y) for y in sample) for each in t])
        corners, slopes = (each.reshape(-1, 2).T for each in slope_axes.lines[0].get_data())
        np.testing.assert_array_equal(corners, [t[:-1], t[1:]])
        np.testing.assert_array_equal(slopes, [np.diff(loss) / np.diff(t)] * 2)
        for axes, height in ((loss_axes, min(loss)), (slope_axes, 0)):
            x, heights = axes.lines[-1].get_data()
            assert list(x) == list(t[loss == min(loss)])
            assert set(heights) == {height}


def test_the_lines_between_the_pairs_and_the_convergence_are_drawn() -> None:
    (axes,) = l1_figures.not_unique().axes
    *lines, points = axes.lines
    for drawn, (slope, intercept) in zip(lines, LINES, strict=True):
        np.testing.assert_allclose(drawn.get_ydata(), slope * drawn.get_xdata() + intercept)
    np.testing.assert_array_equal(points.get_xydata(), PAIRS)
    (axes,) = l1_figures.convergence([1.0, 0.1, 0.0]).axes
    assert list(axes.lines[0].get_ydata()) == [1, 0.1, 1e-12]
    assert axes.get_yscale() == "log"


def test_a_box_is_the_difference_of_two_steps() -> None:
    x = np.array([-1.0, 0, 0.5, 1, 2])
    neurons, difference = box_figures.box(3.0, 1.0, x, np.array([0, 3, 3, 0, 0])).axes
    left, right = (each.get_ydata() for each in neurons.lines)
    assert list(left) == [0, 3, 3, 3, 3]
    assert list(right) == [0, 0, 0, 3, 3]
    assert list(difference.lines[0].get_ydata()) == list(left - right)


def test_the_network_has_its_weights_and_biases_on_its_edges() -> None:
    left, right = box_figures.network(boxes(np.array([0.0]), np.array([0.5]), np.array([3.0]))).axes
    neurons = ["x", "step", "step", "Σ"]
    assert labels(left) == ["W1", "W3", "bias b1", "W2", "W4", "bias b2", *neurons]
    assert labels(right) == ["1", "3", "bias 0", "1", "-3", "bias -0.5", *neurons]
    places = {text.get_text(): text.get_position() for text in left.texts}
    edges = [each.get_xydata() for each in left.lines if len(each.get_xdata()) == 3]
    for (x, neuron, end), (before, after, bias) in zip(
        edges, (("W1", "W3", "bias b1"), ("W2", "W4", "bias b2")), strict=True
    ):
        assert (tuple(x), tuple(end)) == (places["x"], places["Σ"])
        assert places[before] == pytest.approx((x + neuron) / 2)
        assert places[after] == pytest.approx((neuron + end) / 2)
        assert places[bias][0] == neuron[0]
        assert places[bias][1] < neuron[1]


def test_approximations_are_boxes_as_high_as_the_wave_at_their_centres() -> None:
    figure = box_figures.approximations([4, 8])
    for axes, count in zip(figure.axes, (4, 8), strict=True):
        bars = axes.patches
        centres = np.array([bar.get_x() + bar.get_width() / 2 for bar in bars])
        assert len(bars) == count
        assert {bar.get_width() for bar in bars} == {1 / count}
        heights = [bar.get_height() for bar in bars]
        np.testing.assert_allclose(heights, WAVE.values(centres[:, np.newaxis]))
        wave = line(axes, WAVE.name)
        np.testing.assert_allclose(wave.get_ydata(), WAVE.values(grid(WAVE)))
        neurons = approximate(WAVE, count).neurons
        assert axes.get_title("left") == f"{count} boxes, {neurons} neurons"


def test_errors_are_against_widths_and_neurons_with_their_bounds() -> None:
    table = tabulate_errors([2, 4])
    figure = box_figures.errors(table)
    figure.draw_without_rendering()
    (axes,) = figure.axes
    bounds = [each for each in axes.lines if each.get_linestyle() == ":"][: len(FUNCTIONS)]
    for function, bound in zip(FUNCTIONS, bounds, strict=True):
        rows = table[(table["part"] == "widths") & (table["function"] == function.name)]
        errors = line(axes, function.name)
        for drawn, column in ((errors, "max_error"), (bound, "bound")):
            assert list(drawn.get_xdata()) == [1 / 2, 1 / 4]
            assert list(drawn.get_ydata()) == list(rows[column])
        assert bound.get_color() == errors.get_color()
    (second,) = axes.child_axes
    assert second.get_xlabel() == "neurons"
    for width in (1 / 2, 1 / 4):  # a width and its number of neurons are at one place
        places = second.transData.transform((2 / width, 0)), axes.transData.transform((width, 1))
        assert places[0][0] == pytest.approx(places[1][0])

    for axes, column in zip(box_figures.dimensions(table).axes, ("neurons", "bytes"), strict=True):
        for pyramid in PYRAMIDS:
            rows = table[table["function"] == pyramid.name]
            drawn = line(axes, f"d = {pyramid.dimensions}")
            assert list(drawn.get_xdata()) == list(rows["max_error"])
            assert list(drawn.get_ydata()) == list(rows[column])


def test_steps_and_second_layer_share_a_scale_and_an_orientation() -> None:
    steps, second = np.arange(9.0).reshape(3, 3), np.ones((3, 3))
    figure = box_figures.steps_in_two_dimensions(steps, second)
    pictures = [axes.images[0] for axes in figure.axes[:2]]
    for picture, values in zip(pictures, (steps, second), strict=True):
        np.testing.assert_array_equal(picture.get_array(), values)
        assert picture.get_clim() == (0, 2)
        assert picture.origin == "lower"
        assert picture.get_extent() == [0, 1, 0, 1]


def test_the_jacobian_is_shown_at_each_temperature_on_one_scale() -> None:
    logits = np.array([2.0, 0.0, -1.0])
    figure = softmax_figures.temperatures(logits, [0.5, 2.0])
    matrices = [jacobian(logits, temperature) for temperature in (0.5, 2.0)]
    limit = np.abs(matrices).max()
    for axes, matrix, temperature in zip(figure.axes, matrices, (0.5, 2), strict=False):
        np.testing.assert_array_equal(axes.images[0].get_array(), matrix)
        assert axes.images[0].get_clim() == (-limit, limit)
        assert axes.get_title("left") == f"T = {temperature}"
        shown = np.empty((3, 3), object)
        for text in axes.texts:
            column, row = text.get_position()
            shown[row, column] = text.get_text()
        assert shown.tolist() == [[f"{value:.2g}" for value in row] for row in matrix]
