"""Two clones share results and experiments, as docs/sharing.md says."""

import getpass
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from stages.core.networks import network_names
from stages.core.paths import Run

import pytest
from chain import hashes
from conftest import REPOSITORY, Project, shorten

SSHD = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
RUN = Run("numpy_network", "baseline")
PAGE = (REPOSITORY / "docs/sharing.md").read_text()
OURS, THEIRS = (block.splitlines() for block in re.findall(r"(?:^    .*\n)+", PAGE, re.MULTILINE))


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return f"{tmp_path}/storage"


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


needs_sshd = pytest.mark.skipif(not SSHD, reason="needs sshd, of Debian's openssh-server")


@pytest.mark.parametrize(
    "place", ["folder", pytest.param("server", marks=[needs_sshd, pytest.mark.slow(50)])]
)
def test_a_colleague_gets_results_and_an_experiment_and_trains_nothing_twice(
    project: Project, request: pytest.FixtureRequest, tmp_path: Path, place: str
) -> None:
    storage = request.getfixturevalue(place)

    def run(project: Project, line: str) -> list[str]:
        """Run a command line of the page in a project; return the stages that it ran."""
        line = line.replace("ssh://server/path/to/storage", storage).replace("EXPERIMENT", "faster")
        finished = project.run("bash", "-c", line, HOME=f"{tmp_path}/home")
        return re.findall(r"Running stage '(.*)'", finished.stdout)

    def log_in(project: Project) -> None:
        settings = f"user {getpass.getuser()}", f"keyfile {tmp_path}/home/key"
        for setting in settings if place == "server" else ():
            project.run("dvc", "remote", "modify", "--local", "team", *setting.split())

    shorten(project, "check_params", "download", "train", "evaluate")
    (project.folder / "reports/report.html").unlink()  # of a stage that is left out
    repository = str(tmp_path / "repository.git")
    project.run("git", "init", "--quiet", "--bare", repository)
    project.run("git", "remote", "add", "origin", repository)
    project.run("git", "push", "--quiet", "--set-upstream", "origin", "HEAD")
    add, commit, push, push_experiment = OURS
    run(project, add)
    log_in(project)
    run(project, commit)
    run(project, push)
    theirs = Project(tmp_path / "theirs")
    project.run("git", "clone", "--quiet", repository, str(theirs.folder))
    log_in(theirs)
    run(theirs, "dvc pull train")
    assert (theirs.folder / RUN.model).exists()
    assert not (theirs.folder / RUN.predictions).exists()

    rate = f"{RUN.block}.learning_rate"
    run(project, f"dvc exp run --name faster --set-param {rate}=0.002")
    run(project, push_experiment)
    for line in THEIRS[:-1]:
        assert run(theirs, line) == []
    assert hashes(theirs.folder) == hashes(project.folder)

    project.set_param(RUN.network, RUN.recipe, learning_rate=0.004)  # in no experiment
    project.repro()
    run(project, "dvc push --run-cache")
    theirs.set_param(RUN.network, RUN.recipe, learning_rate=0.004)
    ran = run(theirs, THEIRS[-1])
    assert not [stage for stage in ran if stage.startswith("train")]
    for path in (RUN.model, RUN.history, RUN.predictions, RUN.metrics):
        assert (theirs.folder / path).read_bytes() == (project.folder / path).read_bytes()


@pytest.mark.slow(6)
def test_the_latest_version_of_a_model_can_be_had_in_another_folder(
    project: Project, tmp_path: Path
) -> None:
    """As models/README.md says."""
    for network in network_names():
        project.run("git", "tag", "--annotate", "--message", "first", f"{network}@v1.0.0")
        model = Run(network, "improved").model
        Project(tmp_path).run("dvc", "artifacts", "get", str(project.folder), network)
        assert (tmp_path / model.name).read_bytes() == model.read_bytes()
