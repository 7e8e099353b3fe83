"""How figures look and how they are saved."""

from collections.abc import Mapping
from pathlib import Path

from stages.core.files import replacing

import matplotlib
from matplotlib.figure import Figure

BLUE, GREEN, ORANGE, RED, GREY = "tab:blue", "tab:green", "tab:orange", "tab:red", "0.45"

matplotlib.rcdefaults()  # also a matplotlibrc in the current folder must not change the figures
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


def save_figures(folder: Path, figures: Mapping[str, Figure]) -> None:
    """Replace `folder` by one that holds each figure as NAME.png."""
    with replacing(folder) as partial:
        partial.mkdir()
        for name, figure in figures.items():
            figure.savefig(partial / f"{name}.png")
