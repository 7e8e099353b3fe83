"""Fixtures: a copy of the project with small data, made for the test."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE, CompletedProcess, Popen
from unittest.mock import Mock

from stages.core import numerics
from stages.core.datasets import CLASSES, PREFIXES
from tools.cores import count_cores

import numpy as np
import pytest
from dvc.repo import Repo
from ruamel.yaml import YAML

REPOSITORY = Path(__file__).parents[1]
STRACE = shutil.which("strace")
TRAIN_IMAGES, VALIDATION_IMAGES, TEST_IMAGES = 192, 64, 64
RESULT_FILES = ("dvc.lock", "models/README.md", "study/report.md")


# A git hook that starts the tests says where its repository is.
for variable in subprocess.getoutput("git rev-parse --local-env-vars").split():
    os.environ.pop(variable, None)
# The pins are for the stages to set; make may have started the tests; and a user's folder has the
# real data sets, whose hashes are not the small ones'.
NOT_INHERITED = {*numerics.PINS, "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "DATASETS_FOLDER"}
# None of a user's settings of git, such as hooks.
OF_GIT = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_TEMPLATE_DIR": ""}

needs_pins = pytest.mark.skipif(bool(numerics.UNPINNED), reason=f"no pins: {numerics.UNPINNED}")


def pytest_xdist_auto_num_workers() -> int:
    """As many as this process may use."""
    return count_cores()


# Tests that make what others share, and their places in the order.
MAKERS = {"test_the_claims_are_confirmed": 0, "test_the_report_summarises_accuracies": 2}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """First what makes the shared project, units while it is made, then the slowest of the rest."""

    def order(item: pytest.Item) -> tuple[int, float]:
        slow = item.get_closest_marker("slow")
        if "reproduced" not in item.fixturenames and not slow:
            return 1, 0
        last = 4 if "studied" in item.fixturenames else 3
        return MAKERS.get(item.name, last), -slow.args[0] if slow else 0

    items.sort(key=order)


class Project:
    """A copy of the repository, in which a test runs commands as a user would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self, *command: str, start_new_session: bool = False, **variables: str) -> Popen:
        """Start a command in the copy. `python` and `dvc` are those that run the tests."""
        inherited = {key: value for key, value in os.environ.items() if key not in NOT_INHERITED}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        env = inherited | OF_GIT | {"PATH": path, "PYTHONDONTWRITEBYTECODE": "1"} | variables
        options = {"cwd": self.folder, "env": env, "start_new_session": start_new_session}
        return Popen(command, stdout=PIPE, stderr=PIPE, text=True, **options)

    def run(self, *command: str, check: bool = True, **variables: str) -> CompletedProcess:
        """Run a command in the copy until it ends."""
        process = self.start(*command, **variables)
        stdout, stderr = process.communicate()
        if check and process.returncode:
            pytest.fail(f"{' '.join(command)} ({process.returncode}): {stdout}\n{stderr}")
        return CompletedProcess(command, process.returncode, stdout, stderr)

    def repro(self, *arguments: str) -> list[str]:
        """Run `dvc repro`; return the stages that it ran."""
        return re.findall(r"Running stage '(.*)'", self.run("dvc", "repro", *arguments).stdout)

    def write(self, path: str, text: str) -> None:
        (self.folder / path).write_text(text)

    def append(self, path: str, text: str) -> None:
        self.write(path, (self.folder / path).read_text() + text)

    def replace(self, path: str, old: str, new: str) -> None:
        text = (self.folder / path).read_text()
        assert text.count(old) == 1, f"{path} has {old!r} {text.count(old)} times"
        self.write(path, text.replace(old, new))

    def set_param(self, network: str, recipe: str, **values: object) -> None:
        yaml = YAML()
        params = yaml.load(self.folder / "params.yaml")
        params[network].setdefault(recipe, dict(params[network]["baseline"])).update(values)
        yaml.dump(params, self.folder / "params.yaml")

    def copy(self, folder: Path) -> "Project":
        shutil.copytree(self.folder, folder, symlinks=True)
        return Project(folder)


def locked(folder: Path) -> dict[str, dict]:
    """The stages in dvc.lock by name."""
    return YAML(typ="safe").load(folder / "dvc.lock")["stages"]


