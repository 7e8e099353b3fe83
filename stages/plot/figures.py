"""The figures of runs. Each function draws one and returns it; the caller saves it."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

from stages.plot.style import BLUE, GREEN, GREY, ORANGE, RED, subplots
from stages.results import summaries
from stages.results.reading import classes_of

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

SPLITS = {
    "train": ("training", ORANGE, "--"),
    "validation": ("validation", GREEN, "-."),
    "test": ("test", BLUE, "-"),
}  # each with its label, color and line style
LINE_STYLES = ("-", "--", "-.", ":")  # of recipes


def loss_curves(history: pd.DataFrame) -> Figure:
    """Draw the losses against epochs, with the best epoch marked.

    The loss axis is made for the epochs after the first tenth: the losses before are far above.
    """
    figure, axes = subplots(figsize=(7, 4))
    for name, losses in history.filter(like="_loss").items():
        label, color, style = SPLITS[name.removesuffix("_loss")]
        axes.plot(history["epoch"], losses, style, label=label, color=color)
    by, best = summaries.selection_loss(history), history.loc[summaries.best_epoch(history)]
    label, color, _ = SPLITS[by.removesuffix("_loss")]
    label = f"min {label} loss: {best[by]:.4g}, after epoch {best['epoch']:.0f}"
    axes.axvline(best["epoch"], color=GREY, linestyle=":", zorder=0)
    axes.plot(best["epoch"], best[by], "o", color=color, label=label)
    axes.set(
        title=f"Loss (untrained network, test: {history['test_loss'].iloc[0]:.4g})",
        ylabel="mean cross entropy (nats)",
        ylim=(0, 1.2 * _after_the_first_tenth(history).filter(like="_loss").max(axis=None)),
    )
    _number_epochs(figure)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def accuracy_curve(history: pd.DataFrame) -> Figure:
    """Draw the accuracies against epochs; the axis is made for those after the first tenth."""
    figure, axes = subplots(figsize=(7, 4))
    for name, accuracies in (100 * history.filter(like="_accuracy")).items():
        label, color, style = SPLITS[name.removesuffix("_accuracy")]
        label = f"{label}, last epoch: {accuracies.iloc[-1]:.2f} %"
        style = f"o{style}"
        axes.plot(history["epoch"], accuracies, style, markevery=[-1], color=color, label=label)
    shown = 100 * _after_the_first_tenth(history).filter(like="_accuracy")
    axes.set(
        title=f"Accuracy (untrained network, test: {100 * history['test_accuracy'].iloc[0]:.2f} %)",
        ylabel="accuracy (%)",
        ylim=(shown.min(axis=None) - 1, shown.max(axis=None) + 1),
    )
    _number_epochs(figure)
    figure.legend(loc="outside lower center", ncols=2, handlelength=5)
    return figure


def _after_the_first_tenth(history: pd.DataFrame) -> pd.DataFrame:
    return history[history["epoch"] > history["epoch"].iloc[-1] / 10]


def _number_epochs(figure: Figure) -> None:
    for axes in figure.axes:
        axes.set_xlabel("epoch")
        axes.locator_params(axis="x", integer=True)


def comparison(histories: Mapping[str, pd.DataFrame], reported: Mapping[str, Any]) -> Figure:
    """Draw test loss and accuracy after the first tenth of the epochs, one curve per recipe.

    `reported` is what the author reported, as in data/reported.yaml: perhaps a `history` of rows
    of epoch, test_accuracy and test_loss, and the `best_epoch`.
    """
    figure, (loss_axes, accuracy_axes) = subplots(1, 2, figsize=(9, 4))
    for style, (recipe, history) in zip(cycle(LINE_STYLES), histories.items(), strict=False):
        shown = _after_the_first_tenth(history)
        epochs, accuracy = shown["epoch"], 100 * shown["test_accuracy"]
        label = f"{recipe}: {accuracy.iloc[-1]:.2f} %"
        loss_axes.plot(epochs, shown["test_loss"], f".{style}", markevery=[-1])
        accuracy_axes.plot(epochs, accuracy, f".{style}", markevery=[-1], label=label)
    columns = ["epoch", "test_loss", "test_accuracy"]
    points = pd.DataFrame(reported.get("history", []), columns=columns).query("epoch > 0")
    seen = "reported by the author" if len(points) else None
    loss_axes.plot(points["epoch"], points["test_loss"], "kx")
    accuracy_axes.plot(points["epoch"], 100 * points["test_accuracy"], "kx", label=seen)
    if best := reported.get("best_epoch"):
        loss_axes.axvline(best, color="k", linestyle=":", label="reported epoch of the min loss")
    loss_axes.set(title="Test loss", ylabel="mean cross entropy (nats)")
    accuracy_axes.set(title="Test accuracy", ylabel="accuracy (%)")
    _number_epochs(figure)
    figure.legend(loc="outside lower center", ncols=4)
    return figure


def learning_rates(fractions: Mapping[str, Sequence[float]]) -> Figure:
    """Draw learning rates as fractions of their max, one curve per recipe, a point per epoch.

    A point is the rate in the middle of the epoch.
    """
    figure, axes = subplots(figsize=(7, 2.6))
    for style, (label, values) in zip(cycle(LINE_STYLES), fractions.items(), strict=False):
        # Rounded: further digits depend on the processor, and can change a pixel.
        axes.plot(np.arange(len(values)) + 0.5, np.round(values, 6), style, label=label)
    axes.set(title="Learning rate", ylabel="fraction of its max", ylim=(0, 1.05))
    _number_epochs(figure)
    figure.legend(loc="outside right center")
    return figure


def first_layers(weights: Mapping[str, np.ndarray]) -> Figure:
    """Draw the weights, (units, 28, 28), of 16 units of each recipe's first layer as images.

    The units are those of the largest norms.
    """
    figure, all_axes = subplots(len(weights), figsize=(9, 2.3 * len(weights)), squeeze=False)
    for axes, (recipe, images) in zip(all_axes.flat, weights.items(), strict=True):
        norms = np.linalg.norm(images.astype(float), axis=(1, 2))
        shown = images[np.argsort(-norms, kind="stable")[:16]]
        limit = np.abs(shown).max()
        grid = np.full((16, 30, 30), np.nan)  # each image with a margin
        grid[: len(shown), 1:29, 1:29] = shown
        rows = grid.reshape(2, 8, 30, 30).swapaxes(1, 2).reshape(60, 240)
        drawn = axes.imshow(rows, cmap="RdBu", vmin=-limit, vmax=limit)
        axes.set_title(recipe)
        axes.set_axis_off()
        figure.colorbar(drawn, ax=axes, label="weight")
    return figure


def confusion_matrix(predictions: pd.DataFrame, classes: Sequence[str]) -> Figure:
    """Draw the confusion matrix: the count of test images by true and predicted class."""
    codes = [pd.Categorical(predictions[name], classes).codes for name in ("label", "prediction")]
    counts = np.zeros((len(classes), len(classes)), int)
    np.add.at(counts, tuple(codes), 1)
    fractions = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axes = subplots(figsize=(7, 6.3))
    axes.imshow(fractions, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        color = "white" if fractions[row, column] > 0.5 else "black" if count else "0.8"
        axes.text(column, row, count, ha="center", va="center", fontsize=9, color=color)
    axes.set_xticks(range(len(classes)), classes, rotation=45 if max(map(len, classes)) > 1 else 0)
    axes.set_yticks(range(len(classes)), classes)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title("Confusion matrix of the test images")
    axes.set(xlabel="predicted class", ylabel="true class")
    return figure


def probability(p: float) -> str:
    """Format a probability from a softmax in per cent: rounded to 0 or 1 it would mislead."""
    if p < 0.00005:
        return "< 0.01 %"
    return "> 99.99 %" if p >= 0.99995 else f"{100 * p:.2f} %"


def predicted_images(images: np.ndarray, predictions: pd.DataFrame, heading: str) -> Figure:
    """Draw the images, of (n, 28, 28), of up to 16 predictions, with both classes; errors in red.

    The index of the predictions is that of their images.
    """
    figure, all_axes = subplots(2, 8, figsize=(9, 4.3))
    figure.suptitle(heading, x=0.01, ha="left")
    for axes in all_axes.flat:
        axes.set_axis_off()
    rows = predictions.assign(confidence=summaries.confidence(predictions)).itertuples()
    for axes, row in zip(all_axes.flat, rows, strict=False):
        color = RED if row.prediction != row.label else None
        title = f"{row.prediction}\n{probability(row.confidence)}\ntrue: {row.label}"
        axes.set_title(title, fontsize=8, color=color or "black")
        _show_image(axes, images[row.Index], color)
    return figure


def class_probabilities(images: np.ndarray, predictions: pd.DataFrame) -> Figure:
    """Draw the images, of (n, 28, 28), of a few predictions, each above its class probabilities.

    The index of the predictions is that of their images.
    """
    classes = classes_of(predictions)
    figure, (top, bottom) = subplots(
        2, len(predictions), figsize=(9, 5), height_ratios=(2, 3), sharey="row"
    )
    rows = zip(top, bottom, predictions.iterrows(), strict=True)
    for above, axes, (index, (label, _, *probabilities)) in rows:
        _show_image(above, images[index])
        above.set_title(f"true: {label}", loc="center", fontsize=10)
        colors = [BLUE if name == label else GREY for name in classes]
        bars = axes.barh(classes, probabilities, color=colors)
        axes.bar_label(bars, [probability(p) for p in probabilities], padding=2, fontsize=7)
        axes.set(xlim=(0, 1.25), xticks=(0, 0.5, 1), xlabel="probability")
        axes.tick_params(axis="y", length=0)
    bottom[0].invert_yaxis()
    return figure


def classes_shown(images: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> Figure:
    """Draw the first image, (28, 28), of each class."""
    figure, all_axes = subplots(1, len(classes), figsize=(9, 1.4))
    for label, axes in enumerate(all_axes):
        _show_image(axes, images[np.argmax(labels == label)])
        axes.set_title(classes[label], loc="center", fontsize=9)
    return figure


def reliability(predictions: pd.DataFrame) -> Figure:
    """Draw accuracy against confidence, in ten bins, and the expected calibration error."""
    bins = summaries.calibration(predictions)
    figure, axes = subplots(figsize=(4.5, 4))
    axes.plot([0, 1], [0, 1], ":", color=GREY, label="calibrated")
    places = bins["confidence"], bins["accuracy"]
    axes.plot(*places, "o", color=RED, clip_on=False, label="mean of a bin")
    for left, row in bins.iterrows():
        axes.text(left + 0.05, 0.02, f"{row['images']:,.0f}", ha="center", fontsize=7)
    axes.set(
        title=f"Expected calibration error: {100 * summaries.calibration_error(predictions):.2f} %",
        xlabel="confidence, with the number of images",
        ylabel="accuracy",
        xlim=(0, 1),
        ylim=(0, 1),
    )
    axes.legend(loc="upper left")
    return figure


def _show_image(axes: Axes, image: np.ndarray, frame: str | None = None) -> None:
    axes.imshow(image, cmap="gray_r", vmin=0, vmax=255)
    axes.set_axis_on()
    axes.set(xticks=(), yticks=())
    axes.spines[:].set(visible=True, color=frame or "0.8", linewidth=2.5 if frame else 0.8)
