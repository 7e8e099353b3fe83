"""Two clones share results and experiments, through git and a DVC remote on an SSH server."""

import getpass
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stages.core.paths import Run

import pytest
from conftest import Project

SSHD = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")

RUN = Run("numpy_network", "baseline")

pytestmark = pytest.mark.skipif(not SSHD, reason="needs sshd, of Debian's openssh-server")


@dataclass
class Server:
    """An SSH server on the loopback address, and a home whose owner it lets in."""

    port: int
    home: Path

    @property
    def key(self) -> Path:
        return self.home / "key"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("home")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = Server(free.getsockname()[1], home)
    for name in ("key", "host_key"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / name]
        subprocess.run(command, check=True)
    (home / ".ssh").mkdir()
    host_key = (home / "host_key.pub").read_text()
    (home / ".ssh/known_hosts").write_text(f"[127.0.0.1]:{server.port} {host_key}")
    options = {
        "ListenAddress": f"127.0.0.1:{server.port}",
        "HostKey": home / "host_key",
        "AuthorizedKeysFile": home / "key.pub",
        "PidFile": "none",
        "StrictModes": "no",
        "Subsystem": "sftp internal-sftp",
    }
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where sshd wants to be locked in
    arguments = [f"-o{name}={value}" for name, value in options.items()]
    process = subprocess.Popen([SSHD, "-D", "-e", "-f", "/dev/null", *arguments])
    while process.poll() is None:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", server.port)) == 0:
                break
        time.sleep(0.1)
    yield server
    process.terminate()
    process.wait()


@pytest.fixture(scope="module")
def ours(reproduced: Project, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that has pushed all it has: its results, and an experiment named faster."""
    folder = tmp_path_factory.mktemp("shared")
    project = reproduced.copy(folder / "ours")
    run = Shell(project, server)
    run(f"git init --quiet --bare {folder}/repository.git")
    run(f"git remote add origin {folder}/repository.git")
    run(f"dvc remote add --default team ssh://127.0.0.1:{server.port}{folder}/storage")
    run("git commit --quiet --message share .dvc/config")
    log_in(run)
    run("git push --quiet --set-upstream origin HEAD")
    run("dvc push")
    run("dvc exp run --name faster --set-param numpy_network.baseline.learning_rate=0.002")
    run("dvc push")
    run("dvc exp push origin faster")
    return project


class Shell:
    """Run command lines in a project, at home."""

    def __init__(self, project: Project, server: Server) -> None:
        self.project = project
        self.server = server

    def __call__(self, line: str) -> str:
        return self.project.run(*line.split(), HOME=str(self.server.home)).stdout


def log_in(run: Shell) -> None:
    run(f"dvc remote modify --local team user {getpass.getuser()}")
    run(f"dvc remote modify --local team keyfile {run.server.key}")


@pytest.fixture
def theirs(ours: Project, server: Server, tmp_path: Path) -> Shell:
    """A colleague's clone, in which nothing has run."""
    repository = ours.folder.parent / "repository.git"
    subprocess.run(["git", "clone", "--quiet", repository, tmp_path / "theirs"], check=True)
    run = Shell(Project(tmp_path / "theirs"), server)
    log_in(run)
    assert not list((run.project.folder / "models").glob("*.safetensors"))
    return run


def ran(shown: str) -> list[str]:
    return re.findall(r"Running stage '(.*)'", shown)


def test_a_second_clone_gets_the_results_and_runs_nothing(theirs: Shell) -> None:
    theirs("dvc pull")
    assert ran(theirs("dvc repro")) == []
    assert theirs("git status --porcelain") == ""
    models = list((theirs.project.folder / "models").glob("*.safetensors"))
    assert len(models) == 4
    assert min(model.stat().st_size for model in models) > 10_000


def test_a_second_clone_gets_a_part_of_the_results(theirs: Shell) -> None:
    theirs("dvc pull train")
    assert (theirs.project.folder / RUN.model).exists()
    assert (theirs.project.folder / RUN.history).exists()
    assert not (theirs.project.folder / RUN.predictions).exists()


def test_a_second_clone_needs_no_results_to_be_up_to_date(theirs: Shell) -> None:
    assert ran(theirs("dvc repro --pull --allow-missing")) == []
    assert theirs("git status --porcelain") == ""


def test_a_second_clone_gets_an_experiment_with_its_results(theirs: Shell, ours: Project) -> None:
    theirs("dvc pull")
    theirs("dvc exp pull origin faster")
    assert "faster" in theirs("dvc exp list")
    theirs("dvc exp apply faster")
    assert "learning_rate: 0.002" in (theirs.project.folder / "params.yaml").read_text()
    assert ran(theirs("dvc repro")) == []
    model = "models/numpy_network-baseline.safetensors"
    assert (theirs.project.folder / model).read_bytes() == (ours.folder / model).read_bytes()


def test_a_second_clone_trains_nothing_that_was_trained_before(
    theirs: Shell, ours: Project, tmp_path: Path
) -> None:
    before = ours.copy(tmp_path / "before")
    before.set_param("numpy_network", "baseline", learning_rate=0.004)  # in no experiment
    before.repro()
    Shell(before, theirs.server)("dvc push --run-cache")

    theirs("dvc pull")
    theirs.project.set_param("numpy_network", "baseline", learning_rate=0.004)
    assert not [stage for stage in ran(theirs("dvc repro --pull")) if stage.startswith("train")]
    for path in (RUN.model, RUN.history, RUN.predictions, RUN.metrics):
        assert (theirs.project.folder / path).read_bytes() == (before.folder / path).read_bytes()
