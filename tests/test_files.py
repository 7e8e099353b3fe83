"""An output is replaced as a whole or not at all."""

from pathlib import Path

from stages.core.files import replacing

import pytest


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    for text in ("old", "new"):
        with replacing(path) as partial:
            partial.write_text(text)
        assert path.read_text() == text
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    for name in ("old", "new"):
        with replacing(path) as partial:
            partial.mkdir()
            (partial / name).write_text(name)
    assert [file.name for file in path.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [path]


def write_half(path: Path) -> None:
    with replacing(path) as partial:
        partial.write_text("half of the n")
        raise ZeroDivisionError


def test_a_fault_leaves_the_old_file_and_no_part_of_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError):
        write_half(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    with replacing(path) as partial:
        left_over = partial
        partial.mkdir()
    left_over.mkdir()
    (left_over / "left").write_text("half")
    with replacing(path) as partial:
        partial.mkdir()
    assert list(path.iterdir()) == []
    assert list(tmp_path.iterdir()) == [path]
