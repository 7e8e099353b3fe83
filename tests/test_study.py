"""The study: on a local cluster, on one of other processes, and as committed."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

from stages import core
from stages.core.networks import network_names
from stages.core.paths import Run
from study.training import jobs
from study.training.paths import REPORT, ablation_file

import distributed
import numpy as np
import pandas as pd
import pytest
from conftest import Project
from ruamel.yaml import YAML
from scipy import stats
from test_dependencies import check, locked

NETWORKS = network_names()
RUNS = [Run(network, recipe) for network in NETWORKS for recipe in ("baseline", "improved")]
IMPROVED = Run("numpy_network", "improved")


def shrink(project: Project) -> None:
    yaml = YAML()
    params = yaml.load(project.folder / "study/params.yaml")
    params["seeds"] = 3
    params["ablation"]["seeds"] = 2
    yaml.dump(params, project.folder / "study/params.yaml")


def study(project: Project) -> Project:
    """The study of a project, in whose folder DVC runs it."""
    return Project(project.folder / "study")


def read(project: Project, table: Path) -> pd.DataFrame:
    return pd.read_csv(project.folder / table, comment="#")


@pytest.fixture(scope="module")
def studied(reproduced: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The small project after its study."""
    project = reproduced.copy(tmp_path_factory.mktemp("studied") / "project")
    shrink(project)
    study(project).repro()
    return project


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_a_run_is_trained_under_each_seed_and_its_own_gives_its_metrics(
    studied: Project, run: Run
) -> None:
    table = read(studied, run.seeds)
    assert list(table["seed"]) == [80085, 80086, 80087]
    assert table["test_loss"].nunique() == 3
    metrics = json.loads((studied.folder / run.metrics).read_text())
    assert table.iloc[0].to_dict() == {
        "seed": 80085,
        "test_loss": metrics["test_loss"],
        "test_accuracy": metrics["test_accuracy"],
    }


@pytest.mark.parametrize("network", NETWORKS)
def test_each_technique_is_taken_away_in_turn(studied: Project, network: str) -> None:
    params = YAML(typ="safe").load(studied.folder / "study/params.yaml")["ablation"]
    variants = ["improved", *params["variants"][network]]
    table = read(studied, ablation_file(network))
    assert list(table["variant"]) == [variant for variant in variants for _ in range(2)]
    assert list(table["seed"]) == [80085, 80086] * len(variants)
    losses = table[table["seed"] == 80085].set_index("variant")["validation_loss"]
    assert losses.nunique() >= len(losses) - 1  # a few steps of weight decay do not show


@pytest.mark.parametrize(("split", "measured"), [("validation", [7, 8, 9]), ("test", [10, 11])])
def test_the_validation_images_are_not_trained_on(
    monkeypatch: pytest.MonkeyPatch, split: str, measured: list[int]
) -> None:
    parts = {"train": np.arange(10), "test": np.arange(10, 12)}
    seen = {}

    def train(*arguments: object) -> list[float]:
        seen["trained on"] = arguments[-1]
        return []

    def predict(_network: object, shown: np.ndarray, _recipe: object) -> np.ndarray:
        seen["measured on"] = shown
        return np.log(np.full((len(shown), 12), 1 / 12))

    network = SimpleNamespace(make_network=id, train=train, predict=predict)
    monkeypatch.setattr(jobs, "module_of", lambda *_: network)
    monkeypatch.setattr(jobs.datasets, "load", lambda _, part: (parts[part], parts[part]))
    worker = SimpleNamespace(state=SimpleNamespace(nthreads=1))
    monkeypatch.setattr(jobs.distributed, "get_worker", lambda: worker)
    recipe = SimpleNamespace(validation_images=3)
    jobs.train(jobs.Job("numpy_network", recipe, "MNIST", split), core.numerics(), jobs.CODE)
    assert [list(array) for array in seen["trained on"]] == [list(range(7))] * 2
    assert list(seen["measured on"]) == measured


def test_the_test_images_do_not_influence_the_ablation(project: Project, studied: Project) -> None:
    shrink(project)
    raw = project.folder / "data/MNIST/raw"
    test_images = raw / "t10k-images-idx3-ubyte"
    test_images.write_bytes(test_images.read_bytes()[:16] + bytes(64 * 784))
    project.run("python", "-m", "study.training.ablation", "numpy_network", "MNIST")
    file = ablation_file("numpy_network")
    assert (project.folder / file).read_bytes() == (studied.folder / file).read_bytes()


