"""What models/README.md says one can do with a model."""

import re
from pathlib import Path

from stages.core.datasets import CLASSES
from stages.core.networks import network_names
from stages.core.paths import Run
from stages.results.reading import read_predictions

import pytest
from conftest import Project
from PIL import Image
from ruamel.yaml import YAML


def test_the_model_card_predicts_an_image_of_ones_own(
    reproduced: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("models", "params.yaml", "reports"):
        (tmp_path / name).symlink_to(reproduced.folder / name)
    monkeypatch.chdir(tmp_path)
    code = re.search(r"```python\n(.*?)```", Path("models/README.md").read_text(), re.DOTALL)[1]
    images = (reproduced.folder / "data/FashionMNIST/raw/t10k-images-idx3-ubyte").read_bytes()[16:]
    predicted = []
    for number in range(10):
        pixels = images[784 * number : 784 * (number + 1)]
        Image.frombytes("L", (28, 28), pixels).save("image.png")
        exec(code, {})
        predicted.append(CLASSES["FashionMNIST"][int(capsys.readouterr().out)])
    expected = read_predictions(Run("fashion_mlp", "improved"))["prediction"]
    assert predicted == list(expected[:10])


def test_a_model_can_be_had_in_another_folder(reproduced: Project, tmp_path: Path) -> None:
    model = Run("fashion_mlp", "improved").model
    Project(tmp_path).run("dvc", "get", str(reproduced.folder), str(model))
    assert (tmp_path / model.name).read_bytes() == (reproduced.folder / model).read_bytes()


def test_the_improved_models_are_those_with_versions(reproduced: Project) -> None:
    artifacts = YAML(typ="safe").load(reproduced.folder / "dvc.yaml")["artifacts"]
    models = {name: str(Run(name, "improved").model) for name in network_names()}
    assert {name: artifact["path"] for name, artifact in artifacts.items()} == models


@pytest.mark.slow(6)
def test_the_latest_version_of_a_model_can_be_had_in_another_folder(
    project: Project, tmp_path: Path
) -> None:
    (tmp_path / "remote").mkdir()
    project.run("dvc", "remote", "add", "--default", "remote", str(tmp_path / "remote"))
    project.run("dvc", "push")
    project.run("git", "commit", "--all", "--message", "Add a remote")
    for name in network_names():
        project.run("git", "tag", "--annotate", "--message", "first", f"{name}@v1.0.0")
        elsewhere, model = tmp_path / name, Run(name, "improved").model
        elsewhere.mkdir()
        Project(elsewhere).run("dvc", "artifacts", "get", str(project.folder), name)
        assert (elsewhere / model.name).read_bytes() == (project.folder / model).read_bytes()
