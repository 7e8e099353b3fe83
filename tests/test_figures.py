"""Each figure shows the values that it is given, where they belong."""

from stages.plot import figures
from stages.plot.style import GREY, RED
from stages.results.summaries import calibration, calibration_error, confidence

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.text import Text

CLASSES = list("abc")


def history(epochs: int, validation: bool) -> pd.DataFrame:
    generator = np.random.default_rng(epochs)
    splits = ["train", *(["validation"] if validation else []), "test"]
    columns = {f"{split}_{name}": generator.random(epochs + 1) for split in splits
               for name in ("loss", "accuracy")}  # fmt: skip
    return pd.DataFrame({"epoch": np.arange(epochs + 1)} | columns)


def predictions(count: int = 60) -> pd.DataFrame:
    generator = np.random.default_rng(3)
    table = pd.DataFrame(generator.dirichlet([0.5] * 3, count), columns=CLASSES)
    table.insert(0, "prediction", table.idxmax(axis=1))
    table.insert(0, "label", generator.choice(CLASSES, count))
    return table


def images(count: int) -> np.ndarray:
    return np.random.default_rng(4).integers(0, 256, (count, 28, 28), dtype=np.uint8)


def line(axes: Axes, label: str) -> tuple[list[float], list[float]]:
    """The data of the only line of the axes whose label begins so."""
    (found,) = [each for each in axes.lines if each.get_label().startswith(label)]
    return list(found.get_xdata()), list(found.get_ydata())


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("validation", [True, False])
def test_loss_curves_are_those_of_the_history_with_the_best_epoch(validation: bool) -> None:
    table = history(40, validation)
    (axes,) = figures.loss_curves(table).axes
    splits = {"training": "train", "test": "test"}
    splits |= {"validation": "validation"} if validation else {}
    for label, name in splits.items():
        assert line(axes, label) == (list(table["epoch"]), list(table[f"{name}_loss"]))
    chosen = "validation" if validation else "test"
    best = table[f"{chosen}_loss"].idxmin()
    (x,), (y,) = line(axes, f"min {chosen} loss: ")
    assert (x, y) == (best, table[f"{chosen}_loss"][best])
    assert [best, best] in [list(each.get_xdata()) for each in axes.lines]  # the dotted line
    shown = table[[f"{name}_loss" for name in splits.values()]][5:]  # after a tenth of 40 epochs
    assert axes.get_ylim() == pytest.approx((0, 1.2 * shown.to_numpy().max()))
    assert f"{table['test_loss'][0]:.3f}" in axes.get_title("left")


def test_accuracy_curves_are_those_of_the_history_in_per_cent() -> None:
    table = history(40, validation=True)
    (axes,) = figures.accuracy_curve(table).axes
    for label, name in (("training", "train"), ("validation", "validation"), ("test", "test")):
        values = 100 * table[f"{name}_accuracy"]
        shown = f"{label}, last epoch: {values.iloc[-1]:.2f} %"
        assert line(axes, shown) == (list(table["epoch"]), list(values))
    shown = 100 * table[[f"{name}_accuracy" for name in ("train", "validation", "test")]][5:]
    assert axes.get_ylim() == pytest.approx(
        (shown.to_numpy().min() - 1, shown.to_numpy().max() + 1)
    )
    assert f"{100 * table['test_accuracy'][0]:.2f} %" in axes.get_title("left")


def test_a_comparison_has_each_recipe_after_a_tenth_of_its_epochs_and_what_was_reported() -> None:
    histories = {"plain": history(40, validation=False), "better": history(20, validation=True)}
    reported = {
        "history": [
            {"epoch": 0, "test_loss": 3.0, "test_accuracy": 0.1},
            {"epoch": 2, "test_loss": 0.5, "test_accuracy": 0.8},
        ],
        "best_epoch": 7,
    }
    loss_axes, accuracy_axes = figures.comparison(histories, reported).axes
    for number, (recipe, first) in enumerate((("plain", 5), ("better", 3))):
        shown = histories[recipe][first:]
        accuracies = 100 * shown["test_accuracy"]
        label = f"{recipe}: {accuracies.iloc[-1]:.2f} %"
        assert line(accuracy_axes, label) == (list(shown["epoch"]), list(accuracies))
        loss = loss_axes.lines[number]
        assert list(loss.get_xdata()) == list(shown["epoch"])
        assert list(loss.get_ydata()) == list(shown["test_loss"])
        assert loss.get_color() == accuracy_axes.lines[number].get_color()
    assert line(accuracy_axes, "reported by the author") == ([2], [80])
    assert list(loss_axes.lines[2].get_ydata()) == [0.5]
    assert line(loss_axes, "reported epoch of the min loss")[0] == [7, 7]
    legend = figures.comparison(histories, {}).legends[0]
    assert len(legend.get_texts()) == 2


def test_learning_rates_are_in_the_middle_of_the_epochs() -> None:
    (axes,) = figures.learning_rates({"one": [0.5, 1], "two": [1, 0.5, 0.25]}).axes
    assert line(axes, "one") == ([0.5, 1.5], [0.5, 1])
    assert line(axes, "two") == ([0.5, 1.5, 2.5], [1, 0.5, 0.25])