def test_the_report_has_mean_standard_deviation_extremes_and_prediction_interval(
    studied: Project,
) -> None:
    report = (studied.folder / REPORT).read_text()
    for run in RUNS:
        accuracy = 100 * read(studied, run.seeds)["test_accuracy"]
        mean, deviation = accuracy.mean(), np.std(accuracy, ddof=1)
        numbers = [mean, deviation, accuracy.min(), accuracy.max()]
        low, high = stats.t.interval(0.95, 2, mean, deviation * (4 / 3) ** 0.5)
        cells = [run.network, run.recipe, *(f"{number:.2f}" for number in numbers)]
        cells.append(f"{low:.2f} to {high:.2f}")
        row = r" +\| ".join(map(re.escape, cells))
        assert re.search(rf"^\| {row} +\|", report, re.MULTILINE)
    assert (studied.folder / "study/figures/seeds.png").stat().st_size > 10_000


def test_results_that_were_made_with_other_parameters_are_refused(
    studied: Project, tmp_path: Path
) -> None:
    project = studied.copy(tmp_path / "project")
    project.set_param("numpy_network", "improved", learning_rate=0.5, epochs=3)
    finished = project.run("python", "-m", "study.report", check=False)
    assert finished.returncode == 1
    assert finished.stderr == (
        "error: study/results/seeds-numpy_network-improved.csv was made with other values of "
        "epochs, learning_rate; `make study` makes it again\n"
    )


def test_the_committed_results_were_made_with_the_committed_parameters(
    committed: Project, tmp_path: Path
) -> None:
    project = committed.copy(tmp_path / "project")
    project.run("python", "-m", "study.report")
    assert project.run("git", "status", "--porcelain", "study").stdout == ""


def test_the_pipeline_runs_no_stage_of_the_study_but_reports_its_seeds(
    studied: Project, tmp_path: Path
) -> None:
    project = studied.copy(tmp_path / "project")
    report = project.folder / "reports/report.md"
    assert report.read_text().count("not judged: the study is of other hyperparameters") == 2
    assert project.repro() == ["report", "html"]
    assert "not judged" not in report.read_text()
    assert report.read_text().count("reproduced: 95 % prediction interval ") == 2
    assert study(project).repro() == []


def test_an_experiment_does_not_record_the_studys_results_as_those_of_other_parameters(
    studied: Project, tmp_path: Path
) -> None:
    project = studied.copy(tmp_path / "project")
    lock = (project.folder / "study/dvc.lock").read_bytes()
    project.set_param("numpy_network", "improved", learning_rate=0.5)
    project.run("dvc", "exp", "save")
    saved = project.run("dvc", "exp", "list", "--sha-only").stdout.strip()
    assert "learning_rate: 0.5" in project.run("git", "show", f"{saved}:params.yaml").stdout
    assert (project.folder / "study/dvc.lock").read_bytes() == lock
    assert stale(project) == {"seeds@numpy_network-improved", "ablation@numpy_network", "report"}


def test_compiled_code_makes_nothing_stale(studied: Project, tmp_path: Path) -> None:
    project = studied.copy(tmp_path / "project")
    for folder in ("stages/core", "study/training"):
        (project.folder / folder / "__pycache__").mkdir()
        project.write(f"{folder}/__pycache__/module.cpython-311.pyc", "compiled")
    assert stale(project) == set()


@pytest.mark.parametrize(
    "stage", ["seeds@fashion_mlp-improved", "ablation@numpy_network", "report"]
)
def test_a_stage_of_the_study_imports_what_it_declares(
    studied: Project, tmp_path: Path, stage: str
) -> None:
    check(studied.copy(tmp_path / "project"), locked(studied, "study")[stage])


def stale(project: Project) -> set[str]:
    """The stages of the study that a changed file or parameter would run again."""
    return set(json.loads(study(project).run("dvc", "status", "--json").stdout))


