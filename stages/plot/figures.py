"""The figures of runs. Each function draws one and returns it; the caller saves it."""

from collections.abc import Mapping, Sequence

from stages.plot.results import (
    best_epoch,
    calibration,
    calibration_error,
    probability,
    selection_loss,
)
from stages.plot.style import BLUE, GREEN, GREY, ORANGE, RED

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

SPLITS = {
    "train": ("training", ORANGE),
    "validation": ("validation", GREEN),
    "test": ("test", BLUE),
}  # each with its label and color


def loss_curves(history: pd.DataFrame) -> Figure:
    """Draw the losses against epochs, with the best epoch marked.

    The loss axis is made for the epochs after the first tenth: the losses before are far above.
    """
    figure = Figure(figsize=(7, 4))
    axes = figure.subplots()
    losses = [name for name in SPLITS if f"{name}_loss" in history]
    for name in losses:
        label, color = SPLITS[name]
        axes.plot(history["epoch"], history[f"{name}_loss"], label=label, color=color)
    by, best = selection_loss(history), history.loc[best_epoch(history)]
    label, color = SPLITS[by.removesuffix("_loss")]
    axes.axvline(best["epoch"], color=GREY, linestyle=":", zorder=0)
    axes.plot(
        best["epoch"],
        best[by],
        "o",
        color=color,
        label=f"min {label} loss: {best[by]:.3f}, after epoch {best['epoch']:.0f}",
    )
    shown = _after_the_first_tenth(history)[[f"{name}_loss" for name in losses]]
    axes.set(
        title=f"Loss (untrained network, test: {history['test_loss'].iloc[0]:.3f})",
        xlabel="epoch",
        ylabel="mean cross entropy (nats)",
        ylim=(0, 1.2 * shown.max(axis=None)),
    )
    axes.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def accuracy_curve(history: pd.DataFrame) -> Figure:
    """Draw the accuracies against epochs; the axis is made for those after the first tenth."""
    figure = Figure(figsize=(7, 4))
    axes = figure.subplots()
    names = [name for name in SPLITS if f"{name}_accuracy" in history]
    for name in names:
        label, color = SPLITS[name]
        values = 100 * history[f"{name}_accuracy"]
        label = f"{label}, last epoch: {values.iloc[-1]:.2f} %"
        axes.plot(history["epoch"], values, "o-", markevery=[-1], color=color, label=label)
    shown = 100 * _after_the_first_tenth(history)[[f"{name}_accuracy" for name in names]]
    axes.set(
        title=f"Accuracy (untrained network, test: {100 * history['test_accuracy'].iloc[0]:.2f} %)",
        xlabel="epoch",
        ylabel="accuracy (%)",
        ylim=(shown.min(axis=None) - 1, shown.max(axis=None) + 1),
    )
    axes.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def _after_the_first_tenth(history: pd.DataFrame) -> pd.DataFrame:
    return history[history["epoch"] > history["epoch"].iloc[-1] / 10]


def comparison(histories: Mapping[str, pd.DataFrame], reported: Mapping[str, object]) -> Figure:
    """Draw test loss and accuracy after the first tenth of the epochs, one curve per recipe.

    `reported` is what the author reported, as in data/reported.yaml: perhaps a `history` of rows
    of epoch, test_accuracy and test_loss, and the `best_epoch`.
    """
    figure = Figure(figsize=(9, 4))
    loss_axes, accuracy_axes = figure.subplots(1, 2)
    for recipe, history in histories.items():
        shown = _after_the_first_tenth(history)
        epochs, accuracy = shown["epoch"], 100 * shown["test_accuracy"]
        loss_axes.plot(epochs, shown["test_loss"], ".-", markevery=[-1])
        accuracy_axes.plot(
            epochs, accuracy, ".-", markevery=[-1], label=f"{recipe}: {accuracy.iloc[-1]:.2f} %"
        )
    columns = ["epoch", "test_loss", "test_accuracy"]
    points = pd.DataFrame(reported.get("history", []), columns=columns).query("epoch > 0")
    loss_axes.plot(points["epoch"], points["test_loss"], "kx")
    if len(points):
        accuracy_axes.plot(
            points["epoch"], 100 * points["test_accuracy"], "kx", label="reported by the author"
        )
    if best := reported.get("best_epoch"):
        loss_axes.axvline(best, color="k", linestyle=":", label="reported epoch of the min loss")
    loss_axes.set(title="Test loss", xlabel="epoch", ylabel="mean cross entropy (nats)")
    accuracy_axes.set(title="Test accuracy", xlabel="epoch", ylabel="accuracy (%)")
    for axes in (loss_axes, accuracy_axes):
        axes.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(loc="outside lower center", ncols=4)
    return figure


def learning_rates(fractions: Mapping[str, Sequence[float]]) -> Figure:
    """Draw learning rates as fractions of their max, one curve per recipe, a point per epoch.

    A point is the rate in the middle of the epoch.
    """
    figure = Figure(figsize=(7, 2.6))
    axes = figure.subplots()
    for label, values in fractions.items():
        # Rounded: further digits depend on the processor, and can change a pixel.
        axes.plot(np.arange(len(values)) + 0.5, np.round(values, 6), label=label)
    axes.set(title="Learning rate", xlabel="epoch", ylabel="fraction of its max", ylim=(0, 1.05))
    axes.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(loc="outside right center")
    return figure


