"""The study's tables: CSV, below a line that says what they were made with."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.core.files import reading, replacing

import pandas as pd

# What the tables are made with, beside the hyperparameters.
BESIDE = {"dataset", "seeds", "grid", "variants", "kernels", "code"}


def write_table(path: Path, table: pd.DataFrame, made_with: Mapping[str, object]) -> None:
    """Write a table below a line of JSON: the hyperparameters and what else it was made with."""
    with replacing(path) as partial:
        partial.write_text(f"# {json.dumps(made_with)}\n{table.to_csv(index=False)}")


def read_table(path: Path, *columns: str) -> tuple[dict[str, Any], pd.DataFrame]:
    """Read a table of the study: what it was made with, and the table.

    Raises StageError if the file is something else or lacks one of the columns.
    """
    with reading(path, "make study"):
        first, rest = path.read_text().split("\n", 1)
        made_with = json.loads(first.removeprefix("# "))
        if not isinstance(made_with, dict):
            raise ValueError("no parameters")
        table = pd.read_csv(io.StringIO(rest))
        if not set(columns) <= set(table):
            raise ValueError("other columns")
        first_number = next((c for c in table if c in {"seed", "epoch"}), None)
        numbers = table.loc[:, first_number:].astype(float)  # what is before them names the rows
        if numbers.isna().any(axis=None) or table.duplicated().any():
            raise ValueError("a number is missing, or a row is there twice")
        return made_with, table


def read_table_of(recipe: Mapping[str, object], path: Path, *columns: str) -> pd.DataFrame | None:
    """Read the table of a recipe, its hyperparameters by name; None if there is none of it.

    Raises StageError as `read_table` does.
    """
    if not path.exists():
        return None
    made_with, table = read_table(path, *columns)
    hyperparameters = {name: value for name, value in made_with.items() if name not in BESIDE}
    return table if hyperparameters == recipe else None
