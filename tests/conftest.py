"""Fixtures: a copy of the project with small data, made for the test."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from stages.core import numerics
from stages.core.datasets import CLASSES, PREFIXES

import numpy as np
import pytest
from ruamel.yaml import YAML

REPOSITORY = Path(__file__).parents[1]
IDX_FILES = [
    f"{prefix}-{kind}-ubyte"
    for prefix in PREFIXES.values()
    for kind in ("images-idx3", "labels-idx1")
]
TRAIN_IMAGES, VALIDATION_IMAGES, TEST_IMAGES = 192, 64, 64
RESULT_FILES = ("dvc.lock", "models/README.md", "study/report.md")
RESULT_FOLDERS = ("reports/", "study/figures/")


class Project:
    """A copy of the repository, in which a test runs commands as a user would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(
        self, *command: str, start_new_session: bool = False, **variables: str
    ) -> subprocess.Popen:
        """Start a command in the copy. `python` and `dvc` are those that run the tests."""
        # The pins are for the stages to set; a test may itself have been started by make; and a
        # user's folder has the real data sets, whose hashes are not the small ones'.
        not_inherited = {*numerics.PINS, "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "DATASETS_FOLDER"}
        inherited = {key: value for key, value in os.environ.items() if key not in not_inherited}
        environment = inherited | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONDONTWRITEBYTECODE": "1",
            **variables,
        }
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=start_new_session,
        )

    def run(
        self, *command: str, check: bool = True, **variables: str
    ) -> subprocess.CompletedProcess:
        """Run a command in the copy until it ends."""
        process = self.start(*command, **variables)
        stdout, stderr = process.communicate()
        if check and process.returncode:
            pytest.fail(f"{' '.join(command)} ({process.returncode}): {stdout}\n{stderr}")
        return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)

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


def arguments(entry: dict) -> list[str]:
    """The command of a stage's entry in dvc.lock, as it is run in the root of the repository."""
    return shlex.split(entry["cmd"].rpartition("exec ")[2])


def write_idx(path: Path, array: np.ndarray) -> None:
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    path.write_bytes(header + array.tobytes())


def write_sums(project: Project) -> None:
    """Write the SHA-256 sums of the data sets that are there."""
    finished = project.run("sh", "-c", "cd data && sha256sum */raw/*-ubyte")
    project.write("data/SHA256SUMS", finished.stdout)


def copy_of_repository(folder: Path) -> Project:
    """The files that git tracks or would track, without what `dvc repro` makes.

    The study's tables, which the report reads, are among them.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.rstrip("\0").split("\0"):
        if name in RESULT_FILES or name.startswith(RESULT_FOLDERS):
            continue
        if (REPOSITORY / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, folder / name, follow_symlinks=False)
    return Project(folder)


def few_boxes(project: Project) -> None:
    """Let box_network use few boxes: emulated, the others take an hour."""
    project.replace("params.yaml", "  - 16\n  - 32\n  - 64\n  - 128\n", "")
    for many in ("1: (4, 8, 16, 32, 64)", "2: (4, 8, 16, 32, 64)", "3: (4, 8, 16)"):
        project.replace("stages/problems/box_network/errors.py", many, f"{many[:2]} (4,)")


def small_project(folder: Path) -> Project:
    """A copy of the project with small data sets and few epochs, not yet run."""
    project = copy_of_repository(folder)
    generator = np.random.default_rng(1)
    prototypes = generator.integers(0, 256, (10, 28, 28))
    for dataset in CLASSES:
        raw = folder / "data" / dataset / "raw"
        raw.mkdir(parents=True)
        for split, count in (("train", TRAIN_IMAGES), ("test", TEST_IMAGES)):
            labels = generator.integers(0, 10, count, dtype=np.uint8)
            noise = generator.integers(-60, 60, (count, 28, 28))
            images = np.clip(prototypes[labels] + noise, 0, 255).astype(np.uint8)
            write_idx(raw / f"{PREFIXES[split]}-images-idx3-ubyte", images)
            write_idx(raw / f"{PREFIXES[split]}-labels-idx1-ubyte", labels)
    write_sums(project)
    few_boxes(project)
    for network in ("fashion_mlp", "numpy_network"):
        project.set_param(network, "baseline", epochs=2)
        project.set_param(network, "improved", epochs=2, validation_images=VALIDATION_IMAGES)
    return project


@pytest.fixture
def small(tmp_path: Path) -> Project:
    """The small project, not yet run and without git."""
    return small_project(tmp_path / "project")


@pytest.fixture(scope="session")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The small project after `dvc repro`, committed. Not to be changed: see `project`."""
    project = small_project(tmp_path_factory.mktemp("reproduced") / "project")
    project.run("git", "init", "--quiet")
    project.run("git", "config", "user.name", "test")
    project.run("git", "config", "user.email", "test@localhost")
    project.repro()
    project.run("git", "add", ".")
    project.run("git", "commit", "--quiet", "--message", "reproduce")
    return project


@pytest.fixture
def project(reproduced: Project, tmp_path: Path) -> Project:
    """A copy of the reproduced small project, to be changed at will."""
    return reproduced.copy(tmp_path / "project")


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
