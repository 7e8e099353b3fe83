"""Each figure shows the values that it is given, where they belong."""

from stages.core.paths import Run
from stages.plot import __main__ as plot
from stages.plot import figures
from stages.plot.style import RED
from stages.problems.box_network import figures as box_figures
from stages.problems.box_network.errors import tabulate_errors
from stages.problems.box_network.functions import FUNCTIONS
from stages.problems.l1_regression import figures as l1_figures
from stages.problems.softmax_jacobian import figures as softmax_figures
from stages.problems.softmax_jacobian.jacobian import jacobian
from stages.results.intervals import calibration
from stages.results.reading import read_predictions
from stages.results.summaries import examples

import numpy as np
import pandas as pd
import pytest
from conftest import Project
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from torchvision.datasets.mnist import read_image_file

CLASSES = list("abc")
IMAGES = np.random.default_rng(4).integers(0, 256, (10, 28, 28), dtype=np.uint8)


def history(epochs: int, validation: bool = True) -> pd.DataFrame:
    """A history whose first tenth is far above all that follows."""
    generator = np.random.default_rng(epochs)
    splits = ["train", *(["validation"] if validation else []), "test"]
    columns = {f"{split}_{name}": generator.random(epochs + 1) for split in splits
               for name in ("loss", "accuracy")}  # fmt: skip
    table = pd.DataFrame(columns)
    table.iloc[: epochs // 10 + 1] += 9
    return table.reset_index(names="epoch")


def predictions(count: int = 10) -> pd.DataFrame:
    generator = np.random.default_rng(3)
    table = pd.DataFrame(generator.dirichlet([0.5] * 3, count), columns=CLASSES)
    table.insert(0, "prediction", table.idxmax(axis=1))
    table.insert(0, "label", generator.choice(CLASSES, count))
    return table


def data(drawn: Line2D) -> tuple[list[float], list[float]]:
    return list(drawn.get_xdata()), list(drawn.get_ydata())


def line(axes: Axes, label: str) -> tuple[list[float], list[float]]:
    """The data of the only line of the axes whose label begins so."""
    (found,) = [each for each in axes.lines if each.get_label().startswith(label)]
    return data(found)


def grid_of_texts(axes: Axes) -> list[list[str]]:
    """The texts on a square heat map, by row."""
    placed = {text.get_position()[::-1]: text.get_text() for text in axes.texts}
    size = range(round(len(placed) ** 0.5))
    return [[placed[row, column] for column in size] for row in size]


@pytest.mark.parametrize("selected", ["validation", "test"])
def test_curves_are_those_of_the_history(selected: str) -> None:
    table = history(40, validation=selected == "validation")
    losses, accuracies = figures.history(table).axes
    splits = {"training": "train", "test": "test", selected: selected}
    assert len(accuracies.lines) == len(losses.lines) - 1 == len(splits)
    for label, split in splits.items():
        in_per_cent = list(100 * table[f"{split}_accuracy"])
        assert line(accuracies, label) == (list(table["epoch"]), in_per_cent)
        curve = list(table["epoch"]), list(table[f"{split}_loss"])
        (drawn,) = [each for each in losses.lines if data(each) == curve]
        assert drawn.get_color() in [
            each.get_color() for each in accuracies.lines if each.get_label() == label
        ]
    best = table[f"{selected}_loss"].idxmin()
    assert line(losses, f"minimum {selected} loss: ") == ([best], [table[f"{selected}_loss"][best]])
    for axes, name, factor in ((losses, "loss", 1), (accuracies, "accuracy", 100)):
        low, high = axes.get_ylim()
        values = factor * table.filter(like=name).to_numpy()
        assert low <= values[5:].min() < values[5:].max() <= high < values[:5].min()


def test_a_comparison_has_each_recipe_after_a_tenth_of_its_epochs_and_what_was_reported() -> None:
    histories = {"plain": history(40, validation=False), "better": history(20)}
    first_rows = [{"epoch": 0, "test_loss": 3.0, "test_accuracy": 0.1}]
    rows = [*first_rows, {"epoch": 2, "test_loss": 0.5, "test_accuracy": 0.8}]
    losses, accuracies = figures.comparison(histories, {"history": rows, "best_epoch": 7}).axes
    for recipe, first in (("plain", 5), ("better", 3)):
        shown = histories[recipe][first:]
        for label, split in (("training", "train"), ("test", "test")):
            epochs, in_per_cent = list(shown["epoch"]), list(100 * shown[f"{split}_accuracy"])
            assert line(accuracies, f"{recipe}, {label}") == (epochs, in_per_cent)
            assert (epochs, list(shown[f"{split}_loss"])) in map(data, losses.lines)
    assert line(accuracies, "reported by the author") == ([2], [80])
    assert ([2], [0.5]) in map(data, losses.lines)
    assert line(losses, "reported epoch of the minimum")[0] == [7, 7]
    assert len(figures.comparison(histories, {}).legends[0].get_texts()) == 4


def test_a_confusion_matrix_has_the_true_classes_as_rows() -> None:
    table = predictions(60)
    table.loc[table["label"] == "c", "label"] = "a"  # a class without images
    pairs = list(zip(table["label"], table["prediction"], strict=True))
    counts = np.array([[pairs.count((row, column)) for column in CLASSES] for row in CLASSES])
    other, axes = figures.confusion_matrices({"other": table[:0], "this": table}).axes
    assert [each.get_title("left") for each in (other, axes)] == ["other", "this"]
    assert grid_of_texts(axes) == counts.astype(str).tolist()
    shares = axes.images[0].get_array()
    np.testing.assert_allclose(shares * counts.sum(axis=1, keepdims=True), counts)
    assert axes.images[0].get_clim() == (0, 1)
    for ticks in (axes.get_xticklabels(), other.get_yticklabels()):
        assert [tick.get_text() for tick in ticks] == CLASSES


def test_predicted_images_have_their_classes_and_errors_are_red() -> None:
    table = predictions().sort_values("a")
    rows = [("this", IMAGES, table.head(8)), ("that", 255 - IMAGES, table.head(2))]
    all_axes = figures.predicted_images(rows).axes
    assert [axes.get_ylabel() for axes in all_axes[::8]] == ["this", "that"]
    assert [len(axes.images) for axes in all_axes] == [1] * 10 + [0] * 6
    for axes, row in zip(all_axes, table.head(8).itertuples(), strict=False):
        image = IMAGES[row.Index]
        np.testing.assert_array_equal(axes.images[0].get_array(), image)
        (title,) = [each for each in axes.findobj(Text) if "true" in each.get_text()]
        confidence = figures.probability(max(row.a, row.b, row.c))
        assert title.get_text().split("\n") == [row.prediction, confidence, f"true: {row.label}"]
        wrong = row.prediction != row.label
        assert (title.get_color() == RED) == wrong
        assert (axes.spines["left"].get_edgecolor() == to_rgba(RED)) == wrong


def test_a_probability_is_not_rounded_to_certainty() -> None:
    assert [figures.probability(p) for p in (1e-9, 0.00006, 0.5, 0.9999, 0.99996, 1)] == [
        "< 0.01 %", "0.01 %", "50.00 %", "99.99 %", "> 99.99 %", "> 99.99 %",
    ]  # fmt: skip


def test_class_probabilities_are_bars_below_their_image() -> None:
    table, examples = predictions(), {"one": 4, "other": 0, "third": 7}
    all_axes = figures.class_probabilities(IMAGES, table, examples).axes
    for above, below, (name, index) in zip(
        all_axes[:3], all_axes[3:], examples.items(), strict=True
    ):
        row = table.loc[index]
        color = to_rgba("black" if row["label"] == row["prediction"] else RED)
        np.testing.assert_array_equal(above.images[0].get_array(), IMAGES[index])
        assert above.get_title() == f"{name}\npredicted: {row['prediction']}"
        assert [bar.get_width() for bar in below.patches] == list(row[CLASSES])
        shown, texts = zip(*(t.get_text().partition(" (")[::2] for t in below.texts), strict=True)
        assert list(shown) == [figures.probability(p) for p in row[CLASSES]]
        assert [text == "true class)" for text in texts] == [c == row["label"] for c in CLASSES]
        colored = [bar.get_facecolor() == color for bar in below.patches]
        assert colored == [each == row["prediction"] for each in CLASSES]
    bottom, top = all_axes[3].get_ylim()
    assert bottom > top  # the first class is the topmost


def test_the_first_image_of_each_class_is_shown() -> None:
    samples = {"one": (IMAGES, np.array([0, 1, 2]), CLASSES)}
    samples |= {"two": (IMAGES[:6], np.array([2, 1, 1, 0, 2, 0]), CLASSES)}
    all_axes = figures.classes_shown(samples).axes
    found = [axes.images[0].get_array() for axes in all_axes]
    np.testing.assert_array_equal(found, IMAGES[[0, 1, 2, 3, 1, 0]])
    assert [axes.get_title() for axes in all_axes] == 2 * CLASSES
    assert [axes.get_ylabel() for axes in all_axes[::3]] == ["one", "two"]


def test_reliability_shows_the_mean_of_each_bin_and_its_interval() -> None:
    table = pd.DataFrame({"label": list("abaaaa"), "prediction": list("abbaaa")})
    table["a"] = [0.75, 0.25, 0.125, 1, 1, 1]
    table["b"] = 1 - table["a"]
    (axes,) = figures.reliability(
        {"other": calibration(table[:1]), "this": calibration(table)}
    ).axes
    _, drawn = axes.containers
    assert data(drawn.lines[0]) == ([0.75, 0.875, 1], [1, 0, 1])
    ends = [segment[:, 1] for segment in drawn.lines[2][0].get_segments()]
    # Wilson's interval ends where (p - k/n)^2 = z^2 p (1 - p) / n
    for (low, high), k, n in zip(ends, (2, 0, 3), (2, 1, 3), strict=True):
        for p in (low, high):
            assert (p - k / n) ** 2 == pytest.approx(1.959964**2 * p * (1 - p) / n, abs=1e-6)
        assert high - low > 0.5
    assert drawn.get_label() == "this: calibration error 22.92 %"  # (2 * 0.25 + 0.875) / 6
    assert line(axes, "calibrated") == ([0, 1], [0, 1])


def test_a_run_shows_its_last_images_and_three_examples(
    reproduced: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(reproduced.folder)
    drawn: dict[str, Figure] = {}
    monkeypatch.setattr(plot, "save_figures", lambda _, figures: drawn.update(figures))
    plot.main("numpy_network", "baseline", "MNIST")
    table = read_predictions(Run("numpy_network", "baseline"))
    images = read_image_file("data/MNIST/raw/t10k-images-idx3-ubyte").numpy()
    for name, expected in (
        ("last_test_batch", table.index[-16:]),
        ("class_probabilities", list(examples(table).values())),
    ):
        shown = [axes.images[0].get_array() for axes in drawn[name].axes if axes.images]
        np.testing.assert_array_equal(shown, images[expected])


def test_the_fit_shows_points_outliers_and_lines() -> None:
    x, y = np.array([1.0, 2, 3, 4]), np.array([5.0, 0, 7, 8])
    outliers, on_line = np.array([0, 1, 0, 0], bool), np.array([1, 0, 0, 1], bool)
    lines = np.array([[1, 2], [3, 4], [5, 6]])
    (axes,) = l1_figures.fit(x, y, outliers, on_line, lines).axes
    assert line(axes, "true line") == ([0, 10], [2, 12])
    assert line(axes, "minimum L1 loss") == ([0, 10], [4, 34])
    assert line(axes, "least squares") == ([0, 10], [6, 56])
    assert line(axes, "points on") == ([1, 4], [5, 8])
    assert line(axes, "outliers") == ([2], [0])
    assert data(axes.lines[3]) == ([1, 3, 4], [5, 7, 8])


def test_the_slopes_of_the_loss_are_its_differences_and_zero_is_where_it_is_least() -> None:
    all_axes = l1_figures.subdifferential().axes
    for loss_axes, slope_axes in zip(all_axes[:2], all_axes[2:], strict=True):
        t, loss = loss_axes.lines[0].get_data()
        assert loss.tolist() == [sum(abs(each - y) for y in t[1:-1]) for each in t]
        corners, slopes = (each.reshape(-1, 2).T for each in slope_axes.lines[0].get_data())
        np.testing.assert_array_equal(corners, [t[:-1], t[1:]])
        np.testing.assert_array_equal(slopes, [np.diff(loss) / np.diff(t)] * 2)
        for axes, height in ((loss_axes, min(loss)), (slope_axes, 0)):
            x, heights = axes.lines[-1].get_data()
            assert list(x) == list(t[loss == min(loss)])
            assert set(heights) == {height}


def test_a_line_of_the_minimum_loss_stays_in_the_region_and_another_does_not() -> None:
    (axes,) = l1_figures.not_unique().axes
    inside = [axes.collections[0].get_paths()[0].contains_points(each.get_xydata(), radius=1e-9)
              for each in axes.lines[:2]]  # fmt: skip
    assert [each.all() for each in inside] == [True, False]
    for drawn in axes.lines[:2]:
        at_the_pairs = np.interp([0, 1], *drawn.get_data())
        loss = sum(abs(at_the_pairs) + abs(at_the_pairs - 1))
        assert drawn.get_label().endswith(f": loss {loss:g}")
    assert sorted(axes.lines[2].get_xydata().tolist()) == [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_approximations_are_boxes_as_high_as_the_wave_at_their_centres() -> None:
    for axes, count in zip(box_figures.approximations([4, 8]).axes, (4, 8), strict=True):
        centres = (np.arange(count) + 0.5) / count
        bars = axes.patches
        np.testing.assert_allclose([bar.get_x() + bar.get_width() / 2 for bar in bars], centres)
        heights = [bar.get_height() for bar in bars]
        np.testing.assert_allclose(heights, np.sin(2 * np.pi * centres), atol=1e-12)
        x, wave = axes.lines[0].get_data()
        np.testing.assert_allclose(wave, np.sin(2 * np.pi * x.ravel()), atol=1e-12)
        assert axes.get_title("left") == f"{count} boxes, {count} neurons"


def test_errors_are_against_neurons_with_their_bounds() -> None:
    table = tabulate_errors([2, 4])
    (axes,) = box_figures.errors(table).axes
    bounds = [each for each in axes.lines if each.get_linestyle() == ":"]
    for function, bound in zip(FUNCTIONS, bounds, strict=False):
        rows = table[(table["part"] == "widths") & (table["function"] == function.name)]
        assert line(axes, function.name) == ([2, 4], list(rows["max_error"]))
        assert data(bound) == ([2, 4], list(rows["bound"]))
    assert [each.get_text() for each in axes.get_xticklabels()] == ["2", "4"]
    (axes,) = box_figures.dimensions(table).axes
    for d in (1, 2, 3):
        rows = table[(table["part"] == "dimensions") & (table["dimensions"] == d)]
        assert line(axes, f"d = {d}") == (list(1 / rows["max_error"]), list(rows["neurons"]))


def test_the_jacobian_is_shown_at_each_temperature_on_one_scale() -> None:
    logits, temperatures = np.array([2.0, 0.0, -1.0]), [0.5, 2.0]
    matrices = [jacobian(logits, each) for each in temperatures]
    limit = np.abs(matrices).max()
    figure = softmax_figures.temperatures(logits, temperatures)
    for axes, matrix, temperature in zip(figure.axes, matrices, temperatures, strict=False):
        np.testing.assert_array_equal(axes.images[0].get_array(), matrix)
        assert axes.images[0].get_clim() == (-limit, limit)
        assert grid_of_texts(axes) == [[f"{value:.2g}" for value in row] for row in matrix]
        assert axes.get_title("left") == f"T = {temperature:g}"
