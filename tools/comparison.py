"""How outputs are compared: by their bits, or, where these may differ, up to tolerances."""

import json
import math
import re
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from pathlib import Path

from stages.core.networks import network_names
from stages.core.params import read_yaml
from stages.core.paths import FIRST_EPOCHS, GRADIENT_CHECK, PARAMS, Run
from stages.core.tables import read_table_of
from stages.report.verdicts import prediction_interval

import numpy as np
import pandas as pd
from PIL import Image

Row = tuple[str, str, str, str, bool]  # output, compared by, committed, here, whether it agrees

# The limits where bits differ.
NUMBERS = 1e-9  # max absolute difference, problems 1 to 3
GRADIENT = 1e-6  # max absolute difference, gradient check
# Relative difference of the training loss. Each step amplifies the rounding errors before it, and
# single samples make the most steps.
FIRST_EPOCH, FIRST_EPOCH_OF_SINGLE_SAMPLES = 0.001, 0.02
PICTURES = ("difference of pixels", 256, 0.05)
TRAINED_PICTURES = ("difference of a grid", 4, 0.8)
TEXT = 0.1  # share of different words, numbers aside
PROBABILITY = 0.999  # of the interval for one more seed


def compare_hashes(committed: dict[str, str], here: dict[str, str]) -> list[Row]:
    """Compare the hashes of outputs, by path."""
    paths = sorted(committed.keys() | here.keys())
    hashes = [(path, committed.get(path, "-"), here.get(path, "-")) for path in paths]
    return [(path, "hash", one[:12], other[:12], one == other) for path, one, other in hashes]


def compare_numbers(committed: Path, here: Path, paths: Iterable[str]) -> Iterator[Row]:
    """Compare outputs in two folders up to tolerances.

    Trained weights and what lists each prediction are left out: their metrics are compared.
    """
    params = read_yaml(here / PARAMS)
    for path in sorted(paths):
        one, other = committed / path, here / path
        if path.startswith("reports/figures/"):
            untrained = (one.parents[1] / "problems" / one.name).exists()
            by, cells, limit = PICTURES if untrained else TRAINED_PICTURES
            yield compared(path, by, limit, picture_difference(one, other, cells))
        elif path.startswith("reports/problems/"):
            difference = max(
                number_difference(file, other / file.name) for file in sorted(one.iterdir())
            )
            yield compared(path, "max difference", NUMBERS, difference)
        elif path == str(GRADIENT_CHECK):
            yield compared(path, "max difference", GRADIENT, number_difference(one, other))
        elif path == str(FIRST_EPOCHS):
            losses = [pd.read_csv(table).set_index(["run", "epoch"]) for table in (one, other)]
            difference = (losses[1] / losses[0] - 1).abs().groupby("run")["train_loss"].max()
            for run in runs_of(params):
                single = params[run.network][run.recipe].get("batch_size") == 1
                limit = FIRST_EPOCH_OF_SINGLE_SAMPLES if single else FIRST_EPOCH
                found = difference.get(run.name, math.inf)
                yield compared(f"{path}: {run.name}", "relative difference", limit, found)
        elif path.endswith(".md"):
            yield compared(path, "share of other words", TEXT, text_difference(one, other))
        elif path.startswith("reports/metrics/"):
            run = Run(*Path(path).stem.split("-", 1))
            table, metrics = seeds_of(here, run), json.loads(other.read_text())
            for name in ("test_accuracy", "test_loss") if table is not None else ():
                low, high = prediction_interval(list(table[name]), PROBABILITY)
                value = metrics[name]
                limits = f"{low:.4f} to {high:.4f}"
                yield path, f"{name}, seeds", limits, f"{value:.4f}", low <= value <= high


def compared(path: str, by: str, limit: float, difference: float) -> Row:
    """Return the row of a difference and its limit."""
    return path, by, f"at most {limit:g}", f"{difference:.2g}", difference <= limit


def number_difference(one: Path, other: Path) -> float:
    """Return the max difference of the numbers in two CSV or JSON files.

    It is infinite if the files have other columns, rows or words.
    """
    frames = [
        pd.read_csv(path) if path.suffix == ".csv" else pd.DataFrame([json.loads(path.read_text())])
        for path in (one, other)
    ]
    numbers = [frame.select_dtypes("number") for frame in frames]
    words = [frame.select_dtypes(exclude="number") for frame in frames]
    if not words[0].equals(words[1]) or numbers[0].shape != numbers[1].shape:
        return math.inf
    return float((numbers[0] - numbers[1]).abs().to_numpy().max())


def picture_difference(one: Path, other: Path, cells: int) -> float:
    """Return how much the most different pictures in two folders differ.

    That is the difference of their darkness, in a grid of cells by cells, relative to the darkness
    of the first: 1 if the other is white.
    """
    differences = []
    for file in sorted(one.glob("*.png")):
        if not (other / file.name).exists():
            return math.inf
        images = [Image.open(path).convert("L") for path in (file, other / file.name)]
        grids = [
            255 - np.asarray(image.resize((cells, cells), Image.BOX), float) for image in images
        ]
        differences.append(np.abs(grids[0] - grids[1]).sum() / grids[0].sum())
    return max(differences)


def text_difference(one: Path, other: Path) -> float:
    """Return the share of words, without numbers, in which two texts differ."""
    words = [re.sub(r"[-+]?\d[\d.,]*", "", path.read_text()).split() for path in (one, other)]
    return 1 - SequenceMatcher(None, *words, autojunk=False).ratio()


def runs_of(params: dict[str, dict]) -> list[Run]:
    """Name the runs whose recipes are in params.yaml."""
    return [
        Run(network, recipe)
        for network, block in params.items()
        for recipe in block
        if network in network_names()
    ]


def seeds_of(clone: Path, run: Run) -> pd.DataFrame | None:
    """Return the study's table of a run; None if there is none, or one of another recipe."""
    if not (clone / run.seeds).exists():
        return None
    return read_table_of(read_yaml(clone / PARAMS)[run.network][run.recipe], clone / run.seeds)
