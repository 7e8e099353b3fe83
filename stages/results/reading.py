"""The results, as the figures, the report and the study read them."""

import json
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from stages.core.files import reading
from stages.core.networks import load_recipe
from stages.core.paths import Run, study_table
from stages.results.study import read_table_of

import pandas as pd
from safetensors import safe_open


def read_numbers(path: Path) -> dict[str, float]:
    """Read numbers by name. Raises StageError if the file is something else."""
    with reading(path):
        numbers: dict[str, float] = json.loads(path.read_text())
    return numbers


def read_csv(path: Path, *columns: str) -> pd.DataFrame:
    """Read a table. Raises StageError if the file is something else or lacks one of the columns."""
    with reading(path):
        table = pd.read_csv(path)
        if not set(columns) <= set(table):
            raise ValueError("other columns")
    return table


def read_history(run: Run) -> pd.DataFrame:
    """Read the history of a run, one row per epoch. Raises StageError if the file is not one."""
    return read_csv(run.history, "epoch", "train_loss", "test_loss", "test_accuracy")


def read_predictions(run: Run) -> pd.DataFrame:
    """Read the predictions of a run, one row per test image.

    Returns the columns `label`, `prediction` and one column of probabilities per class.

    Raises StageError if the file is something else.
    """
    with reading(run.predictions):
        predictions = pd.read_csv(run.predictions, dtype={"label": str, "prediction": str})
        named = {*predictions["label"], *predictions["prediction"]}
        if not named <= set(classes_of(predictions)):
            raise ValueError("other columns")
    return predictions


def classes_of(predictions: pd.DataFrame) -> list[str]:
    """Name the classes, in the order of their numbers."""
    return list(predictions.columns[2:])


@dataclass(frozen=True)
class Model:
    """What the file of a trained network tells."""

    parameters: int  # the number of weights and biases
    numerics: str  # what computed them
    dataset: str  # on which the network was trained


def read_model(run: Run) -> Model:
    """Read the model of a run. Raises StageError if the file is something else."""
    with reading(run.model), safe_open(run.model, "np") as model:
        provenance = json.loads((model.metadata() or {})["provenance"])
        shapes = [model.get_slice(name).get_shape() for name in model.keys()]  # noqa: SIM118
        parameters = sum(math.prod(shape) for shape in shapes)
        return Model(parameters, provenance["numerics"], provenance["dataset"])


class Results:
    """A run, its recipe, its model, and what was measured: metrics by name, and two tables.

    `history` has a row per epoch, `predictions` one per test image. Raises StageError if the recipe
    is wrong or a file is damaged.
    """

    def __init__(self, run: Run) -> None:
        self.run, self.recipe, self.model = run, load_recipe(run), read_model(run)
        self.metrics = read_numbers(run.metrics)
        self.history, self.predictions = read_history(run), read_predictions(run)

    @cached_property
    def seeds(self) -> pd.DataFrame | None:
        """The study's test metrics under each seed; None if there are none of the recipe."""
        return self._study(self.run.seeds, "seed", "test_loss", "test_accuracy", "best_epoch")

    @cached_property
    def ablation(self) -> pd.DataFrame | None:
        """The study's ablation of the recipe; None if there is none."""
        path = study_table("ablation", self.run.network)
        return self._study(path, "variant", "seed", "validation_loss", "validation_accuracy")

    @cached_property
    def kernels(self) -> pd.DataFrame | None:
        """The histories under other kernels; None if there are none of the recipe."""
        path = study_table("kernels", self.run.network)
        return self._study(path, "kernel", "epoch", "train_loss", "test_loss", "test_accuracy")

    def _study(self, path: Path, *columns: str) -> pd.DataFrame | None:
        return read_table_of(self.recipe.model_dump(), path, *columns)
