"""What make does; about the environment in .venv, with a Python that only notes what it is told."""

import os
import re
import shutil
import sys
import sysconfig
import textwrap
import zipfile
from itertools import product
from pathlib import Path

from tools.cores import count_cores

import pytest
from conftest import REPOSITORY, Project, give_environment, hashes, locked

PYTHON = """#!/bin/sh
case "$*" in
    "-m venv .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
    "-m pip config list") cat pip.txt ;;
    "-m pip install "*) cat .venv/uv.txt >> log; cp uv dvc .venv/bin ;;
esac
"""
LOCKED_UV = "uv==2 \\\n    --hash=1\n    # via x\n"
UV = '#!/bin/sh\necho "uv $UV_DEFAULT_INDEX, $UV_INDEX, $UV_FIND_LINKS" >> log\n'


@pytest.fixture
def made(tmp_path: Path) -> Project:
    """A folder with the Makefile, in which the environment was made."""
    made = Project(tmp_path / "project")
    (made.folder / ".git").mkdir(parents=True)
    shutil.copy(REPOSITORY / "Makefile", made.folder)
    made.write("requirements.txt", "a==1\n")
    made.write("requirements-dev.txt", f"a==1\n    # via x\n{LOCKED_UV}z==1\n")
    made.write("pip.txt", "")
    for name, text in (("python", PYTHON), ("uv", UV), ("dvc", "#!/bin/sh\n")):
        made.write(name, text)
        (made.folder / name).chmod(0o755)
    assert installs(made)
    return made


def installs(made: Project) -> bool:
    """Run make; return whether it installed the packages."""
    made.write("log", "")
    made.run("make", ".venv/installed", "PYTHON=./python")
    return "uv " in (made.folder / "log").read_text()


def test_an_environment_that_is_unfit_is_made_again(made: Project, tmp_path: Path) -> None:
    os.utime(made.folder / "requirements.txt", (2e9, 2e9))
    assert not installs(made)  # whatever the dates
    made = Project(made.folder.rename(tmp_path / "moved"))
    assert installs(made)
    assert not installs(made)
    (made.folder / ".venv/bin/python").unlink()
    assert installs(made)
    (made.folder / ".venv/installed").unlink()  # which is written last
    assert installs(made)
    made.append("requirements.txt", "more==1\n")
    assert installs(made)


def test_a_linked_environment_of_another_clone_is_left_alone(made: Project, tmp_path: Path) -> None:
    other = (made.folder / ".venv").rename(tmp_path / "other")
    (made.folder / ".venv").symlink_to(other)
    (other / "installed").write_text("/another/clone 1 2\n")
    assert installs(made)
    assert (other / "installed").exists()
    assert not (made.folder / ".venv").is_symlink()


def test_uv_is_installed_by_its_hash_and_told_where_pip_finds_packages(made: Project) -> None:
    made.write(
        "pip.txt",
        "global.find-links='/a'\nglobal.index-url='https://b/simple'\n"
        "user.extra-index-url='\\nhttps://c\\nhttps://d'\n:env:.find-links='/e'\n",
    )
    made.append("requirements.txt", "more==1\n")
    assert installs(made)
    expected = f"{LOCKED_UV}uv https://b/simple,  https://c https://d, /e\n"
    assert (made.folder / "log").read_text() == expected


def test_nothing_is_installed_where_dvc_could_not_work(made: Project) -> None:
    (made.folder / ".git").rmdir()
    (made.folder / ".venv/installed").unlink()
    finished = made.run("make", ".venv/installed", "PYTHON=./python", check=False)
    assert finished.returncode != 0
    assert finished.stderr.startswith(f"error: {made.folder} is no git repository")


def test_make_study_has_the_data_first_and_the_report_last(made: Project) -> None:
    for program in ("dvc", "python"):
        made.write(f".venv/bin/{program}", '#!/bin/sh\necho "${0##*/} $*" >> log\n')
    made.run("make", "study")
    lines = (made.folder / "log").read_text().splitlines()
    ran = [line for line in lines if re.search("repro|study", line)]
    assert ran == ["dvc repro check_params download", "python -m study", "dvc repro"]


