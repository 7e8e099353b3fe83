"""What models/README.md says one can do with a model."""

import re
from pathlib import Path

from stages.core.datasets import CLASSES

import pandas as pd
from conftest import Project
from PIL import Image
from ruamel.yaml import YAML


def test_the_model_card_predicts_an_image_of_ones_own(project: Project) -> None:
    card = (project.folder / "models/README.md").read_text()
    code = re.search(r"```python\n(.*?)```", card, re.DOTALL)[1]
    images = (project.folder / "data/FashionMNIST/raw/t10k-images-idx3-ubyte").read_bytes()[16:]
    predictions = pd.read_csv(project.folder / "reports/predictions/fashion_mlp-improved.csv")
    for number in range(3):
        pixels = images[784 * number : 784 * (number + 1)]
        Image.frombytes("L", (28, 28), pixels).save(project.folder / "image.png")
        predicted = int(project.run("python", "-c", code).stdout)
        assert CLASSES["FashionMNIST"][predicted] == predictions["prediction"][number]


def test_the_latest_version_of_a_model_can_be_had_in_another_folder(
    project: Project, tmp_path: Path
) -> None:
    (tmp_path / "remote").mkdir()
    project.run("dvc", "remote", "add", "--default", "remote", str(tmp_path / "remote"))
    project.run("dvc", "push")
    project.run("git", "commit", "--all", "--message", "Add a remote")
    artifacts = YAML(typ="safe").load(project.folder / "dvc.yaml")["artifacts"]
    assert list(artifacts) == ["fashion_mlp", "numpy_network"]
    for name, artifact in artifacts.items():
        project.run("git", "tag", "--annotate", "--message", "first", f"{name}@v1.0.0")
        elsewhere = tmp_path / name
        elsewhere.mkdir()
        Project(elsewhere).run("dvc", "artifacts", "get", str(project.folder), name)
        copied = (elsewhere / Path(artifact["path"]).name).read_bytes()
        assert copied == (project.folder / artifact["path"]).read_bytes()


def test_a_model_can_be_had_in_another_folder(project: Project, tmp_path: Path) -> None:
    model = "models/fashion_mlp-improved.safetensors"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    Project(elsewhere).run("dvc", "get", str(project.folder), model)
    copied = (elsewhere / "fashion_mlp-improved.safetensors").read_bytes()
    assert copied == (project.folder / model).read_bytes()
