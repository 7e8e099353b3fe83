"""Reading the data sets, sound and damaged."""

import gzip
from collections.abc import Callable
from pathlib import Path

from stages.core import datasets
from stages.core.paths import raw_folder
from stages.core.stage import StageError

import numpy as np
import pytest
from conftest import TEST_IMAGES, TRAIN_IMAGES, write_idx
from torchvision.datasets.mnist import read_image_file, read_label_file


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda whole: whole[:-1], "has 1583 bytes and its header promises 1584"),
        (lambda whole: whole + b"\0", "has 1585 bytes and its header promises 1584"),
        (lambda whole: b"\0\0\x09" + whole[3:], "is not an IDX file"),
        (lambda whole: whole[:15], "is not an IDX file"),
        (lambda whole: whole[:3], "is not an IDX file"),
        (gzip.compress, "is not an IDX file"),
    ],
    ids=["too short", "too long", "signed", "half a header", "no header", "gzipped"],
)
def test_a_damaged_file_is_named(tmp_path: Path, damage: Callable, message: str) -> None:
    path = tmp_path / "file"
    write_idx(path, np.zeros((2, 28, 28), np.uint8))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(StageError, match=f"{path} {message}"):
        datasets.read_idx(path)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("count", [0, 1, TRAIN_IMAGES - 1])
def test_the_last_training_images_are_held_out(count: int) -> None:
    splits = datasets.load_splits("MNIST", count)
    assert list(splits) == ["train", *(["validation"] if count else []), "test"]
    parts = [splits[split] for split in splits if split != "test"]
    assert [len(y) for _, y in parts] == [TRAIN_IMAGES - count, *([count] if count else [])]
    images, labels = (np.concatenate(each) for each in zip(*parts, strict=True))
    prefix = f"{raw_folder('MNIST')}/train"
    np.testing.assert_array_equal(images, read_image_file(f"{prefix}-images-idx3-ubyte"))
    np.testing.assert_array_equal(labels, read_label_file(f"{prefix}-labels-idx1-ubyte"))
    assert len(splits["test"][1]) == TEST_IMAGES


@pytest.mark.usefixtures("small")
def test_too_many_validation_images_or_too_few_labels_are_refused() -> None:
    with pytest.raises(StageError, match="validation_images: 192 leaves none of the 192"):
        datasets.load_splits("MNIST", TRAIN_IMAGES)
    labels = raw_folder("MNIST") / "train-labels-idx1-ubyte"
    write_idx(labels, np.zeros(9, np.uint8))
    with pytest.raises(StageError, match=r"shape \(192, 28, 28\) for 9 labels"):
        datasets.load("MNIST", "train")
