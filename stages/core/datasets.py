"""The data sets: their classes, and how their files are read."""

import math
from pathlib import Path
from typing import Literal

from stages.core.paths import raw_folder
from stages.core.stage import StageError

import numpy as np

PIXELS = 28 * 28  # of an image
PREFIXES = {"train": "train", "test": "t10k"}  # of the files
CLASSES = {
    "FashionMNIST": (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
        "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ),
    "MNIST": tuple("0123456789"),
}  # fmt: skip


def check_name(dataset: str) -> None:
    """Raise StageError if there is no such data set."""
    if dataset not in CLASSES:
        raise StageError(f"there is no data set {dataset!r}; there are {', '.join(CLASSES)}")


def load_splits(dataset: str, validation_images: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Read a data set: images and labels, as `load` returns them, by split.

    `train` is the training images without the last `validation_images`, which are `validation`;
    without any, there is no such split. `test` is the test images.

    Raises StageError as `load` does, and if no image is left to train on.
    """
    images, labels = load(dataset, "train")
    count = len(images) - validation_images
    if count < 1:
        raise StageError(
            f"validation_images: {validation_images} leaves none of the {len(images)} images of "
            f"{dataset} to train on; lower it in params.yaml"
        )
    splits = {"train": (images[:count], labels[:count])}
    if validation_images:
        splits["validation"] = images[count:], labels[count:]
    return splits | {"test": load(dataset, "test")}


def load(dataset: str, part: Literal["train", "test"]) -> tuple[np.ndarray, np.ndarray]:
    """Read the training or the test images of a data set.

    Returns the images, uint8 of shape (n, 28, 28), 0 for the background to 255, and their
    labels, int64 of shape (n,), 0 to 9.

    Raises StageError if there is no such data set, or a file is missing or damaged.
    """
    check_name(dataset)
    prefix = raw_folder(dataset) / PREFIXES[part]
    images = read_idx(Path(f"{prefix}-images-idx3-ubyte"))
    labels = read_idx(Path(f"{prefix}-labels-idx1-ubyte"))
    if images.shape != (len(labels), 28, 28):
        raise StageError(
            f"{prefix}-*: images of shape {images.shape} for {len(labels)} labels; "
            f"`dvc repro download@{dataset}` downloads them again"
        )
    return images, labels.astype(np.int64)


def read_idx(path: Path) -> np.ndarray:
    """Read a file of unsigned bytes in the IDX format.

    The format: two zero bytes, the type (8: unsigned byte), the number of dimensions, each
    dimension as a big-endian 32-bit integer, then the values in C order
    (LeCun, Cortes and Burges, "The MNIST database of handwritten digits").

    Raises StageError if the file is missing, of another type, or not of the length that its
    header promises.
    """
    remedy = "`dvc repro` downloads it again"
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise StageError(f"{path} is missing; {remedy}") from None
    if content[:3] != b"\0\0\x08" or len(content) < 4 or len(content) < 4 + 4 * content[3]:
        raise StageError(f"{path} is not an IDX file of unsigned bytes; {remedy}")
    dimensions = content[3]
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", dimensions, offset=4))
    expected = 4 + 4 * dimensions + math.prod(shape)
    if len(content) != expected:
        raise StageError(
            f"{path} has {len(content)} bytes and its header promises {expected}; {remedy}"
        )
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
