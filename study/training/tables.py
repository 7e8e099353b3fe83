"""The study's tables, each below a line with the parameters that it was made with."""

import io
import json
from collections.abc import Mapping
from pathlib import Path

from stages.core.files import reading, replacing
from stages.core.stage import StageError

import pandas as pd


def write_table(path: Path, table: pd.DataFrame, parameters: Mapping[str, object]) -> None:
    """Write a table as CSV, below its parameters as JSON."""
    with replacing(path) as partial:
        partial.write_text(f"# {json.dumps(parameters)}\n{table.to_csv(index=False)}")


def read_table(path: Path, parameters: Mapping[str, object]) -> pd.DataFrame:
    """Read a table that `write_table` wrote.

    Raises StageError if the file is something else, or was made with other parameters.
    """
    with reading(path):
        first, rest = path.read_text().split("\n", 1)
        made_with = json.loads(first.removeprefix("# "))
        table = pd.read_csv(io.StringIO(rest))
        names = {*made_with, *parameters}
        different = [name for name in names if made_with.get(name) != parameters.get(name)]
    if different:
        raise StageError(
            f"{path} was made with other values of {', '.join(sorted(different))}; "
            "`make study` makes it again"
        )
    return table
