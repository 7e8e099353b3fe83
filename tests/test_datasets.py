"""Reading the data sets, sound and damaged."""

import gzip
from pathlib import Path

from stages.core import datasets
from stages.core.paths import raw_folder
from stages.core.stage import StageError

import numpy as np
import pytest
import torch
from conftest import write_idx
from torchvision.datasets.mnist import read_image_file


def test_images_are_what_torchvision_reads(tmp_path: Path) -> None:
    images = np.random.default_rng(1).integers(0, 256, (5, 28, 28), dtype=np.uint8)
    write_idx(tmp_path / "file", images)
    np.testing.assert_array_equal(datasets.read_idx(tmp_path / "file"), images)
    assert torch.equal(read_image_file(str(tmp_path / "file")), torch.from_numpy(images))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"nowhere is missing; `dvc repro` downloads it again"):
        datasets.read_idx(tmp_path / "nowhere")


@pytest.mark.parametrize("missing", [1, 700])
def test_a_truncated_file_is_named_with_its_length(tmp_path: Path, missing: int) -> None:
    path = tmp_path / "file"
    write_idx(path, np.zeros((2, 28, 28), np.uint8))
    whole = path.read_bytes()
    path.write_bytes(whole[:-missing])
    with pytest.raises(StageError, match=rf"has {1584 - missing} bytes .* promises 1584"):
        datasets.read_idx(path)


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"\0\0\x08\x03\0\0"])
def test_a_file_of_another_kind_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(StageError, match="is not an IDX file"):
        datasets.read_idx(path)


def test_a_gzipped_file_is_not_taken_for_a_raw_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(b"\0\0\x08\x01\0\0\0\0"))
    with pytest.raises(StageError, match="is not an IDX file"):
        datasets.read_idx(path)


def test_images_and_labels_must_be_as_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    raw = raw_folder("MNIST")
    raw.mkdir(parents=True)
    write_idx(raw / "train-images-idx3-ubyte", np.zeros((3, 28, 28), np.uint8))
    write_idx(raw / "train-labels-idx1-ubyte", np.zeros(2, np.uint8))
    with pytest.raises(StageError, match=r"shape \(3, 28, 28\) for 2 labels"):
        datasets.load("MNIST", "train")


@pytest.fixture
def ten_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Ten training images, which are returned, and two test images, of the labels 0, 1, ..."""
    monkeypatch.chdir(tmp_path)
    raw = raw_folder("MNIST")
    raw.mkdir(parents=True)
    images = np.random.default_rng(1).integers(0, 256, (12, 28, 28), dtype=np.uint8)
    for prefix, part in (("train", images[:10]), ("t10k", images[10:])):
        write_idx(raw / f"{prefix}-images-idx3-ubyte", part)
        write_idx(raw / f"{prefix}-labels-idx1-ubyte", np.arange(len(part), dtype=np.uint8))
    return images[:10]


@pytest.mark.parametrize("count", [1, 3, 9])
def test_the_last_training_images_are_held_out(ten_images: np.ndarray, count: int) -> None:
    splits = datasets.load_splits("MNIST", count)
    assert list(splits) == ["train", "validation", "test"]
    for split, part in (("train", slice(10 - count)), ("validation", slice(10 - count, 10))):
        images, labels = splits[split]
        np.testing.assert_array_equal(images, ten_images[part])
        assert labels.tolist() == list(range(10))[part]
    assert splits["test"][1].tolist() == [0, 1]


def test_without_validation_images_all_are_trained_on(ten_images: np.ndarray) -> None:
    splits = datasets.load_splits("MNIST", 0)
    assert list(splits) == ["train", "test"]
    np.testing.assert_array_equal(splits["train"][0], ten_images)
    assert splits["train"][1].tolist() == list(range(10))


@pytest.mark.usefixtures("ten_images")
@pytest.mark.parametrize("count", [10, 11])
def test_validation_images_that_leave_none_to_train_on_are_refused(count: int) -> None:
    with pytest.raises(StageError, match=f"validation_images: {count} leaves none of the 10"):
        datasets.load_splits("MNIST", count)