@pytest.mark.parametrize("network", NETWORKS)
def test_a_change_of_one_network_leaves_the_other_alone(
    studied: Project, tmp_path: Path, network: str
) -> None:
    own = {f"seeds@{network}-baseline", f"seeds@{network}-improved", f"ablation@{network}"}
    project = studied.copy(tmp_path / "code")
    project.append(f"stages/networks/{network}/training.py", "\n# changed\n")
    assert stale(project) == own
    project = studied.copy(tmp_path / "recipe")
    project.set_param(network, "improved", epochs=3)
    assert stale(project) == own - {f"seeds@{network}-baseline"} | {"report"}
    project = studied.copy(tmp_path / "variants")
    yaml = YAML()
    params = yaml.load(project.folder / "study/params.yaml")
    params["ablation"]["variants"][network]["faster"] = {"learning_rate": 1.0}
    yaml.dump(params, project.folder / "study/params.yaml")
    assert stale(project) == {f"ablation@{network}", "report"}


class Cluster:
    """A scheduler and workers, each a process of its own."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.processes: list[subprocess.Popen] = []
        scheduler = self.start(
            *("-m", "distributed.cli.dask_scheduler", "--no-dashboard"),
            *("--host", "127.0.0.1", "--port", "0"),
        )
        lines = iter(scheduler.stderr.readline, "")
        self.address = next(line.split()[-1] for line in lines if "Scheduler at:" in line)

    def start(self, *arguments: str) -> subprocess.Popen:
        process = self.project.start(sys.executable, *arguments)
        self.processes.append(process)
        return process

    def worker(self, *options: str, module: str = "study.worker") -> subprocess.Popen:
        """Start a worker without a nanny, so that killing it kills what it trains."""
        return self.start("-m", module, self.address, "--no-nanny", "--no-dashboard", *options)

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.kill()
            process.communicate()  # which also closes its pipes


@pytest.fixture
def cluster(project: Project) -> Iterator[Cluster]:
    cluster = Cluster(project)
    yield cluster
    cluster.stop()


SEEDS = ("python", "-m", "study.training.seeds", "numpy_network", "improved", "MNIST")


def test_another_cluster_gives_the_same_bytes_though_a_worker_is_killed(
    cluster: Cluster, project: Project
) -> None:
    shrink(project)
    project.set_param("numpy_network", "improved", epochs=2000)  # some seconds a network
    project.run(*SEEDS)
    undisturbed = (project.folder / IMPROVED.seeds).read_bytes()
    (project.folder / IMPROVED.seeds).unlink()

    first, _ = cluster.worker("--nthreads", "1"), cluster.worker("--nthreads", "1")
    with distributed.Client(cluster.address) as client:
        client.wait_for_workers(2)
        study = project.start(*SEEDS, DASK_SCHEDULER_ADDRESS=cluster.address)
        while not all(client.processing().values()):
            assert study.poll() is None, "it was over before each worker trained"
            time.sleep(0.1)
        first.send_signal(signal.SIGKILL)
        assert study.poll() is None
        _, stderr = study.communicate()
    assert study.returncode == 0, stderr
    assert (project.folder / IMPROVED.seeds).read_bytes() == undisturbed


@pytest.mark.parametrize(
    ("module", "threads", "message"),
    [
        ("study.worker", "2", "a worker has several threads; start it with --nthreads 1"),
        (
            "distributed.cli.dask_worker",
            "1",
            f"a worker computes with {core.numerics().removesuffix('pinned')}"
            "not pinned: numpy or torch was imported before stages.core, and not with ",
        ),
    ],
)
def test_a_worker_whose_bits_may_differ_is_refused(
    cluster: Cluster, project: Project, module: str, threads: str, message: str
) -> None:
    before = (project.folder / IMPROVED.seeds).read_bytes()
    cluster.worker("--nthreads", threads, module=module)
    finished = project.run(*SEEDS, check=False, DASK_SCHEDULER_ADDRESS=cluster.address)
    assert finished.returncode == 1
    assert f"error: {message}" in finished.stderr
    assert (project.folder / IMPROVED.seeds).read_bytes() == before


def test_a_worker_that_has_loaded_other_code_is_refused(cluster: Cluster, project: Project) -> None:
    before = (project.folder / IMPROVED.seeds).read_bytes()
    cluster.worker("--nthreads", "1")
    with distributed.Client(cluster.address) as client:
        client.wait_for_workers(1)
    project.append("stages/networks/numpy_network/training.py", "\n# changed\n")
    finished = project.run(*SEEDS, check=False, DASK_SCHEDULER_ADDRESS=cluster.address)
    assert finished.returncode == 1
    assert "error: a worker has loaded other code than is here; restart it" in finished.stderr
    assert (project.folder / IMPROVED.seeds).read_bytes() == before


def test_a_network_that_diverges_is_an_error(project: Project) -> None:
    before = (project.folder / IMPROVED.seeds).read_bytes()
    project.set_param("numpy_network", "improved", learning_rate=1e30)
    finished = project.run(*SEEDS, check=False)
    assert finished.returncode == 1
    words = r"^error: numpy_network diverged in epoch [12] with the seed 80\d{3};"
    assert re.search(words, finished.stderr, re.MULTILINE)
    assert "Traceback" not in finished.stderr.split("error: ")[-1]
    assert (project.folder / IMPROVED.seeds).read_bytes() == before


def test_a_scheduler_that_is_not_there_is_reported(project: Project) -> None:
    finished = project.run(*SEEDS, check=False, DASK_SCHEDULER_ADDRESS="tcp://127.0.0.1:9",
                           DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT="1s")  # fmt: skip
    assert finished.returncode == 1
    assert re.search(r"^error: .*tcp://127\.0\.0\.1:9", finished.stderr, re.MULTILINE)
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\nseeds: ", "\nseeds: -", "params.yaml: seeds: Input should be greater than"),
        ("\n  seeds: ", "\n  seeds: -", "ablation.seeds: Input should be greater than"),
        (
            "{momentum: 0.0}",
            "{momentun: 0.0}",
            "ablation.variants.numpy_network.no momentum: momentun: there is no such parameter",
        ),
        (
            "{scale_pixels: false}",
            "{scale_pixels: 7}",
            "ablation.variants.numpy_network.raw pixels: scale_pixels: Input should be a valid",
        ),
        ("numpy_network:", "another:", "has no ablation.variants.numpy_network"),
    ],
)
def test_a_mistake_in_the_studys_parameters_is_named(
    project: Project, old: str, new: str, message: str
) -> None:
    project.replace("study/params.yaml", old, new)
    command = ("python", "-m", "study.training.ablation", "numpy_network", "MNIST")
    finished = project.run(*command, check=False)
    assert finished.returncode == 1
    assert "study/params.yaml" in finished.stderr
    assert message in finished.stderr
    assert finished.stderr.count("\n") == 1


def test_an_ablation_without_validation_images_is_an_error(project: Project) -> None:
    project.set_param("numpy_network", "improved", validation_images=0)
    command = ("python", "-m", "study.training.ablation", "numpy_network", "MNIST")
    finished = project.run(*command, check=False)
    assert finished.returncode == 1
    assert finished.stderr == (
        "error: numpy_network.improved has no validation_images to compare variants on\n"
    )


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_the_committed_study_agrees_with_the_committed_metrics(
    committed: Project, run: Run
) -> None:
    """So that a change of the training that leaves the study behind is seen."""
    table = read(committed, run.seeds)
    metrics = json.loads((committed.folder / run.metrics).read_text())
    assert len(table) == 10
    assert table["test_loss"].iloc[0] == metrics["test_loss"]
    assert table["test_accuracy"].iloc[0] == metrics["test_accuracy"]


@pytest.mark.parametrize("network", NETWORKS)
def test_the_improved_recipes_are_better_by_far_more_than_the_seeds_explain(
    committed: Project, network: str
) -> None:
    ours, theirs = (
        read(committed, Run(network, recipe).seeds)["test_accuracy"]
        for recipe in ("improved", "baseline")
    )
    error = np.sqrt(ours.var() / len(ours) + theirs.var() / len(theirs))
    assert ours.mean() - theirs.mean() > 4 * error


@pytest.mark.parametrize(
    ("network", "goal"),
    [
        ("fashion_mlp", 0.912),  # the table of FashionMNIST's authors has 0.883 for such a network
        ("numpy_network", 0.980),  # LeCun et al., 1998, have 0.9695 with 300 and 100 units
    ],
)
def test_the_improved_recipes_reach_their_goals(
    committed: Project, network: str, goal: float
) -> None:
    table = read(committed, Run(network, "improved").seeds)
    assert table["test_accuracy"].mean() >= goal


def test_the_readme_shows_the_ten_seeds(committed: Project) -> None:
    report = (committed.folder / REPORT).read_text()
    table = re.search(r"(?:^\|.*\n)+", report, re.MULTILINE)[0]
    assert table.count("\n") == 6
    assert table in (committed.folder / "README.md").read_text()
