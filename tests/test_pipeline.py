"""The pipeline as DVC runs it, on small data."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
from conftest import TEST_IMAGES, Project

from stages.lib.artifacts import DATASETS, Run, metrics_file, read_metrics

RUNS = [Run(network, "assignment") for network in DATASETS]
NUMPY_STAGES = [
    "check_params",
    "train_numpy_network@assignment",
    "evaluate_numpy_network@assignment",
    "plot_numpy_network@assignment",
    "compare_recipes@fashion_mlp",  # for both networks' histories lie in one folder
    "compare_recipes@numpy_network",
    "report",
]


def test_the_problems_without_runs_are_proven(reproduced: Project) -> None:
    l1, box, softmax = (
        read_metrics(reproduced.folder / metrics_file(name))
        for name in ("l1_regression", "box_network", "softmax_jacobian")
    )
    assert l1["l1_loss"] == pytest.approx(l1["lower_bound"], abs=1e-8)
    assert l1["imbalance"] == 0
    assert 0 < l1["greatest_on_line"] <= 1
    assert 0 <= l1["iterative_excess"] < 1e-6
    assert l1["points_on_line"] == 2
    assert l1["l1_loss"] < l1["least_squares_l1_loss"]
    assert l1["pairs_least_loss"] == l1["pairs_greatest_loss"] == l1["pairs_lower_bound"] == 2
    assert l1["distance"] < l1["least_squares_distance"]
    assert box["box_error"] == box["second_layer_error"] == 0
    assert (box["steps_error"], box["best_steps_error"]) == (1, 0.25)
    assert 0.9 < box["greatest_error_over_bound"] <= 1
    zero = {name for name in softmax if name.endswith("_difference")}
    zero |= {"greatest_row_sum", "asymmetry", "least_eigenvalue", "extreme_not_finite"}
    assert {name: softmax[name] for name in zero} == dict.fromkeys(zero, 0)
    assert softmax["least_rank"] == softmax["greatest_rank"] == 3
    assert softmax["naive_softmax_not_finite"] > 0


def test_a_changed_parameter_of_a_problem_runs_it_and_the_report(project: Project) -> None:
    project.replace("params.yaml", "slope: 2.0", "slope: -1.0")
    assert project.repro() == ["check_params", "l1_regression", "report"]
    report = (project.folder / "reports/report.md").read_text()
    assert re.search(r"^\| true line +\| -1.0 ", report, re.MULTILINE)


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_every_output_is_there_and_whole(reproduced: Project, run: Run) -> None:
    history = pd.read_csv(reproduced.folder / run.history)
    assert list(history.columns) == ["epoch", "train_loss", "test_loss", "test_accuracy"]
    assert list(history["epoch"]) == [0, 1, 2]
    predictions = pd.read_csv(reproduced.folder / run.predictions, dtype={"label": str})
    assert predictions.shape == (TEST_IMAGES, 12)
    assert predictions.iloc[:, 2:].sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-4)
    metrics = json.loads((reproduced.folder / run.metrics).read_text())
    assert metrics["test_loss"] == history["test_loss"].iloc[-1]
    assert metrics["test_accuracy"] == history["test_accuracy"].iloc[-1]
    assert len(list((reproduced.folder / run.figures).glob("*.png"))) == 7
    assert (reproduced.folder / run.model).stat().st_size > 10_000


def test_nothing_runs_twice(project: Project) -> None:
    assert project.repro() == []
    assert project.run("git", "status", "--porcelain").stdout == ""
    assert "up to date" in project.run("dvc", "status", "dvc.yaml").stdout


def test_a_changed_parameter_runs_the_stages_that_it_touches(project: Project) -> None:
    project.set_param("numpy_network", "assignment", learning_rate=0.002)
    assert project.repro() == NUMPY_STAGES


def test_a_second_recipe_takes_a_block_and_a_word(project: Project) -> None:
    project.set_param("fashion_mlp", "other", optimizer="adam", learning_rate=0.001)
    project.set_param("numpy_network", "other", scale_pixels=True, shuffle=True, batch_size=16)
    project.replace("dvc.yaml", "[assignment, improved]", "[assignment, improved, other]")
    assert project.repro() == [
        "check_params",
        "train_fashion_mlp@other",
        "train_numpy_network@other",
        "evaluate_fashion_mlp@other",
        "evaluate_numpy_network@other",
        "plot_fashion_mlp@other",
        "plot_numpy_network@other",
        "compare_recipes@fashion_mlp",
        "compare_recipes@numpy_network",
        "report",
    ]
    report = (project.folder / "reports/report.md").read_text()
    for run in RUNS:
        assert re.search(rf"^\| {run.network} +\| other +\|", report, re.MULTILINE)
    assert "dvc_plots" in project.run("dvc", "plots", "show").stdout
    page = (project.folder / "dvc_plots/index.html").read_text()
    assert "reports/history/numpy_network-other.csv" in page.replace("::", "/")


def test_experiments_are_run_shown_compared_and_applied(project: Project) -> None:
    param = "numpy_network.assignment.learning_rate"
    project.run("dvc", "exp", "run", "--name", "faster", "--set-param", f"{param}=0.002")
    project.run("git", "stash")
    project.run("dvc", "checkout")

    shown = project.run("dvc", "exp", "show", "--csv").stdout
    assert "faster" in shown
    assert param in shown.splitlines()[0]
    different = json.loads(project.run("dvc", "exp", "diff", "HEAD", "faster", "--json").stdout)
    assert different["params"]["params.yaml"] == {
        param: {"old": 0.0008, "new": 0.002, "diff": pytest.approx(0.0012)}
    }
    assert list(different["metrics"]) == ["reports/metrics/numpy_network-assignment.json"]

    project.run("dvc", "exp", "apply", "faster")
    assert "learning_rate: 0.002" in (project.folder / "params.yaml").read_text()
    assert project.repro() == []


@pytest.mark.parametrize("command", ["metrics", "params"])
def test_a_difference_is_shown(project: Project, command: str) -> None:
    project.set_param("numpy_network", "assignment", learning_rate=0.002)
    project.repro()
    shown = project.run("dvc", command, "diff", "--md").stdout
    assert ("0.002" if command == "params" else "test_loss") in shown


def test_plots_are_shown_and_compared(project: Project) -> None:
    project.set_param("numpy_network", "assignment", learning_rate=0.002)
    project.repro()
    for command in (["show"], ["diff", "HEAD"]):
        finished = project.run("dvc", "plots", *command)
        assert "failed" not in finished.stderr
        page = (project.folder / "dvc_plots/index.html").read_text()
        for run in RUNS:
            assert str(run.history) in page
            assert str(run.predictions) in page
            assert run.figures.name in page


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"learning_rate": -0.1}, "learning_rate: Input should be greater than 0"),
        ({"learning_rate": "fast"}, "learning_rate: Input should be a valid number"),
        ({"lerning_rate": 0.1}, "lerning_rate: there is no such parameter"),
    ],
)
def test_a_wrong_parameter_stops_before_any_network_is_trained(
    project: Project, values: dict[str, object], message: str
) -> None:
    project.set_param("fashion_mlp", "assignment", epochs=3)
    project.set_param("numpy_network", "assignment", **values)
    finished = project.run("dvc", "repro", check=False)
    assert finished.returncode != 0
    assert f"error: params.yaml: numpy_network.assignment.{message}" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert "Running stage 'train" not in finished.stdout


def test_divergence_stops_with_the_epoch_and_the_parameter(project: Project) -> None:
    project.set_param("fashion_mlp", "assignment", learning_rate=1e6)
    finished = project.run("dvc", "repro", check=False)
    assert finished.returncode != 0
    assert "fashion_mlp.assignment diverged in epoch 1" in finished.stderr
    assert "lower fashion_mlp.assignment.learning_rate in params.yaml" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert not (project.folder / RUNS[0].model).exists()


@pytest.mark.parametrize(("network", "rate"), [("fashion_mlp", 1e20), ("numpy_network", 1e300)])
def test_what_numpy_says_of_divergence_is_not_repeated(
    small: Project, network: str, rate: float
) -> None:
    small.set_param(network, "assignment", learning_rate=rate)
    finished = small.run("python", "-m", f"stages.train_{network}", "assignment", check=False)
    assert finished.returncode == 1
    assert "diverged in epoch 1" in finished.stderr
    assert "Warning" not in finished.stderr
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_a_damaged_data_file_is_named(small: Project, damage: str) -> None:
    path = small.folder / "data/MNIST/raw/train-images-idx3-ubyte"
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1])
    finished = small.run("python", "-m", "stages.train_numpy_network", "assignment", check=False)
    assert finished.returncode == 1
    assert finished.stderr.startswith("error: data/MNIST/raw/train-images-idx3-ubyte ")
    assert finished.stderr.count("\n") == 1


def test_a_damaged_data_file_is_fetched_anew(project: Project, reproduced: Project) -> None:
    path = project.folder / "data/MNIST/raw/train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1])
    finished = project.run("dvc", "repro", DATASETS_FOLDER=str(reproduced.folder / "data"))
    assert re.findall(r"Running stage '(.*)'", finished.stdout) == ["download@MNIST"]
    assert project.run("git", "status", "--porcelain").stdout == ""


def test_an_unknown_network_is_named(small: Project) -> None:
    finished = small.run("python", "-m", "stages.plot", "nothing", "assignment", check=False)
    assert finished.returncode == 1
    expected = "error: there is no network nothing; there are fashion_mlp, numpy_network\n"
    assert finished.stderr == expected


def test_a_recipe_that_no_stage_trains_is_named(project: Project) -> None:
    project.set_param("numpy_network", "other", seed=1)
    finished = project.run("dvc", "repro", check=False)
    assert finished.returncode != 0
    assert (
        "error: reports/history/numpy_network-other.csv is missing: "
        "is other among the recipes in dvc.yaml?\n"
    ) in finished.stderr


def test_an_unknown_recipe_is_named(small: Project) -> None:
    finished = small.run("python", "-m", "stages.train_numpy_network", "better", check=False)
    assert finished.returncode == 1
    assert (
        finished.stderr
        == "error: params.yaml has no numpy_network.better; it has assignment, improved\n"
    )


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_stage_leaves_no_model_and_the_next_run_is_whole(
    project: Project, sent: signal.Signals
) -> None:
    model = project.folder / RUNS[1].model
    expected = model.read_bytes()
    model.unlink()
    (project.folder / RUNS[1].history).unlink()
    project.set_param("numpy_network", "assignment", epochs=100_000)
    # A shell that runs the tests in the background has SIGINT ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [sys.executable, "-m", "stages.train_numpy_network", "assignment"],
        cwd=project.folder,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not (project.folder / RUNS[1].history).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(sent)
    _, stderr = process.communicate(timeout=60)

    assert process.returncode != 0
    assert "Traceback" not in stderr
    assert not model.exists()
    pd.read_csv(project.folder / RUNS[1].history)
    project.set_param("numpy_network", "assignment", epochs=2)
    shutil.rmtree(project.folder / ".dvc/cache")
    assert "train_numpy_network@assignment" in project.repro()
    assert list(project.folder.rglob("*.partial")) == []
    assert model.read_bytes() == expected
    assert project.run("git", "status", "--porcelain").stdout == ""


def test_a_machine_on_which_nothing_is_pinned_says_so(project: Project) -> None:
    project.replace("stages/__init__.py", 'NEEDED = {"avx2"', 'NEEDED = {"avx3"')
    finished = project.run("python", "-m", "stages.report")
    assert finished.stderr == "The numerics are not pinned: the processor lacks avx3.\n"
    report = (project.folder / "reports/report.md").read_text()
    assert "**The numerics were not pinned**: the processor lacks avx3." in report
