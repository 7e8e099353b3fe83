"""Predictions for images of one's own, as people have them."""

import re
import sys
from pathlib import Path

from stages.core.datasets import CLASSES, read_idx
from stages.core.stage import StageError
from tools.predict import main, predict, prepare

import numpy as np
import pandas as pd
import pytest
from PIL import Image


@pytest.fixture
def drawing() -> np.ndarray:
    """A black hook on white, uint8 (60, 40), whose orientations all differ."""
    drawing = np.full((60, 40), 255, np.uint8)
    drawing[8:50, 10:16] = 0
    drawing[44:50, 10:34] = 0
    drawing[20:24, 16:24] = 102
    return drawing


@pytest.mark.parametrize("dataset", ["FashionMNIST", "MNIST"])
def test_pictures_are_prepared_alike(drawing: np.ndarray, dataset: str, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the orientation
    black, white = np.zeros_like(drawing), np.full_like(drawing, 255)
    specked = 255 - drawing // 3
    specked[30, 18:22] = 100  # darker than the background
    ways = {
        "grey": (drawing, {}),
        "light on dark": (255 - drawing, {}),
        "light on grey": (255 - drawing // 3, {}),
        "specked": (specked, {}),
        "colours": (np.dstack([drawing] * 3), {}),
        "transparent": (np.dstack([black] * 3 + [255 - drawing]), {}),
        "grey and opaque": (np.dstack([drawing, white]), {}),
        "16 bits": (drawing.astype(np.uint16) * 257, {}),
        "turned": (np.rot90(drawing), {"exif": exif}),
        "wide": (np.pad(drawing, ((3, 1), (90, 20)), constant_values=255), {}),
    }
    pictures = {}
    for name, (pixels, options) in ways.items():
        Image.fromarray(np.ascontiguousarray(pixels)).save(tmp_path / f"{name}.png", **options)
        pictures[name] = prepare(tmp_path / f"{name}.png", dataset).astype(int)
    assert pictures["grey"].max() == 255
    differences = {name: abs(each - pictures["grey"]).max() for name, each in pictures.items()}
    assert differences == dict.fromkeys(ways, 0)


@pytest.mark.parametrize("dataset", CLASSES)
def test_an_enlarged_negative_is_undone(real_data: Path, dataset: str, tmp_path: Path) -> None:
    correlations = []
    for image in read_idx(real_data / dataset / "raw/t10k-images-idx3-ubyte")[:50]:
        large = np.pad(np.kron(image, np.ones((5, 5), np.uint8)), ((30, 90), (10, 5)))
        Image.fromarray(255 - large).save(tmp_path / "image.png")
        prepared = prepare(tmp_path / "image.png", dataset)
        correlations.append(np.corrcoef(prepared.ravel(), image.ravel())[0, 1])
    assert np.mean(correlations) > 0.98


@pytest.mark.parametrize(
    ("run", "dataset"),
    [("fashion_mlp-improved", "FashionMNIST"), ("numpy_network-baseline", "MNIST")],
)
@pytest.mark.usefixtures("here")
def test_exported_test_images_are_predicted_as_the_pipeline_does(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, run: str, dataset: str
) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    images = read_idx(Path(f"data/{dataset}/raw/t10k-images-idx3-ubyte"))[:3]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image).save(path)
    predict(run, paths, tmp_path / "prepared")
    printed = capsys.readouterr()
    assert printed.err == ""
    expected = pd.read_csv(f"reports/predictions/{run}.csv", dtype={"prediction": str})
    lines = zip(paths, printed.out.splitlines(), expected.iterrows(), images, strict=False)
    for path, line, (_, row), image in lines:
        assert line.startswith(f"{path}: {row['prediction']} ")
        found = dict(re.findall(r"[:,] (.*?) ([\d.]+) %", line))
        assert set(found) == set(CLASSES[dataset])
        for label, percent in found.items():
            assert float(percent) == pytest.approx(100 * row[label], abs=0.006)
        assert (np.array(Image.open(tmp_path / "prepared" / path.name)) == image).all()


def test_what_is_no_picture_is_named(drawing: np.ndarray, tmp_path: Path) -> None:
    Image.fromarray(np.full_like(drawing, 255)).save(tmp_path / "blank.png")
    Image.fromarray(drawing).save(tmp_path / "whole.png")
    (tmp_path / "half.png").write_bytes((tmp_path / "whole.png").read_bytes()[:-40])
    (tmp_path / "text.png").write_text("<html>")
    broken = "is no image, or a damaged one"
    messages = {"gone": "is missing", "text": broken, "half": broken, "blank": "is blank"}
    for name, message in messages.items():
        with pytest.raises(StageError, match=f"{name}.png {message}"):
            prepare(tmp_path / f"{name}.png", "MNIST")


@pytest.mark.usefixtures("here")
def test_no_prepared_picture_replaces_another(drawing: np.ndarray, tmp_path: Path) -> None:
    paths = [tmp_path / "a.png", tmp_path / "a.bmp"]
    for path in paths:
        Image.fromarray(drawing).save(path)
    with pytest.raises(StageError, match="two images have one name"):
        predict("numpy_network-baseline", paths, tmp_path / "prepared")
    assert not (tmp_path / "prepared").exists()


@pytest.mark.usefixtures("here")
def test_a_folder_that_cannot_be_made_is_named_before_anything_is_predicted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    Image.new("L", (28, 28)).save(path)
    command = ["predict", "numpy_network-baseline", str(path), "--prepared", f"{path}/below"]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit, match=f"^error: .*: '{path}/below'$"):
        main()
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("small")
def test_weights_that_are_not_there_are_named_with_what_gets_them() -> None:
    path = "models/fashion_mlp-improved.safetensors"
    with pytest.raises(StageError, match=f"^{path} is missing; get it by `dvc repro` or `dvc art"):
        predict("fashion_mlp-improved", [Path("boot.jpg")], None)
