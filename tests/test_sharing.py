"""Two clones share results and experiments, as docs/sharing.md says."""

import getpass
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from stages.core.networks import network_names
from stages.core.paths import Run

import pytest
from conftest import REPOSITORY, Project, hashes, shorten

SSHD = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
RUN = Run("numpy_network", "baseline")
PAGE = (REPOSITORY / "docs/sharing.md").read_text()
OURS, THEIRS = (block.splitlines() for block in re.findall(r"(?:^    .*\n)+", PAGE, re.MULTILINE))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A folder on an SSH server on the loopback address, which the owner of ~/key may enter."""
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
    yield f"ssh://127.0.0.1:{port}{tmp_path}/storage"
    process.terminate()
    process.wait()


def follow(project: Project, line: str, storage: str) -> list[str]:
    """Run a command line of the page in a project; return the stages that it ran."""
    line = line.replace("ssh://server/path/to/storage", storage).replace("EXPERIMENT", "faster")
    finished = project.run("bash", "-c", line, HOME=f"{project.folder.parent}/home")
    return re.findall(r"Running stage '(.*)'", finished.stdout)


def share(project: Project, storage: str, *login: str) -> Project:
    """Push the results of a project; return a clone, in which they are not yet.

    `login` are settings of the remote.
    """
    shorten(project, "check_params", "download", "train", "evaluate")
    (project.folder / "reports/report.html").unlink()  # of a stage that is left out
    theirs, repository = Project(project.folder.parent / "theirs"), f"{project.folder}.git"
    project.run("git", "init", "--quiet", "--bare", repository)
    project.run("git", "remote", "add", "origin", repository)
    project.run("git", "push", "--quiet", "--set-upstream", "origin", "HEAD")
    add, commit, push, _ = OURS
    follow(project, add, storage)
    follow(project, commit, storage)
    project.run("git", "clone", "--quiet", repository, str(theirs.folder))
    for each, setting in product((project, theirs), login):
        each.run("dvc", "remote", "modify", "--local", "team", *setting.split())
    follow(project, push, storage)
    return theirs


def test_a_colleague_gets_the_models_through_a_folder(project: Project, tmp_path: Path) -> None:
    theirs = share(project, f"{tmp_path}/storage")
    theirs.run("dvc", "pull", "train")
    assert (theirs.folder / RUN.model).read_bytes() == RUN.model.read_bytes()
    assert not (theirs.folder / RUN.predictions).exists()


@pytest.mark.slow(50)
@pytest.mark.skipif(not SSHD, reason="needs sshd, of Debian's openssh-server")
def test_a_colleague_gets_an_experiment_and_repeats_nothing(project: Project, server: str) -> None:
    key = project.folder.parent / "home/key"
    theirs = share(project, server, f"user {getpass.getuser()}", f"keyfile {key}")
    rate = f"{RUN.block}.learning_rate"
    follow(project, f"dvc exp run --name faster --set-param {rate}=0.002", server)
    follow(project, OURS[-1], server)
    for line in THEIRS[:-1]:
        assert follow(theirs, line, server) == []
    assert hashes(theirs.folder) == hashes(project.folder)

    project.set_param(RUN.network, RUN.recipe, learning_rate=0.004)  # in no experiment
    project.repro()
    project.run("dvc", "push", "--run-cache", HOME=str(key.parent))
    theirs.set_param(RUN.network, RUN.recipe, learning_rate=0.004)
    ran = follow(theirs, THEIRS[-1], server)
    assert not [stage for stage in ran if stage.startswith("train")]
    for path in (RUN.model, RUN.history, RUN.predictions, RUN.metrics):
        assert (theirs.folder / path).read_bytes() == (project.folder / path).read_bytes()


@pytest.mark.slow(6)
def test_the_latest_model_can_be_had_in_another_folder(project: Project, tmp_path: Path) -> None:
    """As models/README.md says."""
    for network in network_names():
        project.run("git", "tag", "--annotate", "--message", "first", f"{network}@v1.0.0")
        model = Run(network, "improved").model
        Project(tmp_path).run("dvc", "artifacts", "get", str(project.folder), network)
        assert (tmp_path / model.name).read_bytes() == model.read_bytes()
