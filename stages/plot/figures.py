"""The figures of networks. Each function draws one and returns it; the caller saves it.

Images have shape (n, 28, 28), and the index of a table of predictions is that of their images.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from typing import Any

from stages.plot.style import GREY, RECIPES, RED, SPLITS, subplots
from stages.results import summaries
from stages.results.reading import classes_of

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure


def history(table: pd.DataFrame) -> Figure:
    """Draw losses and accuracies against epochs, with the best epoch marked."""
    figure, (loss_axes, accuracy_axes) = _loss_and_accuracy()
    for split, (label, color, style) in SPLITS.items():
        if f"{split}_loss" in table:
            accuracies = 100 * table[f"{split}_accuracy"]
            loss_axes.plot(table["epoch"], table[f"{split}_loss"], style, color=color)
            accuracy_axes.plot(table["epoch"], accuracies, style, color=color, label=label)
    by, best = summaries.selection_loss(table), table.loc[summaries.best_epoch(table)]
    label, color, _ = SPLITS[by.removesuffix("_loss")]
    label = f"minimum {label} loss: {best[by]:.4g}, after epoch {best['epoch']:.0f}"
    loss_axes.plot(best["epoch"], best[by], "o", color=color, label=label)
    _fit(loss_axes, accuracy_axes, [table])
    figure.legend(loc="outside lower center", ncols=4)
    return figure


def comparison(histories: Mapping[str, pd.DataFrame], reported: Mapping[str, Any]) -> Figure:
    """Draw loss and accuracy of each recipe, on training and test images, after the first tenth.

    `reported` is what the author reported, as in data/reported.yaml: perhaps a `history` of rows
    of epoch, test_accuracy and test_loss, and the `best_epoch`.
    """
    figure, (loss_axes, accuracy_axes) = _loss_and_accuracy()
    for color, (recipe, table) in zip(cycle(RECIPES), histories.items(), strict=False):
        for split in ("test", "train"):
            label, _, style = SPLITS[split]
            accuracies, label = 100 * table[f"{split}_accuracy"], f"{recipe}, {label}"
            loss_axes.plot(table["epoch"], table[f"{split}_loss"], style, color=color)
            accuracy_axes.plot(table["epoch"], accuracies, style, color=color, label=label)
    _fit(loss_axes, accuracy_axes, histories.values())
    columns = ["epoch", "test_loss", "test_accuracy"]
    points = pd.DataFrame(reported.get("history", []), columns=columns).query("epoch > 0")
    seen = "reported by the author, test" if len(points) else None
    loss_axes.plot(points["epoch"], points["test_loss"], "kx")
    accuracy_axes.plot(points["epoch"], 100 * points["test_accuracy"], "kx", label=seen)
    if best := reported.get("best_epoch"):
        label = "reported: the test loss rises from here on"
        loss_axes.axvline(best, color="k", linestyle=":", label=label)
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def _loss_and_accuracy() -> tuple[Figure, tuple[Axes, Axes]]:
    figure, (loss_axes, accuracy_axes) = subplots(1, 2, figsize=(9, 4.2))
    loss_axes.set(title="Loss", ylabel="mean cross entropy (nats)", xlabel="epoch")
    accuracy_axes.set(title="Accuracy", ylabel="accuracy (%)", xlabel="epoch")
    for axes in (loss_axes, accuracy_axes):
        axes.locator_params(axis="x", integer=True)
    return figure, (loss_axes, accuracy_axes)


def _fit(loss_axes: Axes, accuracy_axes: Axes, tables: Iterable[pd.DataFrame]) -> None:
    """Fit the axes to the epochs after the first tenth of each: those before are far off."""
    shown = pd.concat(each[each["epoch"] > each["epoch"].iloc[-1] / 10] for each in tables)
    accuracies = 100 * shown.filter(like="_accuracy")
    loss_axes.set_ylim(0, 1.2 * shown.filter(like="_loss").max(axis=None))
    accuracy_axes.set_ylim(accuracies.min(axis=None) - 1, accuracies.max(axis=None) + 1)


def confusion_matrices(predictions: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw each recipe's count of test images by true and predicted class, side by side."""
    width = 0.6 + 5.2 * len(predictions)
    figure, (panels,) = subplots(
        1, len(predictions), figsize=(width, 5.8), squeeze=False, sharey=True
    )
    figure.set_layout_engine("compressed")  # the other one cuts off titles of square panels
    for axes, (recipe, table) in zip(panels, predictions.items(), strict=True):
        classes = classes_of(table)
        codes = [pd.Categorical(table[name], classes).codes for name in ("label", "prediction")]
        counts = np.zeros((len(classes), len(classes)), int)
        np.add.at(counts, tuple(codes), 1)
        fractions = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axes.imshow(fractions, cmap="Blues", vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(counts):
            color = "white" if fractions[row, column] > 0.5 else "black" if count else "0.8"
            axes.text(column, row, count, ha="center", va="center", fontsize=9, color=color)
        rotation = 90 if max(map(len, classes)) > 1 else 0
        axes.set_xticks(range(len(classes)), classes, rotation=rotation)
        axes.set_yticks(range(len(classes)), classes)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set(title=recipe, xlabel="predicted class")
    panels[0].set_ylabel("true class")
    return figure


def probability(p: float) -> str:
    """Format a probability from a softmax in per cent: rounded to 0 or 1 it would mislead."""
    if p < 0.00005:
        return "< 0.01 %"
    return "> 99.99 %" if p >= 0.99995 else f"{100 * p:.2f} %"


def predicted_images(rows: Sequence[tuple[str, np.ndarray, pd.DataFrame]]) -> Figure:
    """Draw rows of up to eight predicted images, with both classes; errors in red.

    A row is its heading, the images, and the predictions of those to be drawn.
    """
    figure, grid = subplots(len(rows), 8, figsize=(9, 1.65 * len(rows)), squeeze=False)
    for all_axes, (heading, images, predictions) in zip(grid, rows, strict=True):
        all_axes[0].set_ylabel(heading, fontsize=10)
        shown = predictions.assign(confidence=summaries.confidence(predictions)).itertuples()
        for axes, row in zip(all_axes, shown, strict=False):
            color = RED if row.prediction != row.label else None
            title = f"{row.prediction}\n{probability(row.confidence)}\ntrue: {row.label}"
            axes.set_title(title, fontsize=8, color=color or "black")
            _show_image(axes, images[row.Index], color)
        for axes in all_axes[len(predictions) :]:
            axes.set_axis_off()
    return figure


def class_probabilities(images: np.ndarray, predictions: pd.DataFrame) -> Figure:
    """Draw the images of `summaries.examples`, each above its class probabilities.

    The bar of the predicted class is black, or red where it is wrong; that of the true class has
    a mark.
    """
    classes, examples = classes_of(predictions), summaries.examples(predictions)
    figure, (top, bottom) = subplots(
        2, len(examples), figsize=(9, 4.6), height_ratios=(2, 3), sharey="row", squeeze=False
    )
    for above, axes, (name, index) in zip(top, bottom, examples.items(), strict=True):
        label, prediction, *probabilities = predictions.loc[index]
        color = "black" if prediction == label else RED
        _show_image(above, images[index])
        above.set_title(f"{name}\npredicted: {prediction}", loc="center", fontsize=10, color=color)
        colors = [color if each == prediction else "0.75" for each in classes]
        bars = axes.barh(classes, probabilities, color=colors)
        marks = [" (true class)" if each == label else "" for each in classes]
        texts = [f"{probability(p)}{m}" for p, m in zip(probabilities, marks, strict=True)]
        axes.bar_label(bars, texts, padding=2, fontsize=8)
        axes.set(xlim=(0, 1.75), xticks=(0, 0.5, 1))
        axes.spines["bottom"].set_bounds(0, 1)
        axes.set_xlabel("probability", x=0.5 / 1.75)
        axes.tick_params(axis="y", length=0)
    bottom[0].invert_yaxis()
    return figure


def classes_shown(samples: Mapping[str, tuple[np.ndarray, np.ndarray, Sequence[str]]]) -> Figure:
    """Draw the first image of each class, a row for each data set: images, labels, classes."""
    count = max(len(classes) for *_, classes in samples.values())
    figure, grid = subplots(len(samples), count, figsize=(9, 1.3 * len(samples)), squeeze=False)
    for all_axes, (dataset, (images, labels, classes)) in zip(grid, samples.items(), strict=True):
        all_axes[0].set_ylabel(dataset, fontsize=8)
        for label, axes in enumerate(all_axes):
            _show_image(axes, images[np.argmax(labels == label)])
            axes.set_title(classes[label], loc="center", fontsize=9)
    return figure


def reliability(bins_by_recipe: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw each recipe's accuracy against its confidence, in bins, with 95 % intervals."""
    figure, (axes, below) = subplots(2, figsize=(6, 6), height_ratios=(3, 1), sharex=True)
    axes.plot([0, 1], [0, 1], ":", color=GREY, label="calibrated")
    for color, (recipe, bins) in zip(cycle(RECIPES), bins_by_recipe.items(), strict=False):
        margins = [bins["accuracy"] - bins["low"], bins["high"] - bins["accuracy"]]
        label = f"{recipe}: calibration error {100 * summaries.calibration_error(bins):.2f} %"
        places = bins["confidence"], bins["accuracy"]
        axes.errorbar(*places, margins, fmt="o", color=color, capsize=3, label=label)
        below.semilogy(bins["confidence"], bins["images"], "o", color=color)
    axes.set(ylabel="accuracy", xlim=(0, 1.02), ylim=(0, 1.02))
    below.set(xlabel="confidence", ylabel="images")
    figure.legend(loc="outside lower center")
    return figure


def _show_image(axes: Axes, image: np.ndarray, frame: str | None = None) -> None:
    axes.imshow(image, cmap="gray_r", vmin=0, vmax=255)
    axes.set(xticks=(), yticks=())
    axes.spines[:].set(visible=True, color=frame or "0.8", linewidth=2.5 if frame else 0.8)
