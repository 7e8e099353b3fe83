"""Predict images of one's own: `python -m tools.predict RUN IMAGE...`."""

import argparse
import sys
from pathlib import Path

from stages.core.datasets import CLASSES
from stages.core.files import reading
from stages.core.networks import inference_of, load_recipe
from stages.core.paths import Run
from stages.core.stage import StageError
from stages.results.reading import read_model

import numpy as np
from PIL import Image, ImageOps
from scipy import ndimage

SIDE = 28  # pixels
DIGIT = 20  # the longer side of a digit of MNIST; the garments of FashionMNIST fill the image
CLOSE = 0.05  # to the background: of the range of the pixels, as FashionMNIST was trimmed


def main() -> None:
    """Print the classes of images with their probabilities, the most probable first."""
    parser = argparse.ArgumentParser("python -m tools.predict", description=main.__doc__)
    parser.add_argument("run", metavar="RUN", help="as in dvc.yaml, such as fashion_mlp-improved")
    parser.add_argument("images", metavar="IMAGE", nargs="+", type=Path)
    parser.add_argument("--prepared", metavar="FOLDER", type=Path, help="to save what it sees in")
    arguments = parser.parse_args()
    try:
        predict(arguments.run, arguments.images, arguments.prepared)
    except (StageError, OSError) as error:
        sys.exit(f"error: {error}")


def predict(name: str, paths: list[Path], folder: Path | None) -> None:
    """Predict images by the trained network of a run; save the prepared ones if there is a folder.

    Raises StageError if the run, its model or an image is missing or damaged.
    """
    run = Run(*name.partition("-")[::2])
    inference, recipe = inference_of(run.network), load_recipe(run)
    if not run.model.exists():
        raise StageError(f"{run.model} is missing; get it by `dvc repro` or `dvc artifacts get`")
    with reading(run.model):
        network = inference.load(run.model, recipe)
    dataset = read_model(run).dataset
    pictures = np.stack([prepare(path, dataset) for path in paths])
    if folder:
        if len({path.stem for path in paths}) < len(paths):
            raise StageError("two images have one name; prepare them in two calls")
        folder.mkdir(parents=True, exist_ok=True)
        for path, picture in zip(paths, pictures, strict=True):
            Image.fromarray(picture).save(folder / f"{path.stem}.png")
    probabilities = np.exp(inference.predict(network, pictures, recipe).astype(np.float64))
    for path, row in zip(paths, probabilities, strict=True):
        ordered = sorted(zip(row, CLASSES[dataset], strict=True), reverse=True)
        print(f"{path}: " + ", ".join(f"{label} {100 * p:.2f} %" for p, label in ordered))


def prepare(path: Path, dataset: str) -> np.ndarray:
    """Read an image as one of a data set: uint8 (28, 28), light on black.

    A grey image of 28 x 28 pixels with dark corners is taken as it is. Of another one the object is
    trimmed, scaled and centred like those of the data set: of FashionMNIST to the whole image
    (https://arxiv.org/abs/1708.07747), of MNIST to 20 pixels round the centre of mass
    (LeCun et al., 1998). Raises StageError if the file is missing, no image, or blank.
    """
    try:
        with Image.open(path) as image:
            grey = to_grey(image)
            as_it_is = image.mode == "L" and image.size == (SIDE, SIDE)
    except FileNotFoundError:
        raise StageError(f"{path} is missing") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise StageError(f"{path} is no image, or a damaged one") from None
    background = np.median(grey[[0, 0, -1, -1], [0, -1, 0, -1]])
    if background - grey.min() > grey.max() - background:
        print(f"{path}: dark on light, so it is inverted", file=sys.stderr)
        grey, background = -grey, -background
    elif as_it_is:
        return grey.astype(np.uint8)
    if grey.max() == background:
        raise StageError(f"{path} is blank")
    light = ((grey - background) / (grey.max() - background)).clip(0)
    rows, columns = (np.flatnonzero((light > CLOSE).any(axis=axis)) for axis in (1, 0))
    light = light[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = (DIGIT if dataset == "MNIST" else SIDE) / max(light.shape)
    height, width = (max(1, round(scale * size)) for size in light.shape)
    small = np.asarray(Image.fromarray(light.astype(np.float32)).resize((width, height)))
    free = np.subtract(SIDE, small.shape)
    top, left = (free + 1) // 2
    if dataset == "MNIST":
        off_centre = SIDE / 2 - np.array(ndimage.center_of_mass(small))
        top, left = np.clip(off_centre.round().astype(int), 0, free)
    prepared = np.zeros((SIDE, SIDE), np.uint8)
    prepared[top : top + height, left : left + width] = (255 * small).clip(0, 255).round()
    return prepared


def to_grey(image: Image.Image) -> np.ndarray:
    """Return an image as it is looked at, upright and on white: float (height, width)."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):  # 16 or 32 bits, which `convert` would cut off
        return np.asarray(image, np.float64)
    white = Image.new("RGBA", image.size, "white")
    return np.asarray(Image.alpha_composite(white, image.convert("RGBA")).convert("L"), np.float64)


if __name__ == "__main__":
    main()
