"""Each figure shows the values that it is given, where they belong."""

from stages.core.paths import Run
from stages.plot import __main__ as plot
from stages.plot import figures
from stages.plot.style import RED
from stages.results.intervals import calibration
from stages.results.reading import read_predictions
from stages.results.summaries import examples

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from torchvision.datasets.mnist import read_image_file

CLASSES = list("abc")
IMAGES = np.random.default_rng(4).integers(0, 256, (10, 28, 28), dtype=np.uint8)


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


@pytest.mark.parametrize("selected", ["validation", "test"])
def test_curves_are_those_of_the_history(selected: str) -> None:
    splits = {"training": "train", "test": "test", selected: selected}
    columns = [f"{split}_{name}" for split in splits.values() for name in ("loss", "accuracy")]
    table = pd.DataFrame(np.random.default_rng(40).random((41, len(columns))), columns=columns)
    table.iloc[:5] += 9  # the first tenth is far above all that follows
    table = table.reset_index(names="epoch")
    losses, accuracies = figures.history(table).axes
    assert len(accuracies.lines) == len(losses.lines) - 1 == len(splits)
    for label, split in splits.items():
        in_per_cent = list(100 * table[f"{split}_accuracy"])
        assert line(accuracies, label) == (list(table["epoch"]), in_per_cent)
        curve = list(table["epoch"]), list(table[f"{split}_loss"])
        (drawn,) = [each for each in losses.lines if data(each) == curve]
        (color,) = [each.get_color() for each in accuracies.lines if each.get_label() == label]
        assert drawn.get_color() == color
    best = table[f"{selected}_loss"].idxmin()
    assert line(losses, f"minimum {selected} loss: ") == ([best], [table[f"{selected}_loss"][best]])
    for axes, name, factor in ((losses, "loss", 1), (accuracies, "accuracy", 100)):
        low, high = axes.get_ylim()
        values = factor * table.filter(like=name).to_numpy()
        assert low <= values[5:].min() < values[5:].max() <= high < values[:5].min()


def test_the_first_image_of_each_class_stands_below_its_name() -> None:
    labels = np.array([2, 1, 1, 2, 0, 1, 0, 2, 0, 1])
    samples = {"this": (IMAGES, labels, CLASSES), "that": (IMAGES, labels[::-1], CLASSES)}
    all_axes = figures.classes_shown(samples).axes
    assert [axes.get_ylabel() for axes in all_axes[::3]] == ["this", "that"]
    assert [axes.get_title() for axes in all_axes] == 2 * CLASSES
    for axes, index in zip(all_axes, [4, 1, 0, 1, 0, 2], strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array(), IMAGES[index])
    assert len(figures.classes_shown({"one": samples["this"]}).axes) == len(CLASSES)


def test_a_confusion_matrix_has_the_true_classes_as_rows() -> None:
    table = predictions(60)
    table.loc[table["label"] == "c", "label"] = "a"  # a class without images
    pairs = list(zip(table["label"], table["prediction"], strict=True))
    counts = np.array([[pairs.count((row, column)) for column in CLASSES] for row in CLASSES])
    other, axes = figures.confusion_matrices({"other": table[:0], "this": table}).axes
    assert [each.get_title("left") for each in (other, axes)] == ["other", "this"]
    texts = {text.get_position()[::-1]: text.get_text() for text in axes.texts}
    assert texts == {place: str(count) for place, count in np.ndenumerate(counts)}
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
    texts = ["< 0.01 %", "0.01 %", "50.00 %", "99.99 %", "> 99.99 %", "> 99.99 %"]
    assert [figures.probability(p) for p in (1e-9, 0.00006, 0.5, 0.9999, 0.99996, 1)] == texts


def test_class_probabilities_are_bars_below_their_image() -> None:
    table = predictions()
    all_axes = figures.class_probabilities(IMAGES, table).axes
    columns = zip(all_axes[:3], all_axes[3:], examples(table).items(), strict=True)
    for above, below, (name, index) in columns:
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


def test_reliability_shows_the_mean_of_each_bin_and_its_interval() -> None:
    table = pd.DataFrame({"label": list("abaaaa"), "prediction": list("abbaaa")})
    table["a"] = [0.75, 0.25, 0.125, 1, 1, 1]
    table["b"] = 1 - table["a"]
    bins = {"other": calibration(table[:1]), "this": calibration(table)}
    axes, below = figures.reliability(bins).axes
    _, drawn = axes.containers
    assert data(drawn.lines[0]) == ([0.75, 0.875, 1], [1, 0, 1])
    ends = [tuple(segment[:, 1]) for segment in drawn.lines[2][0].get_segments()]
    np.testing.assert_allclose(ends, bins["this"][["low", "high"]])
    assert drawn.get_label() == "this: calibration error 22.92 %"  # (2 * 0.25 + 0.875) / 6
    assert line(axes, "calibrated") == ([0, 1], [0, 1])
    assert data(below.lines[1]) == ([0.75, 0.875, 1], [2, 1, 3])


@pytest.mark.usefixtures("here")
def test_a_run_shows_its_last_images_and_three_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: dict[str, Figure] = {}
    monkeypatch.setattr(plot, "save_figures", lambda _, figures: drawn.update(figures))
    plot.main("numpy_network", "baseline", "MNIST")
    table = read_predictions(Run("numpy_network", "baseline"))
    images = read_image_file("data/MNIST/raw/t10k-images-idx3-ubyte").numpy()
    three = list(examples(table).values())
    for name, expected in (("last_test_batch", table.index[-16:]), ("class_probabilities", three)):
        shown = [axes.images[0].get_array() for axes in drawn[name].axes if axes.images]
        np.testing.assert_array_equal(shown, images[expected])
