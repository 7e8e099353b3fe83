"""Two clones share results and experiments as docs/sharing.md says: by a folder, by SSH."""

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
from chain import hashes
from conftest import REPOSITORY, Project

SSHD = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
RUN = Run("numpy_network", "baseline")
PAGE = (REPOSITORY / "docs/sharing.md").read_text()
OURS, THEIRS = (block.splitlines() for block in re.findall(r"(?:^    .*\n)+", PAGE, re.MULTILINE))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[int]:
    """The port of an SSH server on the loopback address, which the owner of ~/key may enter."""
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name in ("key", "host_key"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / name]
        subprocess.run(command, check=True)
    host_key = (home / "host_key.pub").read_text()
    (home / ".ssh/known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}")
    options = {
        "ListenAddress": f"127.0.0.1:{port}",
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
            if client.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield port
    process.terminate()
    process.wait()


@dataclass
class Storage:
    """A DVC remote, how to log in to it, and the home with the keys."""

    url: str
    home: Path
    settings: tuple[str, ...] = ()

    def run(self, project: Project, line: str) -> list[str]:
        """Run a command line of the page in a project; return the stages that it ran."""
        line = line.replace("ssh://server/path/to/storage", self.url)
        finished = project.run(
            "bash", "-c", line.replace("EXPERIMENT", "faster"), HOME=str(self.home)
        )
        if "dvc remote add" in line:
            self.log_in(project)
        return re.findall(r"Running stage '(.*)'", finished.stdout)

    def log_in(self, project: Project) -> None:
        for setting in self.settings:
            project.run("dvc", "remote", "modify", "--local", "team", *setting.split())


def share(project: Project, storage: Storage, folder: Path) -> Project:
    """Share the results of a project; return a colleague's clone, which has none."""
    repository = str(folder / "repository.git")
    project.run("git", "init", "--quiet", "--bare", repository)
    project.run("git", "remote", "add", "origin", repository)
    project.run("git", "push", "--quiet", "--set-upstream", "origin", "HEAD")
    for line in OURS[:-1]:
        storage.run(project, line)
    project.run("git", "clone", "--quiet", repository, str(folder / "theirs"))
    theirs = Project(folder / "theirs")
    storage.log_in(theirs)
    return theirs


def test_a_colleague_gets_the_results_through_a_folder(project: Project, tmp_path: Path) -> None:
    storage = Storage(str(tmp_path / "storage"), tmp_path)
    theirs = share(project, storage, tmp_path)
    storage.run(theirs, "dvc pull train")
    assert (theirs.folder / RUN.model).exists()
    assert not (theirs.folder / RUN.predictions).exists()
    assert [storage.run(theirs, line) for line in THEIRS[:2]] == [[], []]
    assert hashes(theirs.folder) == hashes(project.folder)


@pytest.mark.slow(45)
@pytest.mark.skipif(not SSHD, reason="needs sshd, of Debian's openssh-server")
def test_a_colleague_gets_an_experiment_and_trains_nothing_twice_through_a_server(
    project: Project, server: int, tmp_path: Path
) -> None:
    login = (f"user {getpass.getuser()}", f"keyfile {tmp_path}/home/key")
    storage = Storage(f"ssh://127.0.0.1:{server}{tmp_path}/storage", tmp_path / "home", login)
    theirs = share(project, storage, tmp_path)
    rate = f"{RUN.block}.learning_rate"
    target = f"evaluate@{RUN.name}"  # no figure and no report, which take longest
    storage.run(project, f"dvc exp run --name faster --set-param {rate}=0.002 {target}")
    storage.run(project, OURS[-1])
    for line in THEIRS[:-1]:
        assert storage.run(theirs, line) == []
    assert hashes(theirs.folder) == hashes(project.folder)

    project.set_param(RUN.network, RUN.recipe, learning_rate=0.004)  # in no experiment
    project.repro(target)
    storage.run(project, "dvc push --run-cache")
    theirs.set_param(RUN.network, RUN.recipe, learning_rate=0.004)
    ran = storage.run(theirs, THEIRS[-1])
    assert not [stage for stage in ran if stage.startswith("train")]
    for path in (RUN.model, RUN.history, RUN.predictions, RUN.metrics):
        assert (theirs.folder / path).read_bytes() == (project.folder / path).read_bytes()