def test_the_units_of_the_first_layer_with_the_largest_norms_are_shown() -> None:
    weights = np.random.default_rng(5).normal(size=(20, 28, 28)) * np.arange(20)[:, None, None]
    drawn = [
        each
        for each in figures.first_layers({"few": weights[:3], "many": weights}).axes
        if each.get_title("left")
    ]  # not those of the colors
    for axes, name, expected in zip(
        drawn, ("few", "many"), (weights[2::-1], weights[:3:-1]), strict=True
    ):
        grid = axes.images[0].get_array().filled(np.nan)
        cells = [half for row in np.split(grid, 2) for half in np.split(row, 8, axis=1)]
        shown = [cell[1:29, 1:29] for cell in cells if not np.isnan(cell).all()]
        np.testing.assert_array_equal(shown, expected)
        limit = abs(expected).max()
        assert axes.images[0].get_clim() == (-limit, limit)
        assert axes.get_title("left") == name


def test_a_confusion_matrix_has_the_true_classes_as_rows() -> None:
    table = predictions()
    table.loc[table["label"] == "c", "label"] = "a"  # a class without images
    pairs = list(zip(table["label"], table["prediction"], strict=True))
    expected = np.array([[pairs.count((row, column)) for column in CLASSES] for row in CLASSES])
    (axes,) = figures.confusion_matrix(table, CLASSES).axes
    counts = np.zeros((3, 3), int)
    for text in axes.texts:
        column, row = text.get_position()
        counts[row, column] = int(text.get_text())
    np.testing.assert_array_equal(counts, expected)
    totals = np.maximum(expected.sum(axis=1, keepdims=True), 1)
    np.testing.assert_allclose(axes.images[0].get_array(), expected / totals)
    assert axes.images[0].get_clim() == (0, 1)
    for ticks in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [tick.get_text() for tick in ticks] == CLASSES


def test_predicted_images_have_their_classes_and_errors_are_red() -> None:
    table = predictions(10)
    shown = images(10)
    figure = figures.predicted_images(shown, table, "ten")
    assert len(figure.axes) == 16
    assert [bool(axes.images) for axes in figure.axes] == [True] * 10 + [False] * 6
    rows = table.assign(confidence=confidence(table)).itertuples()
    for axes, image, row in zip(figure.axes, shown, rows, strict=False):
        np.testing.assert_array_equal(axes.images[0].get_array(), image)
        assert axes.images[0].get_clim() == (0, 255)
        (title,) = [each for each in axes.findobj(Text) if "true" in each.get_text()]
        assert (
            title.get_text()
            == f"{row.prediction}\n{figures.probability(row.confidence)}\ntrue: {row.label}"
        )
        wrong = row.prediction != row.label
        assert (title.get_color() == RED) == wrong
        assert (axes.spines["left"].get_edgecolor() == to_rgba(RED)) == wrong


def test_a_probability_is_not_rounded_to_certainty() -> None:
    assert [figures.probability(p) for p in (1e-9, 0.00006, 0.5, 0.9999, 0.99996, 1)] == [
        "< 0.01 %", "0.01 %", "50.00 %", "99.99 %", "> 99.99 %", "> 99.99 %",
    ]  # fmt: skip


def test_class_probabilities_are_bars_below_their_image() -> None:
    table = predictions(3)
    shown = images(3)
    all_axes = figures.class_probabilities(shown, table).axes
    for above, below, image, (_, row) in zip(
        all_axes[:3], all_axes[3:], shown, table.iterrows(), strict=True
    ):
        np.testing.assert_array_equal(above.images[0].get_array(), image)
        assert above.get_title() == f"true: {row['label']}"
        assert [bar.get_width() for bar in below.patches] == [row[name] for name in CLASSES]
        assert texts(below) == [figures.probability(row[name]) for name in CLASSES]
        colors = [bar.get_facecolor() for bar in below.patches]
        assert [color != to_rgba(GREY) for color in colors] == [
            name == row["label"] for name in CLASSES
        ]
    bottom, top = all_axes[3].get_ylim()
    assert bottom > top  # the first class is the topmost


def test_the_first_image_of_each_class_is_shown() -> None:
    shown, labels = images(6), np.array([2, 1, 1, 0, 2, 0])
    all_axes = figures.classes_shown(shown, labels, CLASSES).axes
    found = [axes.images[0].get_array() for axes in all_axes]
    np.testing.assert_array_equal(found, shown[[3, 1, 0]])
    assert [axes.get_title() for axes in all_axes] == CLASSES


def test_reliability_shows_the_mean_of_each_bin() -> None:
    table = predictions(200)
    bins = calibration(table)
    (axes,) = figures.reliability(table).axes
    assert line(axes, "mean of a bin") == (list(bins["confidence"]), list(bins["accuracy"]))
    assert line(axes, "calibrated") == ([0, 1], [0, 1])
    assert texts(axes) == [f"{count:,.0f}" for count in bins["images"]]
    places = [text.get_position()[0] for text in axes.texts]
    assert places == pytest.approx([low + 0.05 for low in bins.index])
    assert axes.get_title("left").endswith(f": {100 * calibration_error(table):.2f} %")
