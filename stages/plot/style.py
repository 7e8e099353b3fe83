"""How figures look and how they are saved."""

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.core.files import replacing

# What a user or the current folder has set for matplotlib must neither reach the figures nor stop
# its import.
os.environ.pop("MPLBACKEND", None)
os.environ["MATPLOTLIBRC"] = os.devnull
with tempfile.TemporaryDirectory() as empty, contextlib.chdir(empty):
    os.environ["MPLCONFIGDIR"] = empty
    import matplotlib
    from matplotlib.figure import Figure

BLUE, GREEN, ORANGE, RED, GREY = "tab:blue", "tab:green", "tab:orange", "tab:red", "0.45"
# What a color means in every figure of a network; a wrong prediction is RED.
SPLITS = {  # each with its label, color and line style
    "train": ("training", ORANGE, "--"),
    "validation": ("validation", GREEN, "-."),
    "test": ("test", BLUE, "-"),
}
RECIPES = ("#8a8b00", "tab:purple", "tab:cyan", "tab:pink")  # baseline, improved, others

matplotlib.rcParams.update(
    {
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlelocation": "left",
        "figure.constrained_layout.use": True,
        "legend.frameon": False,
        "savefig.dpi": 120,
    }
)


def subplots(
    rows: int = 1, columns: int = 1, *, figsize: tuple[float, float], **options: Any
) -> tuple[Figure, Any]:
    """Make a figure and its axes, as `pyplot.subplots` does, which would keep the figure."""
    figure = Figure(figsize=figsize)
    return figure, figure.subplots(rows, columns, **options)


def save_figures(folder: Path, figures: Mapping[str, Figure]) -> None:
    """Replace `folder` by one that holds each figure as NAME.png."""
    with replacing(folder) as partial:
        partial.mkdir()
        for name, figure in figures.items():
            figure.savefig(partial / f"{name}.png")
