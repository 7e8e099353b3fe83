"""The study: on a local cluster, on one of other processes, and as committed."""

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from subprocess import Popen
from types import SimpleNamespace

from stages.core.networks import network_names
from stages.core.paths import Run, study_table
from stages.core.stage import StageError
from stages.results.study import BESIDE, read_table
from study import training
from study.selection import choice, trials
from study.tables import load_study

import numpy as np
import pandas as pd
import pytest
from conftest import Project, give_environment, shared
from distributed import LocalCluster
from ruamel.yaml import YAML

RUNS = [Run(network, recipe) for network in network_names() for recipe in ("baseline", "improved")]
STUDY = ("python", "-m", "study")


def shrink(project: Project, **others: object) -> None:
    path, yaml = project.folder / "study/params.yaml", YAML()
    params = yaml.load(path)
    params["seeds"] = {run.name: 3 for run in RUNS}
    params["search"]["seeds"] = params["ablation"]["seeds"] = 2
    params["search"]["grid"] = {"numpy_network": {"epochs": [1, 2], "learning_rate": [0.2, 0.4]}}
    params["kernels"] = {
        "fashion_mlp": {"Haswell": {}, "nn.Linear": {"layer": "nn.Linear"}},
        "numpy_network": {"Haswell": {}, "Prescott": {"OPENBLAS_CORETYPE": "Prescott"}},
    }
    yaml.dump(params | others, path)


def files(project: Project, folder: str) -> dict[str, int]:
    """The files in a folder of the study, and when each was written."""
    paths = (project.folder / "study" / folder).glob("*.*")
    return {path.name: path.stat().st_mtime_ns for path in paths if path.suffix != ".partial"}