def hashes(root: Path) -> dict[str, str]:
    """Return the SHA-256 of each file among the data and results in a project, by its path."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for top in ("data", "models", "reports")
        for path in (root / top).rglob("*")
        if path.is_file() and path.name != ".gitignore"
    }


def without_outputs(project: Project, *stages: str) -> list[str]:
    """Remove the outputs of stages; return the commands that make them."""
    entries = locked(project.folder)
    for stage in stages:
        for out in entries[stage]["outs"]:
            path = project.folder / out["path"]
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return [entries[stage]["cmd"] for stage in stages]


def shorten(project: Project, *kept: str) -> None:
    """Leave only these stages in the pipeline, and commit."""
    yaml = YAML()
    for path in (project.folder / "dvc.yaml", project.folder / "dvc.lock"):
        content = yaml.load(path)
        for name in list(content["stages"]):
            if name.split("@")[0] not in kept:
                del content["stages"][name]
        yaml.dump(content, path)
    project.run("git", "commit", "--all", "--quiet", "--message", "shorten")


def write_idx(path: Path, array: np.ndarray) -> None:
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    path.write_bytes(header + array.tobytes())


def write_sums(project: Project) -> None:
    """Write the SHA-256 sums of the data sets that are there."""
    finished = project.run("sh", "-c", "cd data && sha256sum */raw/*-ubyte")
    project.write("data/SHA256SUMS", finished.stdout)


def small_project(folder: Path) -> Project:
    """A copy of the project with small data sets and few epochs, not yet run.

    It has the files that git tracks or would track, without what `dvc repro` makes. The study's
    tables, which the report reads, are among them.
    """
    listing = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    listed = subprocess.check_output(listing, cwd=REPOSITORY, text=True)
    for name in listed.rstrip("\0").split("\0"):
        made = name in RESULT_FILES or name.startswith("reports/")
        if not made and (REPOSITORY / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, folder / name, follow_symlinks=False)
    project = Project(folder)
    generator = np.random.default_rng(1)
    prototypes = generator.integers(0, 256, (10, 28, 28))
    for dataset in CLASSES:
        raw = folder / "data" / dataset / "raw"
        raw.mkdir(parents=True)
        for split, count in (("train", TRAIN_IMAGES), ("test", TEST_IMAGES)):
            labels = generator.integers(0, 10, count, dtype=np.uint8)
            noise = generator.integers(-60, 60, (count, 28, 28))
            images = np.clip(prototypes[labels] + noise, 0, 255).astype(np.uint8)
            images[:, [0, 0, -1, -1], [0, -1, 0, -1]] = 0  # the corners, as in the data sets
            write_idx(raw / f"{PREFIXES[split]}-images-idx3-ubyte", images)
            write_idx(raw / f"{PREFIXES[split]}-labels-idx1-ubyte", labels)
    write_sums(project)
    for network in ("fashion_mlp", "numpy_network"):
        project.set_param(network, "baseline", epochs=2)
        project.set_param(network, "improved", epochs=2, validation_images=VALIDATION_IMAGES)
    project.set_param("numpy_network", "baseline", hidden_sizes=[8, 8])  # for the gradient check
    return project


def give_environment(project: Project) -> None:
    """Let `make` find the environment that runs the tests, and need no other."""
    link = 'mkdir .venv; ln -s "$1"/* .venv; rm -f .venv/installed'
    stamp = 'echo "$PWD $(cat requirements.txt requirements-dev.txt | cksum)" > .venv/installed'
    project.run("sh", "-ec", f"{link}; {stamp}", "sh", sys.prefix)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The small project, in which the test runs, not yet run and without git."""
    project = small_project(tmp_path / "project")
    monkeypatch.chdir(project.folder)
    return project


def reproduce(folder: Path) -> Project:
    """Make the small project, do what `dvc repro` does, in one process and so faster; commit it.

    strace writes the system calls to `trace` beside the project.
    """
    project = small_project(folder)
    data = folder.with_name("data")  # the download finds it there
    data.mkdir()
    for dataset in CLASSES:
        (folder / "data" / dataset).rename(data / dataset)
    for command in ("init --quiet", "config user.name test", "config user.email test@localhost"):
        project.run("git", *command.split())
    with Repo(project.folder) as repo:  # in the order of dvc.yaml
        commands = [stage.cmd for stage in repo.index.stages]
    calls = "open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,rmdir,unlink,unlinkat"
    options = ("-f", "--seccomp-bpf", "-qq", "-y", "-s", "4096", "-o", "../trace")
    strace = ("strace", *options, "-e", f"trace={calls}") if STRACE else ()
    chain = ("python", "tests/chain.py", *commands)
    project.run(*strace, *chain, PYTHONPATH=".", DATASETS_FOLDER=str(data))
    project.run("dvc", "commit", "--quiet", "--force")
    project.run("git", "add", ".")
    project.run("git", "commit", "--quiet", "--message", "reproduce")
    return project


def shared(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Project]) -> Project:
    """A project that the processes that run the tests share: the first that needs it makes it."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "made").exists():
            for left_over in folder.glob("*/"):
                shutil.rmtree(left_over)
            make(folder / "project")
            (folder / "made").touch()
    return Project(folder / "project")


@pytest.fixture(scope="session")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The small project after `dvc repro`, committed. Not to be changed: see `project`."""
    return shared(tmp_path_factory, "reproduced", reproduce)


@pytest.fixture
def here(reproduced: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The reproduced small project, in which the test runs. Not to be changed."""
    monkeypatch.chdir(reproduced.folder)
    return reproduced


@pytest.fixture
def project(reproduced: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A copy of the reproduced small project, in which the test runs, to be changed at will."""
    project = reproduced.copy(tmp_path / "project")
    monkeypatch.chdir(project.folder)
    return project


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures in which the report compares recipes stay as they are: drawing takes seconds."""
    monkeypatch.setattr("stages.report.__main__.draw_comparisons", Mock())
    monkeypatch.setattr("stages.report.__main__.save_figures", Mock())


@pytest.fixture(scope="session")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The repository as committed, whatever experiment the working tree holds."""
    folder = tmp_path_factory.mktemp("committed") / "project"
    subprocess.run(["git", "clone", "--quiet", REPOSITORY, folder], check=True)
    return Project(folder)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with the real data sets, as the pipeline downloads them."""
    folder = REPOSITORY / "data"
    if not all((folder / dataset / "raw").is_dir() for dataset in CLASSES):
        pytest.skip("needs the real data: run `make repro` first")
    return folder
