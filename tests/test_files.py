"""An output is replaced as a whole or not at all, and read as it was written."""

import json
import shutil
from pathlib import Path

from stages.core.files import replacing, write_numbers
from stages.core.stage import StageError
from stages.results.study import read_table, write_table

import pandas as pd
import pytest

HEADER = "# {}\nseed,test_loss,test_accuracy\n"


def test_a_file_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    for text in ("old", "new"):
        with replacing(path) as partial:
            partial.write_text(text)
        assert path.read_text() == text
    with pytest.raises(TypeError), replacing(path) as partial, partial.open("w") as file:
        file.writelines(["half of the n", None])
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_is_replaced_and_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    for name in ("old", "new"):
        with replacing(path) as partial:
            partial.mkdir()
            (partial / name).write_text(name)
        assert list(path.iterdir()) == [path / name]
        assert list(tmp_path.iterdir()) == [path]
        shutil.copytree(path, partial)


def test_a_rounding_error_is_written_as_zero_without_a_sign(tmp_path: Path) -> None:
    numbers = {4e-13: 0.0, -4e-13: 0.0, 6e-13: 1e-12, 3.14159e-9: 3.142e-9, 3: 3}
    numbers[122.81056651524983] = 122.81056651525
    write_numbers(tmp_path / "file", {str(number): number for number in numbers})
    found = json.loads((tmp_path / "file").read_text())
    assert [repr(each) for each in found.values()] == [repr(each) for each in numbers.values()]


def test_a_table_is_read_as_it_was_written_with_its_parameters(tmp_path: Path) -> None:
    numbers = {"validation_loss": [0.25, 1e-9], "validation_accuracy": [0.5, 1.0]}
    table = pd.DataFrame({"variant": ["a, b", "#"], "seed": [1, 2], **numbers})
    parameters = {"name": "a\nb # é", "values": [1, 2.5, None], "variants": {"x": True}}
    write_table(tmp_path / "table.csv", table, parameters)
    made_with, found = read_table(tmp_path / "table.csv")
    assert made_with == parameters
    pd.testing.assert_frame_equal(found, table)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "seed,test_loss,test_accuracy\n1,2,3\n",
        "# 1\nseed,test_loss,test_accuracy\n1,2,3\n",
        "# {}\n",
        "# {}\nseed,loss\n1,2\n",
        f"{HEADER}1,2,\n",
        f"{HEADER}1,2,3\n1,2,3\n",
        f"{HEADER}<<<<<<< HEAD\n1,2,3\n",
    ],
)
def test_what_is_no_table_with_parameters_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "table.csv").write_text(content)
    with pytest.raises(StageError, match=r"table\.csv is damaged or has another format"):
        read_table(tmp_path / "table.csv", "seed", "test_loss", "test_accuracy")
