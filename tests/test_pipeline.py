"""The pipeline as DVC runs it, on small data."""

import json
import re

from stages.core.paths import Problem, Run
from stages.plot.results import read_numbers
from stages.plot.style import FIGURES

import pandas as pd
import pytest
from conftest import TEST_IMAGES, Project

RUNS = [Run(network, "baseline") for network in ("fashion_mlp", "numpy_network")]
TRAIN_NUMPY = ("python", "-m", "stages.train", "numpy_network", "baseline", "MNIST")
NUMPY_STAGES = [
    "check_params",
    "train@numpy_network-baseline",
    "evaluate@numpy_network-baseline",
    "plot@numpy_network-baseline",
    "report",
]


def test_the_claims_of_problems_1_to_3_are_checked(reproduced: Project) -> None:
    l1, box, softmax = (
        read_numbers(reproduced.folder / Problem(name).numbers)
        for name in ("l1_regression", "box_network", "softmax_jacobian")
    )
    assert l1["l1_loss"] == pytest.approx(l1["lower_bound"], abs=1e-8)
    assert l1["dual_residual"] == pytest.approx(0, abs=1e-9)
    assert 0 < l1["max_dual_on_line"] <= 1
    assert 0 <= l1["irls_suboptimality"] < 1e-6
    assert l1["points_on_line"] == 2
    assert l1["l1_loss"] < l1["least_squares_l1_loss"]
    for name in ("pairs_min_loss", "pairs_max_loss", "pairs_lower_bound"):
        assert l1[name] == pytest.approx(2)
    assert l1["max_distance"] < l1["least_squares_max_distance"]
    assert box["box_error"] == box["second_layer_error"] == 0
    assert (box["steps_error"], box["best_steps_error"]) == (1, 0.25)
    assert 0.9 < box["max_error_over_bound"] <= 1 + 1e-9
    zero = {name for name in softmax if name.endswith("_difference")}
    zero |= {"max_row_sum", "asymmetry", "min_eigenvalue", "extreme_not_finite"}
    assert {name: softmax[name] for name in zero} == dict.fromkeys(zero, 0)
    assert softmax["min_rank"] == softmax["max_rank"] == 3
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
    assert metrics == {
        "test_accuracy": history["test_accuracy"].iloc[-1],
        "test_loss": history["test_loss"].iloc[-1],
    }
    assert len(list((reproduced.folder / FIGURES / run.name).glob("*.png"))) == 7
    assert (reproduced.folder / run.model).stat().st_size > 10_000


def test_nothing_runs_twice(project: Project) -> None:
    assert project.repro() == []
    assert project.run("git", "status", "--porcelain").stdout == ""
    assert "up to date" in project.run("dvc", "status", "dvc.yaml").stdout


def test_a_changed_parameter_runs_the_stages_that_it_touches(project: Project) -> None:
    project.set_param("numpy_network", "baseline", learning_rate=0.002)
    assert project.repro() == NUMPY_STAGES


def add_run(project: Project, network: str, recipe: str, dataset: str) -> None:
    """Name a run in dvc.yaml: a line in `runs`, and what `report` reads of it."""
    run = f"{network}-{recipe}"
    item = f"{{network: {network}, recipe: {recipe}, dataset: {dataset}}}"
    project.replace("dvc.yaml", "\nstages:\n", f"      {run}: {item}\n\nstages:\n")
    read = f"      - reports/history/{run}.csv\n      - reports/metrics/{run}.json\n"
    project.replace(
        "dvc.yaml", "      - data/reported.yaml\n", f"{read}      - data/reported.yaml\n"
    )


def test_a_recipe_may_exist_for_one_network_only(project: Project) -> None:
    project.set_param("fashion_mlp", "other", optimizer="adam", learning_rate=0.001)
    add_run(project, "fashion_mlp", "other", "FashionMNIST")
    assert project.repro() == [
        "check_params",
        "train@fashion_mlp-other",
        "evaluate@fashion_mlp-other",
        "plot@fashion_mlp-other",
        "report",
    ]
    report = (project.folder / "reports/report.md").read_text()
    assert re.search(r"^\| fashion_mlp +\| other +\|", report, re.MULTILINE)
    assert "dvc_plots" in project.run("dvc", "plots", "show").stdout
    page = (project.folder / "dvc_plots/index.html").read_text()
    assert "reports/history/fashion_mlp-other.csv" in page.replace("::", "/")


