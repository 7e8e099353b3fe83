"""The study's tables: CSV, below a line with the parameters that they were made with."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.core.files import reading, replacing

import pandas as pd


def write_table(path: Path, table: pd.DataFrame, parameters: Mapping[str, object]) -> None:
    """Write a table below its parameters as JSON."""
    with replacing(path) as partial:
        partial.write_text(f"# {json.dumps(parameters)}\n{table.to_csv(index=False)}")


def read_table_of(recipe: Mapping[str, object], path: Path) -> pd.DataFrame | None:
    """Read the table of a recipe; None if it was made with another one.

    Raises StageError if the file is something else.
    """
    made_with, table = read_table(path)
    of_the_study = {"seeds", "variants"}
    hyperparameters = {name: made_with[name] for name in made_with.keys() - of_the_study}
    return table if hyperparameters == recipe else None


def read_table(path: Path) -> tuple[dict[str, Any], pd.DataFrame]:
    """Read what `write_table` wrote: the parameters and the table.

    Raises StageError if the file is something else.
    """
    with reading(path, "make study"):
        first, rest = path.read_text().split("\n", 1)
        parameters = json.loads(first.removeprefix("# "))
        if not isinstance(parameters, dict):
            raise ValueError("no parameters")
        return parameters, pd.read_csv(io.StringIO(rest))
