"""A data set of the same format and size is an entry in CLASSES and its sums."""

import shutil
from pathlib import Path

from stages import download, evaluate, train
from stages.core.datasets import CLASSES
from stages.core.paths import Run
from stages.core.stage import StageError
from stages.results.reading import classes_of, read_model, read_predictions

import pytest
from conftest import Project, write_sums


def test_a_new_data_set(small: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(download.FOLDER_VARIABLE, raising=False)
    with pytest.raises(StageError, match=r"no data set 'Letters'; there are FashionMNIST, MNIST$"):
        download.main("Letters")
    monkeypatch.setitem(CLASSES, "Letters", tuple("abcdefghij"))
    with pytest.raises(StageError, match="SHA256SUMS has no files in Letters/raw; `sha256sum "):
        download.main("Letters")
    raw = shutil.copytree("data/MNIST/raw", "data/Letters/raw")
    write_sums(small)
    shutil.move(raw, tmp_path / "letters")
    with pytest.raises(StageError, match="torchvision's mirrors: torchvision has no data set"):
        download.main("Letters")
    monkeypatch.setenv(download.FOLDER_VARIABLE, str(tmp_path / "letters"))

    run = Run("numpy_network", "baseline")
    download.main("Letters")
    train.main(run.network, run.recipe, "Letters")
    evaluate.main(run.network, run.recipe, "Letters")
    assert read_model(run).dataset == "Letters"
    assert classes_of(read_predictions(run)) == list("abcdefghij")