@pytest.mark.parametrize("broken", ["uv", "dvc"])
def test_an_installation_that_fails_is_not_taken_for_one(made: Project, broken: str) -> None:
    made.append("requirements.txt", "more==1\n")
    made.write(broken, "#!/bin/sh\nexit 1\n")
    finished = made.run("make", ".venv/installed", "PYTHON=./python", check=False)
    assert finished.returncode != 0
    assert not (made.folder / ".venv/installed").exists()


def test_no_more_cores_are_counted_than_may_be_used(tmp_path: Path) -> None:
    allowed = len(os.sched_getaffinity(0))
    assert count_cores(tmp_path / "missing") == allowed
    for limit, cores in (("max 100000", allowed), ("150000 100000", 1), ("20000 100000", 1)):
        (tmp_path / "cpu.max").write_text(f"{limit}\n")
        assert count_cores(tmp_path / "cpu.max") == cores
    one = str(min(os.sched_getaffinity(0)))
    command = ("taskset", "--cpu-list", one, sys.executable, "-m", "tools.cores")
    (tmp_path / "broken.yaml").write_text("a: [")  # a user's settings of Dask
    assert Project(REPOSITORY).run(*command, DASK_CONFIG=str(tmp_path)).stdout == "1\n"


def test_make_requirements_takes_the_newest_and_their_hashes(made: Project, tmp_path: Path) -> None:
    made.write(
        "pyproject.toml",
        '[project]\nname = "x"\nversion = "1"\ndependencies = ["a", "b==1"]\n'
        '[dependency-groups]\ndev = ["b", "c"]\n',
    )
    for name, version in product("abc", "12"):
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        with zipfile.ZipFile(tmp_path / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{name}-{version}.dist-info/METADATA", metadata)
            wheel.writestr(f"{name}-{version}.dist-info/RECORD", "")
    shutil.copy(Path(sys.executable).with_name("uv"), made.folder / ".venv/bin")
    index = {"UV_NO_INDEX": "1", "UV_FIND_LINKS": str(tmp_path), "UV_NO_CACHE": "1"}
    made.run("make", "requirements", **index)
    for file, packages in (("", ["a==2", "b==1"]), ("-dev", ["b==1", "c==2"])):
        text = (made.folder / f"requirements{file}.txt").read_text()
        assert re.findall(r"^(\S+) \\\n    --hash=sha256:\w+$", text, re.MULTILINE) == packages


@pytest.mark.slow(60)
def test_make_repro_fails_where_a_training_does(small: Project, reproduced: Project) -> None:
    small.run("git", "init", "--quiet")
    give_environment(small)
    params = (small.folder / "params.yaml").read_text()
    small.set_param("fashion_mlp", "baseline", learning_rate=1e20)
    finished = small.run("make", "repro", check=False)
    assert finished.returncode != 0
    assert finished.stderr.count("fashion_mlp.baseline diverged in epoch 1") == 1
    small.write("params.yaml", params)
    small.repro("evaluate")  # without figures and report, which take longest
    assert hashes(small.folder).items() <= hashes(reproduced.folder).items()
    assert locked(small.folder).items() <= locked(reproduced.folder).items()


@pytest.mark.slow(20)
def test_readmes_commands_without_make_work_as_written(project: Project) -> None:
    """All packages are there already: pip finds that they are those of both files."""
    readme = (project.folder / "README.md").read_text()
    block = re.search(r"Without make:\n\n((?: {4}.*\n)+)", readme, re.MULTILINE)[1]
    packages = {"PYTHONPATH": sysconfig.get_path("purelib"), "PIP_NO_INDEX": "1"}
    one_file = {"PYTEST_ADDOPTS": "-n0 tests/test_files.py"}
    shown = project.run("bash", "-ec", textwrap.dedent(block), **packages, **one_file).stdout
    assert "Data and pipelines are up to date." in shown
    assert re.search(r"^=+ \d+ passed in ", shown, re.MULTILINE)
