"""Faults, caused for real: each ends in one plain line, and nothing is lost or half-written."""

import os
import re
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from unittest.mock import ANY, Mock

from stages import check_params, evaluate
from stages.core.paths import Run
from stages.core.stage import StageError
from stages.networks.numpy_network import inference

import numpy as np
import pytest
from conftest import STRACE, Project, hashes, without_outputs
from safetensors.numpy import save_file

FASHION, NUMPY = Run("fashion_mlp", "baseline"), Run("numpy_network", "baseline")
TRAIN = f"train@{NUMPY.name}"
needs_prctl = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's prctl")


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
def test_a_killed_stage_leaves_whole_files_only(project: Project, reproduced: Project) -> None:
    """SIGKILL when the first, or the second, finished file would get its name; then none."""
    (command,), expected = without_outputs(project, TRAIN), hashes(reproduced.folder)
    for when, killed in ((1, True), (2, True), (1000, False)):
        inject = f"inject=rename:signal=SIGKILL:when={when}"
        strace = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=rename", "-e", inject)
        assert (project.run(*strace, "sh", "-c", command, check=False).returncode != 0) == killed
        for path, content in hashes(project.folder).items():
            assert ".partial" in path or content == expected[path]
    assert hashes(project.folder) == expected


@pytest.mark.parametrize("killed", [False, pytest.param(True, marks=needs_prctl)])
def test_an_ended_training_is_repeated(project: Project, reproduced: Project, killed: bool) -> None:
    project.set_param(NUMPY.network, NUMPY.recipe, epochs=100_000)
    # A shell that runs the tests in the background has SIGINT ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = project.start("dvc", "repro", "--single-item", TRAIN, start_new_session=True)
    seen = ""
    while not re.search(f"{NUMPY.name}: epoch [1-9]", seen):
        read = process.stderr.read(1)
        assert read, seen
        seen += read
    project.set_param(NUMPY.network, NUMPY.recipe, epochs=2)
    if killed:
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGINT)
    # The pipe ends when nobody holds its other end any more.
    _, stderr = process.communicate()
    assert process.returncode != 0
    assert "Traceback" not in stderr
    assert killed or "interrupted; run `dvc repro` again" in re.split("[\r\n]", stderr)
    assert not NUMPY.model.exists()
    whole(project, reproduced)


@pytest.mark.skipif(
    subprocess.getstatusoutput("unshare --map-root-user --mount mount -t tmpfs tmpfs /mnt")[0] != 0,
    reason="needs the right to mount",
)
@pytest.mark.parametrize(
    ("stage", "disk", "message"),
    [
        ("train", "size=4k tmpfs models", "No space left on device"),
        ("evaluate", "ro tmpfs reports/metrics", f"{NUMPY.metrics}.partial: Read-only file system"),
    ],
)
def test_a_disk_that_takes_nothing(
    project: Project, reproduced: Project, stage: str, disk: str, message: str
) -> None:
    # a file system of its own on that folder, for this process alone
    mount = f'mount -t tmpfs -o {disk} && exec "$@"'
    alone = ("unshare", "--map-root-user", "--mount", "sh", "-c", mount, "sh")
    command = ("python", "-m", f"stages.{stage}", "numpy_network", "baseline", "MNIST")
    remedy = "fix the problem and run `dvc repro` again"
    finished = project.run(*alone, *command, check=False)
    assert error_line(finished) == f"error: {message}; {remedy}"
    assert hashes(project.folder) == hashes(reproduced.folder)


def test_a_wrong_parameter_leaves_all_results_alone(project: Project, reproduced: Project) -> None:
    project.set_param("fashion_mlp", "baseline", epochs=3)
    project.set_param("numpy_network", "improved", batch_size=-3)
    message = error_line(project.run("dvc", "repro", "--keep-going", check=False))
    assert "numpy_network.improved.batch_size: " in message
    assert hashes(project.folder) == hashes(reproduced.folder)