@pytest.fixture(scope="module")
def studied(reproduced: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The small project after its study. Not to be changed: `again` is a copy."""

    def make(folder: Path) -> Project:
        project = reproduced.copy(folder)
        shrink(project)
        project.run(*STUDY)
        return project

    return shared(tmp_path_factory, "studied", make)


@pytest.fixture
def again(studied: Project, tmp_path: Path) -> Project:
    return studied.copy(tmp_path / "again")


def check_seeds(project: Project, run: Run, count: int) -> None:
    _, table = read_table(project.folder / run.seeds)
    assert list(table["seed"]) == list(range(80085, 80085 + count))
    assert table["test_loss"].nunique() == count
    metrics = json.loads((project.folder / run.metrics).read_text())
    assert list(table.iloc[0, :3]) == [80085, metrics["test_loss"], metrics["test_accuracy"]]


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_each_run_is_trained_under_each_seed(studied: Project, run: Run) -> None:
    check_seeds(studied, run, 3)
    history = pd.read_csv(studied.folder / run.history)
    first = read_table(studied.folder / run.seeds)[1].iloc[0]
    assert first["best_epoch"] == history["epoch"][history["test_loss"].idxmin()]


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_the_committed_study_agrees_with_the_committed_metrics(
    committed: Project, run: Run
) -> None:
    made_with, _ = read_table(committed.folder / run.seeds)
    if made_with["code"] == training.CODE[run.network]:
        check_seeds(committed, run, made_with["seeds"])
    else:  # as the study's report must say
        assert run.seeds.name in (committed.folder / "study/report.md").read_text()


@pytest.mark.parametrize("network", network_names())
def test_the_committed_recipe_is_the_choice_of_the_committed_search(
    committed: Project, network: str
) -> None:
    made_with, rows = read_table(committed.folder / study_table("search", network))
    recipe = YAML(typ="safe").load(committed.folder / "params.yaml")[network]["improved"]
    assert choice(trials(rows)).items() <= recipe.items()
    assert {name for name in made_with if recipe.get(name) != made_with[name]} <= BESIDE


def test_the_search_has_a_row_for_each_trial_and_seed(studied: Project) -> None:
    _, rows = read_table(studied.folder / study_table("search", "numpy_network"))
    combinations = list(product([1, 2], [0.2, 0.4], [80085, 80086]))
    assert list(rows.itertuples(index=False, name=None)) == [
        (*combination, *measured)
        for combination, measured in zip(combinations, rows.iloc[:, 3:].values, strict=True)
    ]
    assert rows["validation_loss"].nunique() == len(combinations)
    assert list(rows.columns[3:]) == ["validation_loss", "validation_accuracy"]


@pytest.mark.parametrize("network", network_names())
def test_another_kernel_gives_another_network(studied: Project, network: str) -> None:
    _, rows = read_table(studied.folder / study_table("kernels", network))
    history = pd.read_csv(studied.folder / Run(network, "baseline").history)
    fixed, other = (group.reset_index() for _, group in rows.groupby("kernel", sort=False))
    assert fixed["train_loss"].round(6).equals(history["train_loss"])
    assert list(other["epoch"]) == list(history["epoch"])
    assert not other["train_loss"].equals(fixed["train_loss"])


@pytest.mark.parametrize("network", network_names())
def test_each_technique_is_taken_away_in_turn(studied: Project, network: str) -> None:
    params = YAML(typ="safe").load(studied.folder / "study/params.yaml")
    variants = ["improved", *params["ablation"]["variants"][network]]
    _, table = read_table(studied.folder / study_table("ablation", network))
    assert list(table["variant"]) == [variant for variant in variants for _ in range(2)]
    assert list(table["seed"]) == [80085, 80086] * len(variants)
    losses = table["validation_loss"][table["seed"] == 80085]
    assert losses.nunique() >= len(losses) - 1  # a few steps of weight decay do not show


def test_the_validation_images_are_not_trained_on(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = {"train": np.arange(10), "test": np.arange(10, 12)}
    trained_on = []

    def train(_network: object, _recipe: object, training_set: tuple) -> list[tuple[int, int]]:
        trained_on.extend(value for array in training_set for value in array)
        return [(0, 0)]

    network = SimpleNamespace(
        make_network=id,
        train=train,
        predict=lambda _, images, __: np.log(np.eye(12)[np.minimum(images, 10)] + 1e-9),  # not 11
    )
    monkeypatch.setitem(training.MODULES, "numpy_network", (network, network))
    monkeypatch.setattr(training.datasets, "load", lambda _, part: (parts[part], parts[part]))
    for split, accuracy in (("validation", 1), ("test", 0.5)):
        recipe = SimpleNamespace(validation_images=3, epochs=0)
        rows = training.measure(training.Job("numpy_network", recipe, "MNIST", split))
        assert trained_on == [*range(7)] * 2
        assert rows[-1]["accuracy"] == accuracy
        trained_on.clear()


def test_the_report_summarises_the_accuracies_of_each_run(studied: Project) -> None:
    report = (studied.folder / "study/report.md").read_text()
    for run in RUNS:
        accuracy = 100 * read_table(studied.folder / run.seeds)[1]["test_accuracy"]
        cells = [
            f"{each:.2f}"
            for each in (np.median(accuracy), accuracy.mean(), np.std(accuracy, ddof=1))
        ]
        ends = f"{accuracy.min():.2f} to {accuracy.max():.2f}"
        row = r" +\| ".join([run.network, run.recipe, "3", *cells, ends])
        assert re.search(rf"^\| {row} +\|", report, re.MULTILINE)


@pytest.mark.slow(30)
def test_a_change_of_the_code_of_a_network_renews_its_tables(again: Project) -> None:
    before = files(again, "results")
    again.append("stages/networks/numpy_network/training.py", "\n# changed\n")
    again.run("python", "-m", "study.report")
    report = again.folder / "study/report.md"
    named = set(re.findall(r"[\w-]+\.csv", report.read_text()))
    assert named == {name for name in before if "numpy_network" in name}
    again.run(*STUDY)
    assert {name for name, _ in files(again, "results").items() - before.items()} == named
    assert ".csv" not in report.read_text()


@pytest.mark.slow(30)
def test_a_change_of_a_recipe_renews_its_tables_and_trains_no_network_twice(again: Project) -> None:
    again.set_param("numpy_network", "improved", learning_rate=0.5, epochs=3)
    again.run("python", "-m", "study.report")
    report = (again.folder / "study/report.md").read_text()
    names = {
        f"{kind}-numpy_network{end}.csv" for kind, end in (("seeds", "-improved"), ("ablation", ""))
    }
    assert "Not made yet with today's parameters:" in report
    assert set(re.findall(r"[\w-]+\.csv", report)) == names
    tables, trainings = files(again, "results").items(), files(again, "trainings").items()
    again.run(*STUDY)
    renewed = {name for name, _ in files(again, "results").items() - tables}
    assert renewed == names
    assert len(files(again, "trainings").items() - trainings) == 3 + 5 * 2  # 5 variants, 2 seeds


@pytest.mark.slow(40)
def test_a_killed_study_resumes(project: Project, studied: Project) -> None:
    shrink(project)
    process = project.start(*STUDY)
    while not (kept := files(project, "trainings")):
        assert process.poll() is None, "it was over before it was killed"
        time.sleep(0.01)
    process.kill()
    process.communicate()
    project.run(*STUDY)
    assert kept.items() <= files(project, "trainings").items()
    for path in (run.seeds for run in RUNS):
        assert (project.folder / path).read_bytes() == (studied.folder / path).read_bytes()


@pytest.mark.slow(35)
def test_what_is_current_is_not_computed_again_and_the_pipeline_reports_it(again: Project) -> None:
    shutil.rmtree(again.folder / "study/trainings")
    before = files(again, "results")
    report = again.folder / "reports/report.md"
    assert report.read_text().count("not judged: the study has no seeds of this recipe") == 2
    give_environment(again)
    shown = again.run("make", "study").stdout
    assert files(again, "results") == before
    assert not (again.folder / "study/trainings").exists()
    assert re.findall(r"Running stage '(.*)'", shown) == ["report"]
    assert report.read_text().count("of 3 seeds lie below") == 2


@pytest.fixture
def cluster(project: Project) -> Iterator[LocalCluster]:
    shrink(
        project,
        kernels={},
        **{
            name: {"seeds": 2, part: {}}
            for name, part in (("search", "grid"), ("ablation", "variants"))
        },
    )
    with LocalCluster(n_workers=0, dashboard_address=":0") as cluster:
        yield cluster


@pytest.fixture
def start_worker(cluster: LocalCluster, project: Project) -> Iterator[Callable[[str, str], Popen]]:
    """Start a worker without a nanny, so that killing it kills what it trains."""
    workers = []

    def start(module: str, threads: str) -> Popen:
        options = ("--no-nanny", "--no-dashboard", "--nthreads", threads)
        workers.append(project.start("python", "-m", module, cluster.scheduler_address, *options))
        cluster.wait_for_workers(len(cluster.scheduler.workers) + 1)
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()
        worker.communicate()


def refusal(project: Project, **variables: str) -> str:
    """Run a study that must fail and leave the tables alone; return its last line."""
    before = files(project, "results")
    finished = project.run(*STUDY, check=False, **variables)
    assert finished.returncode == 1
    assert files(project, "results") == before
    return finished.stderr.splitlines()[-1]


@pytest.mark.slow(40)
def test_a_killed_worker_changes_no_byte(
    cluster: LocalCluster, project: Project, start_worker: Callable[[str, str], Popen]
) -> None:
    project.set_param("numpy_network", "improved", epochs=2000)  # some seconds a network
    project.run(*STUDY)
    table = project.folder / Run("numpy_network", "improved").seeds
    undisturbed = table.rename(table.with_suffix(".undisturbed"))
    shutil.rmtree(project.folder / "study/trainings")
    first, _ = (start_worker("study.worker", "1") for _ in range(2))
    study = project.start(*STUDY, DASK_SCHEDULER_ADDRESS=cluster.scheduler_address)
    while not all(worker.processing for worker in cluster.scheduler.workers.values()):
        assert study.poll() is None, "it was over before each worker trained"
        time.sleep(0.1)
    first.kill()
    _, stderr = study.communicate()
    assert study.returncode == 0, stderr
    assert table.read_bytes() == undisturbed.read_bytes()


@pytest.mark.slow(15)
@pytest.mark.parametrize(
    ("module", "threads", "appended", "message"),
    [
        ("study.worker", "2", "", "a worker has several threads; start it with --nthreads 1"),
        ("distributed.cli.dask_worker", "1", "", "not pinned: numpy or torch was imported before"),
        ("study.worker", "1", "\n# changed\n", "error: a worker has other code or numerics ("),
    ],
)
def test_a_worker_whose_bits_may_differ_is_refused(
    cluster: LocalCluster,
    project: Project,
    start_worker: Callable[[str, str], Popen],
    module: str,
    threads: str,
    appended: str,
    message: str,
) -> None:
    start_worker(module, threads)
    project.append("stages/networks/fashion_mlp/training.py", appended)
    assert message in refusal(project, DASK_SCHEDULER_ADDRESS=cluster.scheduler_address)


@pytest.mark.slow(15)
def test_a_network_that_diverges_is_named(project: Project) -> None:
    shrink(project, search={"seeds": 2, "grid": {}})
    project.set_param("numpy_network", "improved", learning_rate=1e30)
    words = r"error: Job\(network='numpy_network', .*\) diverged; lower its learning rate"
    assert re.fullmatch(words, refusal(project))


@pytest.mark.slow(10)
def test_a_scheduler_that_is_not_there_is_named(project: Project) -> None:
    variables = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "1s"}
    message = refusal(project, DASK_SCHEDULER_ADDRESS="tcp://127.0.0.1:9", **variables)
    assert re.match(r"error: .*tcp://127\.0\.0\.1:9", message)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "fashion_mlp-improved: 10",
            "fashion_mlp-improved: -1",
            "seeds.fashion_mlp-improved: Input should be greater",
        ),
        (
            "fashion_mlp-improved: 10",
            "fashion_mlp-improve: 10",
            "seeds: there is no run fashion_mlp-improve",
        ),
        ("momentum: 0.0", "momentun: 0.0", "no momentum: momentun: there is no such parameter"),
        ("momentum: 0.0", "momentum: 7.0", "no momentum: momentum: Input should be"),
        ("momentum: 0.0", "validation_images: 0", "need validation_images, the same for all"),
        (
            "numpy_network:\n      epochs",
            "another:\n      epochs",
            "grid.another: there is no run another-improved",
        ),
    ],
)
def test_a_mistake_in_its_parameters_is_named(
    project: Project, monkeypatch: pytest.MonkeyPatch, old: str, new: str, message: str
) -> None:
    project.replace("study/params.yaml", old, new)
    monkeypatch.chdir(project.folder)
    with pytest.raises(StageError, match=message):
        load_study()


def test_the_committed_report_is_current(committed: Project, tmp_path: Path) -> None:
    project = committed.copy(tmp_path / "project")
    project.run("python", "-m", "study.report")
    assert project.run("git", "status", "--porcelain", "study").stdout == ""
    study, readme = (
        (project.folder / name).read_text() for name in ("study/report.md", "README.md")
    )
    assert re.search(r"(?:^\|.*\n)+(?=\n\w+: `improved`)", study, re.M)[0] in readme
    decimals = r"(?<!Python )\b\d+\.\d\d\b"
    of_study, of_readme = (set(re.findall(decimals, text)) for text in (study, readme))
    assert of_readme <= of_study
