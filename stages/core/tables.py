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
