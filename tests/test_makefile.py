"""What make does about the environment in .venv, with a package made for the test."""

import hashlib
import os
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import REPOSITORY, Project


@pytest.fixture
def made(tmp_path: Path) -> Project:
    """A folder with the Makefile, whose one requirement is `planted`, and its environment."""
    folder = tmp_path / "project"
    folder.mkdir()
    wheel = tmp_path / "planted-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("planted.py", "")
        archive.writestr(
            "planted-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: planted\nVersion: 1\n"
        )
        archive.writestr("planted-1.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("planted-1.dist-info/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    project = Project(folder)
    project.write("Makefile", (REPOSITORY / "Makefile").read_text())
    project.write("requirements.txt", f"planted @ {wheel.as_uri()} --hash=sha256:{digest}\n")
    project.write("requirements-dev.txt", "")
    make(project, PIP_TARGET=str(tmp_path / "elsewhere"), PYTHONPATH=str(tmp_path))
    return project


def make(project: Project, **variables: str) -> bool:
    """Run make; return whether it made the environment, in which `planted` must then be."""
    done = project.run("make", ".venv/installed", f"PYTHON={sys.executable}", **variables)
    found = project.run(".venv/bin/python", "-c", "import planted; print(planted.__file__)").stdout
    assert Path(found.strip()).is_relative_to(project.folder / ".venv")
    return "-m venv" in done.stdout


def test_an_intact_environment_is_left_alone(made: Project) -> None:
    assert not make(made)


def test_a_moved_environment_is_made_again(made: Project, tmp_path: Path) -> None:
    moved = Project(made.folder.rename(tmp_path / "moved"))
    assert make(moved)
    assert not make(moved)


def test_an_environment_that_is_broken_or_half_made_is_made_again(made: Project) -> None:
    python = made.folder / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/removed/python")
    assert make(made)
    (made.folder / ".venv/installed").unlink()  # which is written last
    assert make(made)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs processor affinity")
@pytest.mark.parametrize("target", ["test", "repro"])
def test_make_uses_the_cores_that_it_may(tmp_path: Path, target: str) -> None:
    project = Project(tmp_path)
    project.write("Makefile", (REPOSITORY / "Makefile").read_text())
    (tmp_path / ".venv").symlink_to(sys.prefix)
    one = min(os.sched_getaffinity(0))
    command = ["make", "--dry-run", "--old-file", ".venv/installed", target]
    shown = project.run("taskset", "--cpu-list", str(one), *command).stdout
    assert {"test": "--numprocesses 1 ", "repro": "-P 1 "}[target] in shown
