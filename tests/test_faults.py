"""Faults, caused for real: each ends in one plain line, and nothing is lost or half-written."""

import os
import re
import shutil
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from unittest.mock import ANY

from stages import check_params, evaluate
from stages.core.paths import Run
from stages.core.stage import StageError
from stages.networks.numpy_network import inference

import numpy as np
import pytest
from chain import hashes
from conftest import STRACE, Project, without_outputs
from safetensors.numpy import save_file

FASHION, NUMPY = Run("fashion_mlp", "baseline"), Run("numpy_network", "baseline")
TRAIN = f"train@{NUMPY.name}"


def error_line(finished: subprocess.CompletedProcess) -> str:
    """The one line with which a command that failed speaks of a fault."""
    assert finished.returncode != 0
    assert "Traceback" not in finished.stderr, finished.stderr
    lines = [line for line in re.split("[\r\n]", finished.stderr) if line.startswith("error: ")]
    assert len(lines) == 1, finished.stderr
    return lines[0]


def whole(project: Project, reproduced: Project) -> None:
    """After another `dvc repro`, which computes what is amiss, all is as if nothing happened."""
    data = str(reproduced.folder / "data")
    project.run("dvc", "repro", "--no-run-cache", DATASETS_FOLDER=data)
    assert hashes(project.folder) == hashes(reproduced.folder)
    assert project.run("git", "status", "--porcelain").stdout == ""


@pytest.mark.skipif(not STRACE, reason="needs strace")
@pytest.mark.parametrize("stage", [TRAIN, pytest.param("report", marks=pytest.mark.slow(12))])
def test_a_killed_stage_leaves_whole_files_only(
    project: Project, reproduced: Project, stage: str
) -> None:
    """SIGKILL when the first, or the second, finished file would get its name; then none."""
    (command,), expected = without_outputs(project, stage), hashes(reproduced.folder)
    for when, killed in ((1, True), (2, True), (1000, False)):
        inject = f"inject=rename:signal=SIGKILL:when={when}"
        strace = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=rename", "-e", inject)
        assert (project.run(*strace, "sh", "-c", command, check=False).returncode != 0) == killed
        for path, content in hashes(project.folder).items():
            assert ".partial" in path or content == expected[path]
    assert hashes(project.folder) == expected


@pytest.fixture
def training(project: Project) -> subprocess.Popen:
    """A `dvc repro` that tells of the network's first epoch, of more than it will do."""
    project.set_param(NUMPY.network, NUMPY.recipe, epochs=100_000)
    # A shell that runs the tests in the background has SIGINT ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = project.start("dvc", "repro", TRAIN, start_new_session=True)
    seen = ""
    while not re.search(f"{NUMPY.name}: epoch [1-9]", seen):
        read = process.stderr.read(1)
        assert read, seen
        seen += read
    project.set_param(NUMPY.network, NUMPY.recipe, epochs=2)
    return process


def test_a_second_dvc_and_ctrl_c_end_in_one_line_and_it_goes_on_later(
    training: subprocess.Popen, project: Project, reproduced: Project
) -> None:
    os.killpg(training.pid, signal.SIGSTOP)
    second = project.run("dvc", "repro", TRAIN, check=False)
    os.killpg(training.pid, signal.SIGCONT)
    assert second.returncode != 0
    assert "Traceback" not in second.stderr
    assert "is busy, it is being blocked by:" in second.stderr
    os.killpg(training.pid, signal.SIGINT)
    _, stderr = training.communicate()
    assert training.returncode != 0
    assert "Traceback" not in stderr
    assert "interrupted; run `dvc repro` again" in re.split("[\r\n]", stderr)
    assert not (project.folder / NUMPY.model).exists()
    whole(project, reproduced)


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's prctl")
def test_a_stage_ends_with_a_dvc_that_is_killed(
    training: subprocess.Popen, project: Project, reproduced: Project
) -> None:
    training.kill()
    # The pipe ends when nobody holds its other end any more.
    _, stderr = training.communicate()
    assert "Traceback" not in stderr
    assert not (project.folder / NUMPY.model).exists()
    whole(project, reproduced)