DAMAGE = {
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-7]),
    "another file": lambda path: path.write_text("<html>Please log in</html>\n"),
    "of another network": lambda path: save_file({"0.weight": np.zeros((3, 2), "f4")}, path),
    "without a column": lambda path: path.write_text(re.sub(r"(?m),[^,]*$", "", path.read_text())),
}


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
            for how in ("another file", "without a column")
        ),
        (NUMPY.metrics, "cut off", "stages.report.__main__"),
        (NUMPY.model, "of another network", "stages.report.__main__"),
        (NUMPY.seeds, "another file", "stages.report.__main__"),
    ],
    ids=lambda value: str(value).replace("/", "."),
)
@pytest.mark.usefixtures("project")
def test_a_damaged_or_foreign_result_is_named(file: Path, how: str, stage: str) -> None:
    DAMAGE[how](file)
    module, *names = stage.split()
    remedy = "make study" if file.parts[0] == "study" else "dvc repro"
    message = f"{file} is damaged or has another format; `{remedy}` makes it again"
    with pytest.raises(StageError, match=f"^{re.escape(message)}$"):
        import_module(module).main(*names)


def test_a_damaged_data_file_is_downloaded_again(project: Project, reproduced: Project) -> None:
    path = project.folder / "data/MNIST/raw/train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    whole(project, reproduced)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        *((name, f"fashion_mlp.{name}: a recipe's name has") for name in ("v1.5", "-a", "a;b")),
        ("other", "fashion_mlp.baseline, a run in dvc.yaml, is missing"),
    ],
)
def test_a_recipe_that_dvc_cannot_take_is_named(small: Project, name: str, message: str) -> None:
    small.replace("params.yaml", "  baseline: # as", f"  {name}: # as")
    with pytest.raises(StageError, match=re.escape(message)):
        check_params.main()


def test_an_older_numpy_reaches_no_stage_and_is_named(project: Project, tmp_path: Path) -> None:
    (tmp_path / "numpy-1.26.4.dist-info").mkdir()
    metadata = "Metadata-Version: 2.1\nName: numpy\nVersion: 1.26.4\n"
    (tmp_path / "numpy-1.26.4.dist-info/METADATA").write_text(metadata)
    (tmp_path / "numpy.py").write_text("raise SystemExit")
    stage = ("--force", "--single-item", f"evaluate@{NUMPY.name}")
    project.run("dvc", "repro", *stage, PYTHONPATH=str(tmp_path), PYTHONSAFEPATH="1")
    assert project.run("git", "status", "--porcelain").stdout == ""
    command = ("python", "-m", "stages.evaluate", "numpy_network", "baseline", "MNIST")
    finished = project.run(*command, check=False, PYTHONPATH=str(tmp_path))
    assert error_line(finished).startswith("error: numpy is 1.26.4, not ")


def test_what_the_locale_cannot_print_is_printed_escaped(project: Project) -> None:
    code = "from stages.core.stage import run_stage; run_stage(lambda: print('d\\xe4ta'))"
    posix = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert project.run("python", "-c", code, **posix).stdout == "d\\xe4ta\n"


def test_a_network_that_memory_does_not_hold(project: Project) -> None:
    project.set_param("numpy_network", "baseline", hidden_sizes=[10_000] * 4)
    limited = ("bash", "-c", 'ulimit -v 2000000; exec "$@"', "bash")
    command = ("python", "-m", "stages.train", "numpy_network", "baseline", "MNIST")
    message = error_line(project.run(*limited, *command, check=False))
    assert message == "error: not enough memory; free some, or lower the sizes in params.yaml"


def test_a_file_that_the_report_misses_is_named(project: Project, reproduced: Project) -> None:
    missing = "reports/figures/numpy_network-improved/history.png"
    Path(missing).unlink()
    message = error_line(project.run("python", "-m", "stages.report", check=False))
    assert message.startswith(f"error: {missing} is missing; ")
    assert hashes(project.folder) | {missing: ANY} == hashes(reproduced.folder)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("error", [MemoryError, RuntimeError])
def test_other_errors_are_not_told_as_damage(monkeypatch: pytest.MonkeyPatch, error: type) -> None:
    monkeypatch.setattr(inference, "predict", Mock(side_effect=error("planted")))
    with pytest.raises(error, match="planted"):
        evaluate.main("numpy_network", "baseline", "MNIST")
