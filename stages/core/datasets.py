"""The two data sets: their files, their classes, and how they are read."""

import math
from pathlib import Path
from typing import Literal

from stages.core.stage import StageError

import numpy as np

# Of the uncompressed files.
SHA256 = {
    "FashionMNIST": {
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
    "MNIST": {
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
}
PIXELS = 28 * 28  # of an image
PREFIXES = {"train": "train", "test": "t10k"}  # of the files
CLASSES = {
    "FashionMNIST": (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
        "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ),
    "MNIST": tuple("0123456789"),
}  # fmt: skip


def raw_folder(dataset: str) -> Path:
    """Return the folder with the data set's four IDX files, as torchvision lays them out.

    Raises StageError if there is no such data set.
    """
    if dataset not in SHA256:
        raise StageError(f"there is no data set {dataset!r}; there are {', '.join(SHA256)}")
    return Path("data") / dataset / "raw"


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
    if content[:3] != b"\x00\x00\x08" or len(content) < 4 + 4 * content[3]:
        raise StageError(f"{path} is not an IDX file of unsigned bytes; {remedy}")
    dimensions = content[3]
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", dimensions, offset=4))
    expected = 4 + 4 * dimensions + math.prod(shape)
    if len(content) != expected:
        raise StageError(
            f"{path} has {len(content)} bytes and its header promises {expected}; {remedy}"
        )
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
