"""What make does about the environment in .venv, with a Python that only notes what it is told."""

import os
import shutil
import sys
from pathlib import Path

from tools.cores import count_cores

import pytest
from conftest import REPOSITORY, Project, give_environment

PYTHON = """#!/bin/sh
case "$*" in
    "-m venv .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
    "-m pip config list") cat pip.txt ;;
    "-m pip install "*) cat .venv/uv.txt >> log; cp uv dvc .venv/bin ;;
esac
"""
LOCKED_UV = "uv==2 \\\n    --hash=1\n    # via x\n"
UV = """#!/bin/sh
echo "uv $UV_DEFAULT_INDEX, $UV_INDEX, $UV_FIND_LINKS" >> log
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A folder with the Makefile, in which the environment was made."""
    project = Project(tmp_path / "project")
    (project.folder / ".git").mkdir(parents=True)
    shutil.copy(REPOSITORY / "Makefile", project.folder)
    project.write("requirements.txt", "planted==1\n")
    project.write("requirements-dev.txt", f"a==1\n    # via x\n{LOCKED_UV}z==1\n")
    project.write("pip.txt", "")
    for name, text in (("python", PYTHON), ("uv", UV), ("dvc", "#!/bin/sh\n")):
        project.write(name, text)
        (project.folder / name).chmod(0o755)
    assert installs(project)
    return project


def installs(project: Project) -> bool:
    """Run make; return whether it installed the packages."""
    project.write("log", "")
    project.run("make", ".venv/installed", "PYTHON=./python")
    return "uv " in (project.folder / "log").read_text()


def test_an_intact_environment_is_left_alone_whatever_the_dates(project: Project) -> None:
    os.utime(project.folder / "requirements.txt", (2e9, 2e9))
    assert not installs(project)


def test_a_moved_environment_is_made_again(project: Project, tmp_path: Path) -> None:
    moved = Project(project.folder.rename(tmp_path / "moved"))
    assert installs(moved)
    assert not installs(moved)


def test_an_environment_that_is_broken_half_made_or_of_other_requirements_is_made_again(
    project: Project,
) -> None:
    (project.folder / ".venv/bin/python").unlink()
    assert installs(project)
    (project.folder / ".venv/installed").unlink()  # which is written last
    assert installs(project)
    project.append("requirements.txt", "more==1\n")
    assert installs(project)


def test_the_environment_of_another_clone_behind_a_link_is_left_alone(
    project: Project, tmp_path: Path
) -> None:
    other = (project.folder / ".venv").rename(tmp_path / "other")
    (project.folder / ".venv").symlink_to(other)
    (other / "installed").write_text("/another/clone 1 2\n")
    assert installs(project)
    assert (other / "installed").exists()
    assert not (project.folder / ".venv").is_symlink()


def test_uv_is_installed_by_its_hash_and_told_where_pip_finds_packages(project: Project) -> None:
    project.write(
        "pip.txt",
        "global.find-links='/a'\nglobal.index-url='https://b/simple'\n"
        "user.extra-index-url='\\nhttps://c\\nhttps://d'\n:env:.find-links='/e'\n",
    )
    project.append("requirements.txt", "more==1\n")
    assert installs(project)
    assert (project.folder / "log").read_text() == (
        f"{LOCKED_UV}uv https://b/simple,  https://c https://d, /e\n"
    )


def test_nothing_is_installed_where_dvc_could_not_work(project: Project) -> None:
    (project.folder / ".git").rmdir()
    (project.folder / ".venv/installed").unlink()
    finished = project.run("make", ".venv/installed", "PYTHON=./python", check=False)
    assert finished.returncode != 0
    assert finished.stderr.startswith(f"error: {project.folder} is no git repository")


@pytest.mark.parametrize("broken", ["uv", "dvc"])
def test_an_installation_that_fails_is_not_taken_for_one(project: Project, broken: str) -> None:
    project.append("requirements.txt", "more==1\n")
    project.write(broken, "#!/bin/sh\nexit 1\n")
    finished = project.run("make", ".venv/installed", "PYTHON=./python", check=False)
    assert finished.returncode != 0
    assert not (project.folder / ".venv/installed").exists()


def test_no_more_cores_are_counted_than_may_be_used(tmp_path: Path) -> None:
    allowed = len(os.sched_getaffinity(0))
    assert count_cores(tmp_path / "missing") == allowed
    for limit, cores in (("max 100000", allowed), ("150000 100000", 1), ("20000 100000", 1)):
        (tmp_path / "cpu.max").write_text(f"{limit}\n")
        assert count_cores(tmp_path / "cpu.max") == cores
    one = str(min(os.sched_getaffinity(0)))
    here = Project(REPOSITORY)
    command = ("taskset", "--cpu-list", one, sys.executable, "-m", "tools.cores")
    assert here.run(*command).stdout == "1\n"


@pytest.mark.slow(30)
def test_make_repro_fails_where_one_of_its_trainings_does(small: Project) -> None:
    small.run("git", "init", "--quiet")
    give_environment(small)
    small.set_param("fashion_mlp", "baseline", learning_rate=1e20)
    finished = small.run("make", "repro", check=False)
    assert finished.returncode != 0
    assert "fashion_mlp.baseline diverged in epoch 1" in finished.stderr
    assert (small.folder / "models/numpy_network-improved.safetensors").exists()
    small.set_param("fashion_mlp", "baseline", learning_rate=0.1)
    small.run("make", "repro")
    assert small.run("dvc", "status").stdout.endswith("up to date.\n")