def may_mount() -> bool:
    command = ["unshare", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(not may_mount(), reason="needs the right to mount")
@pytest.mark.parametrize(
    ("folder", "options", "message"),
    [
        ("models", "size=4k", "No space left on device"),
        ("reports/metrics", "ro", f"{NUMPY.metrics}.partial: Read-only file system"),
    ],
)
def test_a_disk_that_takes_nothing(
    project: Project, reproduced: Project, folder: str, options: str, message: str
) -> None:
    stage = "train" if folder == "models" else "evaluate"
    # a file system of its own on that folder, for this process alone
    mount = f'mount -t tmpfs -o {options} tmpfs {folder} && exec "$@"'
    alone = ("unshare", "--map-root-user", "--mount", "sh", "-c", mount, "sh")
    command = ("python", "-m", f"stages.{stage}", "numpy_network", "baseline", "MNIST")
    remedy = "fix the problem and run `dvc repro` again"
    finished = project.run(*alone, *command, check=False)
    assert error_line(finished) == f"error: {message}; {remedy}"
    assert hashes(project.folder) == hashes(reproduced.folder)


@pytest.mark.parametrize(
    ("recipe", "values", "options"),
    [
        ("baseline", {"epochs": "many"}, ["train"]),
        ("improved", {"batch_size": -3}, ["--keep-going"]),
    ],
)
def test_a_parameter_that_is_wrong_leaves_all_results_alone(
    project: Project, reproduced: Project, recipe: str, values: dict, options: list[str]
) -> None:
    project.set_param("fashion_mlp", "baseline", epochs=3)
    project.set_param("numpy_network", recipe, **values)
    message = error_line(project.run("dvc", "repro", *options, check=False))
    assert f"numpy_network.{recipe}.{next(iter(values))}: " in message
    assert hashes(project.folder) == hashes(reproduced.folder)


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
        *(
            (run.model, how, f"stages.evaluate {run.network} baseline {dataset}")
            for run, dataset in ((FASHION, "FashionMNIST"), (NUMPY, "MNIST"))
            for how in ("cut off", "another file", "of another network")
        ),
        *(
            (file, how, "stages.plot.__main__ numpy_network baseline MNIST")
            for file in (NUMPY.history, NUMPY.predictions)
            for how in ("another file", "without its last column")
        ),
        (NUMPY.metrics, "cut off", "stages.report.__main__"),
        (NUMPY.seeds, "another file", "stages.report.__main__"),
    ],
    ids=lambda value: str(value).replace("/", "."),
)
def test_a_damaged_or_foreign_result_is_named(
    project: Project, monkeypatch: pytest.MonkeyPatch, file: Path, how: str, stage: str
) -> None:
    damage(project.folder / file, how)
    monkeypatch.chdir(project.folder)
    module, *names = stage.split()
    remedy = "make study" if file.parts[0] == "study" else "dvc repro"
    message = f"{file} is damaged or has another format; `{remedy}` makes it again"
    with pytest.raises(StageError, match=f"^{re.escape(message)}$"):
        import_module(module).main(*names)


def test_a_data_file_damaged_after_the_download_is_downloaded_again(
    project: Project, reproduced: Project
) -> None:
    """`dvc repro` sees it by its hash, before any network is trained on it."""
    path = project.folder / "data/MNIST/raw/train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    data = str(reproduced.folder / "data")
    assert "download@MNIST" in project.run("dvc", "repro", "--dry", DATASETS_FOLDER=data).stdout
    whole(project, reproduced)


def test_settings_of_matplotlib_reach_no_figure(
    project: Project, reproduced: Project, tmp_path: Path
) -> None:
    """Jupyter exports a backend that lies in a package of its own; a file may be anything."""
    styles = tmp_path / ".config/matplotlib/stylelib"
    styles.mkdir(parents=True)
    for path in (project.folder / "matplotlibrc", styles / "own.mplstyle"):
        path.write_bytes(b"font.size: 20 # \xff\n")
    (tmp_path / "matplotlibrc").write_text("backend: nonsense\n")
    project.run(
        *("python", "-m", "stages.plot", "numpy_network", "baseline", "MNIST"),
        MPLBACKEND="module://matplotlib_inline.backend_inline",
        MATPLOTLIBRC=str(tmp_path),
        HOME=str(tmp_path),
    )
    assert hashes(project.folder) == hashes(reproduced.folder)