def first_layers(weights: Mapping[str, np.ndarray]) -> Figure:
    """Draw the weights, (units, 28, 28), of 16 units of each recipe's first layer as images.

    The units are those of the largest norms.
    """
    figure = Figure(figsize=(9, 0.2 + 2.6 * len(weights)))
    parts = figure.subfigures(len(weights), 1, squeeze=False).ravel()
    for part, (recipe, images) in zip(parts, weights.items(), strict=True):
        norms = np.linalg.norm(images.astype(float), axis=(1, 2))
        shown = images[np.argsort(-norms, kind="stable")[:16]]
        limit = np.abs(shown).max()
        all_axes = part.subplots(2, 8)
        for axes in all_axes.ravel():
            axes.set_axis_off()
        for axes, image in zip(all_axes.ravel(), shown, strict=False):
            drawn = axes.imshow(image, cmap="RdBu", vmin=-limit, vmax=limit)
        part.colorbar(drawn, ax=all_axes, label="weight")
        part.suptitle(recipe, x=0.01, ha="left")
    return figure


def confusion_matrix(predictions: pd.DataFrame, classes: Sequence[str]) -> Figure:
    """Draw the confusion matrix: the count of test images by true and predicted class."""
    codes = [pd.Categorical(predictions[name], classes).codes for name in ("label", "prediction")]
    counts = np.zeros((len(classes), len(classes)), int)
    np.add.at(counts, tuple(codes), 1)
    fractions = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(7, 6.3))
    axes = figure.subplots()
    axes.imshow(fractions, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        axes.text(
            column,
            row,
            count,
            ha="center",
            va="center",
            fontsize=9,
            color="white" if fractions[row, column] > 0.5 else "black" if count else "0.8",
        )
    axes.set_xticks(range(len(classes)), classes)
    if max(map(len, classes)) > 1:
        axes.tick_params(axis="x", rotation=45)
    axes.set_yticks(range(len(classes)), classes)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set(
        title="Confusion matrix of the test images", xlabel="predicted class", ylabel="true class"
    )
    return figure


def predicted_images(images: np.ndarray, predictions: pd.DataFrame, title: str) -> Figure:
    """Draw up to 16 images, (n, 28, 28), with predicted and true class; errors in red."""
    figure = Figure(figsize=(9, 4.3))
    figure.suptitle(title, x=0.01, ha="left")
    all_axes = figure.subplots(2, 8).ravel()
    for axes in all_axes:
        axes.set_axis_off()
    for axes, image, row in zip(all_axes, images, predictions.itertuples(), strict=False):
        wrong = row.prediction != row.label
        _show_image(axes, image, RED if wrong else None)
        axes.set_title(
            f"{row.prediction}\n{probability(row.confidence)}\ntrue: {row.label}",
            fontsize=8,
            color=RED if wrong else "black",
        )
    return figure


def class_probabilities(images: np.ndarray, predictions: pd.DataFrame) -> Figure:
    """Draw a few images, (n, 28, 28), each above its predicted class probabilities."""
    figure = Figure(figsize=(9, 5))
    top, bottom = figure.subplots(2, len(images), height_ratios=(2, 3), sharey="row")
    for axes, image in zip(top, images, strict=True):
        _show_image(axes, image)
    for axes, above, (_, row) in zip(bottom, top, predictions.iterrows(), strict=True):
        above.set_title(f"true: {row['label']}", loc="center", fontsize=10)
        probabilities = row.drop(["label", "prediction"]).astype(float)
        colors = [BLUE if name == row["label"] else GREY for name in probabilities.index]
        bars = axes.barh(probabilities.index, probabilities, color=colors)
        axes.bar_label(bars, [probability(p) for p in probabilities], padding=2, fontsize=7)
        axes.set(xlim=(0, 1.25), xticks=(0, 0.5, 1), xlabel="probability")
        axes.tick_params(axis="y", length=0)
    bottom[0].invert_yaxis()
    return figure


def classes_shown(images: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> Figure:
    """Draw the first image, (28, 28), of each class."""
    figure = Figure(figsize=(9, 1.4))
    for label, axes in enumerate(figure.subplots(1, len(classes))):
        _show_image(axes, images[np.argmax(labels == label)])
        axes.set_title(classes[label], loc="center", fontsize=9)
    return figure


def reliability(predictions: pd.DataFrame) -> Figure:
    """Draw accuracy against confidence, in ten bins, and the expected calibration error."""
    bins = calibration(predictions)
    figure = Figure(figsize=(4.5, 4))
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], ":", color=GREY, label="calibrated")
    axes.plot(
        bins["confidence"], bins["accuracy"], "o", color=RED, clip_on=False, label="mean of a bin"
    )
    for left, row in bins.iterrows():
        axes.text(left + 0.05, 0.02, f"{row['images']:,.0f}", ha="center", fontsize=7)
    axes.set(
        title=f"Expected calibration error: {100 * calibration_error(bins):.2f} %",
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
