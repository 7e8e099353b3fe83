"""What models/README.md says one can do with a model."""

from pathlib import Path

from stages.core.networks import network_names
from stages.core.paths import Run

import pytest
from conftest import Project
from ruamel.yaml import YAML


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
