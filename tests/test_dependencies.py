"""dvc.yaml declares what each stage imports: otherwise a changed helper leaves stale results."""

import json
import re
from pathlib import Path

import pytest
from conftest import REPOSITORY, Project
from imports import imported_modules
from ruamel.yaml import YAML

HELPERS = sorted(str(path.relative_to(REPOSITORY)) for path in REPOSITORY.glob("stages/lib/*.py"))


def stages_of(folder: Path) -> dict[str, dict]:
    """The stages of the pipeline and of the study, before DVC puts the matrix into them."""
    pipeline, study = (
        YAML(typ="safe").load(folder / path)["stages"] for path in ("dvc.yaml", "study/dvc.yaml")
    )
    return pipeline | {f"study/{name}": stage.get("do", stage) for name, stage in study.items()}


def script(stage: dict) -> str:
    module = re.match(r"python -m ([\w.]+)", stage["cmd"])[1]
    return f"{module.replace('.', '/')}.py"


def undeclared(folder: Path) -> dict[str, set[str]]:
    """For each stage, the local modules that it imports and does not declare."""
    return {
        name: missing
        for name, stage in stages_of(folder).items()
        if (missing := imported_modules(folder, script(stage)) - set(stage["deps"]))
    }


def test_every_imported_module_is_declared() -> None:
    assert undeclared(REPOSITORY) == {}


def test_no_module_is_declared_that_is_not_imported() -> None:
    for name, stage in stages_of(REPOSITORY).items():
        declared = {path for path in stage["deps"] if path.endswith(".py")}
        assert declared == imported_modules(REPOSITORY, script(stage)), name


def test_an_undeclared_import_is_found_also_through_another_module(small: Project) -> None:
    small.write("stages/lib/planted.py", '"""Planted."""\n')
    small.append("stages/lib/figures.py", "\nfrom stages.lib import planted\n")
    assert undeclared(small.folder) == {
        "compare_recipes": {"stages/lib/planted.py"},
        "plot_fashion_mlp": {"stages/lib/planted.py"},
        "plot_numpy_network": {"stages/lib/planted.py"},
    }


def test_lib_imports_no_stage_and_no_stage_another() -> None:
    scripts = {script(stage) for stage in stages_of(REPOSITORY).values()}
    for path in [*HELPERS, *scripts]:
        assert imported_modules(REPOSITORY, path) & scripts <= {path}


@pytest.mark.parametrize("helper", HELPERS)
def test_a_changed_helper_makes_those_stages_stale_that_import_it(
    project: Project, helper: str
) -> None:
    project.append(helper, "\n# changed\n")
    status = json.loads(project.run("dvc", "status", "--json").stdout)
    stale = {
        name.split("@")[0].replace("dvc.yaml:", "")
        for name, changes in status.items()
        if helper in str(changes)
    }
    assert stale == {
        name
        for name, stage in stages_of(REPOSITORY).items()
        if helper in imported_modules(REPOSITORY, script(stage))
    }