def test_a_folder_of_the_data_may_be_a_link(
    project: Project, reproduced: Project, tmp_path: Path
) -> None:
    """The files come from a folder whose name the locale cannot print."""
    raw, disk = project.folder / "data/MNIST/raw", tmp_path / "disk"
    shutil.move(raw, disk)
    raw.symlink_to(disk)
    (disk / "t10k-labels-idx1-ubyte").write_bytes(b"damaged")
    command = ("python", "-m", "stages.download", "MNIST")
    data = str(shutil.copytree(reproduced.folder / "data", tmp_path / "dätä"))
    posix = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    project.run(*command, DATASETS_FOLDER=data, **posix)
    assert raw.readlink() == disk
    for path in (reproduced.folder / "data/MNIST/raw").iterdir():
        assert (disk / path.name).read_bytes() == path.read_bytes()
    shutil.rmtree(disk)
    message = error_line(project.run(*command, check=False, DATASETS_FOLDER=data))
    assert (
        message == f"error: data/MNIST/raw is a link to {disk}, which is missing; make or unlink it"
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        *((name, f"fashion_mlp.{name}: a recipe's name has") for name in ("v1.5", "-a", "a;b")),
        ("other", "fashion_mlp.baseline, a run in dvc.yaml, is missing"),
    ],
)
def test_a_recipe_that_the_pipeline_cannot_take_is_named(
    project: Project, monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    project.replace("params.yaml", "  baseline: # as", f"  {name}: # as")
    monkeypatch.chdir(project.folder)
    with pytest.raises(StageError, match=re.escape(message)):
        check_params.main()


def test_an_older_numpy_on_the_path_is_named(project: Project, tmp_path: Path) -> None:
    (tmp_path / "numpy-1.26.4.dist-info").mkdir()
    metadata = "Metadata-Version: 2.1\nName: numpy\nVersion: 1.26.4\n"
    (tmp_path / "numpy-1.26.4.dist-info/METADATA").write_text(metadata)
    command = ("python", "-m", "stages.evaluate", "numpy_network", "baseline", "MNIST")
    finished = project.run(*command, check=False, PYTHONPATH=str(tmp_path))
    assert error_line(finished).startswith("error: numpy is 1.26.4, not ")


def test_a_network_that_memory_does_not_hold(project: Project) -> None:
    project.set_param("numpy_network", "baseline", hidden_sizes=[10_000] * 4)
    limited = ("bash", "-c", 'ulimit -v 2000000; exec "$@"', "bash")
    command = ("python", "-m", "stages.train", "numpy_network", "baseline", "MNIST")
    message = error_line(project.run(*limited, *command, check=False))
    assert message == "error: not enough memory; free some, or lower the sizes in params.yaml"


def test_a_file_that_the_report_misses_is_named(project: Project, reproduced: Project) -> None:
    missing = "reports/figures/numpy_network-improved/history.png"
    (project.folder / missing).unlink()
    finished = project.run("python", "-m", "stages.report", check=False)
    assert error_line(finished).startswith(f"error: {missing} is missing; ")
    assert hashes(project.folder) | {missing: ANY} == hashes(reproduced.folder)


@pytest.mark.parametrize("error", [MemoryError, RuntimeError])
def test_an_error_in_a_prediction_is_not_told_as_a_damaged_model(
    project: Project, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def predict(*_: object) -> None:
        raise error("planted")

    monkeypatch.setattr(inference, "predict", predict)
    monkeypatch.chdir(project.folder)
    with pytest.raises(error, match="planted"):
        evaluate.main("numpy_network", "baseline", "MNIST")