def test_experiments_are_run_shown_compared_and_applied(project: Project) -> None:
    param = "numpy_network.baseline.learning_rate"
    project.run("dvc", "exp", "run", "--name", "faster", "--set-param", f"{param}=0.002")
    diff = project.run("git", "diff", "--", "params.yaml").stdout
    changed = re.findall(r"^[-+] .*", diff, re.MULTILINE)
    assert changed == ["-    learning_rate: 0.0008", "+    learning_rate: 0.002"]
    project.run("git", "stash")
    project.run("dvc", "checkout")

    shown = project.run("dvc", "exp", "show", "--csv").stdout
    assert "faster" in shown
    assert param in shown.splitlines()[0]
    different = json.loads(project.run("dvc", "exp", "diff", "HEAD", "faster", "--json").stdout)
    assert different["params"]["params.yaml"] == {
        param: {"old": 0.0008, "new": 0.002, "diff": pytest.approx(0.0012)}
    }
    assert list(different["metrics"]) == ["reports/metrics/numpy_network-baseline.json"]

    project.run("dvc", "exp", "apply", "faster")
    assert "learning_rate: 0.002" in (project.folder / "params.yaml").read_text()
    assert project.repro() == []


@pytest.mark.parametrize("command", ["metrics", "params"])
def test_a_difference_is_shown(project: Project, command: str) -> None:
    project.set_param("numpy_network", "baseline", learning_rate=0.002)
    project.repro()
    shown = project.run("dvc", command, "diff", "--md").stdout
    assert ("0.002" if command == "params" else "test_loss") in shown


def test_plots_are_shown_and_compared(project: Project) -> None:
    project.set_param("numpy_network", "baseline", learning_rate=0.002)
    project.repro()
    for command in (["show"], ["diff", "HEAD"]):
        finished = project.run("dvc", "plots", *command)
        assert "failed" not in finished.stderr
        page = (project.folder / "dvc_plots/index.html").read_text()
        for run in RUNS:
            assert str(run.history) in page
            assert str(run.predictions) in page
            assert run.name in page


def test_divergence_stops_with_the_epoch_and_the_parameter(project: Project) -> None:
    project.set_param("fashion_mlp", "baseline", learning_rate=1e6)
    finished = project.run("dvc", "repro", check=False)
    assert finished.returncode != 0
    assert "fashion_mlp.baseline diverged in epoch 1" in finished.stderr
    assert "lower fashion_mlp.baseline.learning_rate in params.yaml" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert not (project.folder / RUNS[0].model).exists()


@pytest.mark.parametrize(
    ("network", "dataset", "rate"),
    [("fashion_mlp", "FashionMNIST", 1e20), ("numpy_network", "MNIST", 1e300)],
)
def test_numpy_warns_of_no_divergence(
    small: Project, network: str, dataset: str, rate: float
) -> None:
    small.set_param(network, "baseline", learning_rate=rate)
    finished = small.run("python", "-m", "stages.train", network, "baseline", dataset, check=False)
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
    finished = small.run(*TRAIN_NUMPY, check=False)
    assert finished.returncode == 1
    assert finished.stderr.startswith("error: data/MNIST/raw/train-images-idx3-ubyte ")
    assert finished.stderr.count("\n") == 1


def test_an_unknown_network_is_named(small: Project) -> None:
    finished = small.run(
        "python", "-m", "stages.train", "nothing", "baseline", "MNIST", check=False
    )
    assert finished.returncode == 1
    expected = "error: there is no network 'nothing'; there are fashion_mlp, numpy_network\n"
    assert finished.stderr == expected


def test_a_recipe_that_no_stage_trains_is_named(project: Project) -> None:
    project.set_param("numpy_network", "other", seed=1)
    finished = project.run("dvc", "repro", check=False)
    assert finished.returncode != 0
    assert (
        "error: reports/metrics/numpy_network-other.json is missing; "
        "name numpy_network-other in `runs` and in the deps of `report` in dvc.yaml\n"
    ) in finished.stderr


def test_an_unknown_recipe_is_named(small: Project) -> None:
    finished = small.run(
        "python", "-m", "stages.train", "numpy_network", "better", "MNIST", check=False
    )
    assert finished.returncode == 1
    expected = "error: params.yaml has no numpy_network.better; it has baseline, improved\n"
    assert finished.stderr == expected


def test_a_machine_on_which_nothing_is_pinned_says_so(project: Project) -> None:
    project.replace("stages/core/__init__.py", 'NEEDED = {"avx2"', 'NEEDED = {"avx3"')
    finished = project.run("python", "-m", "stages.report")
    assert finished.stderr == "The numerics are not pinned: the processor lacks avx3.\n"
    report = (project.folder / "reports/report.md").read_text()
    assert "**The numerics were not pinned**: the processor lacks avx3." in report
