"""The study: on a local cluster, on one of other processes, and as committed."""

import json
import re
import shutil
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

from stages.core import numerics
from stages.core.networks import load_recipe, network_names
from stages.core.paths import Run, study_table
from stages.core.stage import StageError
from stages.report import __main__ as pipeline_report
from stages.results.study import BESIDE, read_table
from study import __main__ as study
from study import report, training
from study.selection import choice, trials
from study.tables import load_study

import dask
import numpy as np
import pandas as pd
import pytest
from conftest import REPOSITORY, Project, shared
from distributed import LocalCluster
from ruamel.yaml import YAML

RUNS = [Run(network, recipe) for network in network_names() for recipe in ("baseline", "improved")]
RUN = Run("numpy_network", "improved")
STUDY = ("python", "-m", "study")


def shrink(project: Project, **others: object) -> None:
    path, yaml = project.folder / "study/params.yaml", YAML()
    params = yaml.load(path)
    params["seeds"] = {run.name: 2 for run in RUNS}
    params["search"], params["ablation"]["seeds"] = {"seeds": 2, "grid": {}}, 2
    params["kernels"] = {
        "fashion_mlp": {"Haswell": {}, "nn.Linear": {"layer": "nn.Linear"}},
        "numpy_network": {"Haswell": {}, "Prescott": {"OPENBLAS_CORETYPE": "Prescott"}},
    }
    yaml.dump(params | others, path)


def enter(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Go on in a project, with the code that its networks have there now."""
    monkeypatch.chdir(project.folder)
    for network in network_names():
        monkeypatch.setitem(training.CODE, network, training.digest(network))
    return project


def files(folder: str) -> dict[str, int]:
    """The files in a folder of the study, and when each was written."""
    paths = Path("study", folder).glob("*.*")
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
def again(studied: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    return enter(studied.copy(tmp_path / "again"), monkeypatch)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[training.Job]:
    """What the study trains from now on, in this process."""
    trained = []

    def train_all(jobs: list[training.Job]) -> None:
        for job in jobs:
            trained.append(job)
            job.kept.write_text(json.dumps(training.measure(job)))

    monkeypatch.setattr(study, "train_all", train_all)
    return trained


def check_seeds(project: Project, run: Run, count: int) -> None:
    _, table = read_table(project.folder / run.seeds)
    assert list(table["seed"]) == list(range(80085, 80085 + count))
    assert table["test_loss"].nunique() == count
    metrics = json.loads((project.folder / run.metrics).read_text())
    assert list(table.iloc[0, :3]) == [80085, metrics["test_loss"], metrics["test_accuracy"]]


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_each_run_is_trained_under_each_seed(studied: Project, run: Run) -> None:
    check_seeds(studied, run, 2)
    history = pd.read_csv(studied.folder / run.history)
    first = read_table(studied.folder / run.seeds)[1].iloc[0]
    assert first["best_epoch"] == history["epoch"][history["test_loss"].idxmin()]


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_the_committed_study_agrees_with_committed_metrics(committed: Project, run: Run) -> None:
    made_with, _ = read_table(committed.folder / run.seeds)
    if made_with["code"] == training.CODE[run.network]:
        check_seeds(committed, run, made_with["seeds"])
    else:  # as the study's report must say
        assert run.seeds.name in (committed.folder / "study/report.md").read_text()


@pytest.mark.parametrize("network", network_names())
def test_the_committed_recipe_is_the_choice_of_the_search(committed: Project, network: str) -> None:
    made_with, rows = read_table(committed.folder / study_table("search", network))
    recipe = YAML(typ="safe").load(committed.folder / "params.yaml")[network]["improved"]
    assert choice(trials(rows)).items() <= recipe.items()
    assert {name for name in made_with if recipe.get(name) != made_with[name]} <= BESIDE


def test_a_search_trains_each_trial_once(again: Project, trained: list[training.Job]) -> None:
    grid = {RUN.network: {"epochs": [2], "hidden_sizes": [[32, 32], [8]]}}
    shrink(again, search={"seeds": 2, "grid": grid})
    study.main()
    assert [job.recipe.hidden_sizes for job in trained] == 2 * [[8]]  # the other is the recipe
    _, rows = read_table(study_table("search", RUN.network))
    combinations = list(product([2], ["[32, 32]", "[8]"], [80085, 80086]))
    assert list(rows.iloc[:, :3].itertuples(index=False, name=None)) == combinations
    assert rows["validation_loss"].nunique() == len(combinations)
    assert list(rows.columns[3:]) == ["validation_loss", "validation_accuracy"]
    these = choice(trials(rows)) == {"epochs": 2, "hidden_sizes": "[32, 32]"}
    text = Path("study/report.md").read_text()
    assert f"has {'these' if these else 'other'} values." in text
    assert ".csv" not in text
    change_code(again)
    report.main()
    assert "search-numpy_network.csv" in Path("study/report.md").read_text()


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
    metrics = json.loads((studied.folder / Run(network, "improved").metrics).read_text())
    assert list(table.iloc[0, 2:]) == [metrics["validation_loss"], metrics["validation_accuracy"]]
    losses = table["validation_loss"][table["seed"] == 80085]
    assert losses.nunique() >= len(losses) - 1  # a few steps of weight decay do not show


def test_the_report_summarises_accuracies(studied: Project) -> None:
    report = (studied.folder / "study/report.md").read_text()
    for run in RUNS:
        accuracy = 100 * read_table(studied.folder / run.seeds)[1]["test_accuracy"]
        numbers = np.median(accuracy), accuracy.mean(), np.std(accuracy, ddof=1)
        ends = f"{accuracy.min():.2f} to {accuracy.max():.2f}"
        cells = [run.network, run.recipe, "2", *(f"{each:.2f}" for each in numbers), ends]
        row = r" +\| ".join(cells)
        assert re.search(rf"^\| {row} +\|", report, re.MULTILINE)


def change_code(project: Project) -> None:
    project.append("stages/networks/numpy_network/training.py", "\n# changed\n")
    training.CODE[RUN.network] = training.digest(RUN.network)  # `enter` has it restored


def change_recipe(project: Project) -> None:
    project.set_param(RUN.network, RUN.recipe, learning_rate=0.4)


@pytest.mark.parametrize(
    ("change", "renewed", "trainings"),
    [
        pytest.param(
            change_code,
            "(seeds-(base|impr).*|ablation|kernels).csv",
            2 * 2 + 5 * 2 + 1,  # the first kernel, the fixed one, is that of the first seed
            marks=pytest.mark.slow(6),
        ),
        (change_recipe, "(seeds-improved|ablation).csv", 2 + 5 * 2),
        (lambda _: study_table("kernels", RUN.network).unlink(), "kernels.csv", 0),
    ],
)
def test_a_change_renews_its_tables_alone_and_trains_no_network_twice(
    again: Project, trained: list, change: Callable, renewed: str, trainings: int
) -> None:
    before = files("results")
    study.main()
    assert (files("results"), trained) == (before, [])
    change(again)
    report.main()
    text = Path("study/report.md").read_text()
    names = set(re.findall(r"[\w-]+\.csv", text))
    stale = {name for name in before if re.fullmatch(renewed, name.replace("-numpy_network", ""))}
    assert names == stale
    study.main()
    assert {name for name, _ in files("results").items() - before.items()} == names
    assert len(trained) == trainings
    assert ".csv" not in Path("study/report.md").read_text()


@pytest.mark.usefixtures("again", "undrawn")
def test_the_pipeline_reports_the_study() -> None:
    page = Path("reports/report.md")
    assert page.read_text().count("not judged: the study has no seeds of this recipe") == 2
    pipeline_report.main()
    assert page.read_text().count("of 2 seeds lie below") == 2
    for run in (each for each in RUNS if each.recipe == "baseline"):
        last = read_table(study_table("kernels", run.network))[1].groupby("kernel").last()
        ends = (f"{100 * each:.2f} %" for each in sorted(last["test_accuracy"]))
        assert f"{run.name} ends between {' and '.join(ends)}," in page.read_text()


@pytest.mark.slow(20)
def test_a_killed_study_loses_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.set_param(RUN.network, RUN.recipe, epochs=1000)  # a second a network
    shrink(project, seeds={RUN.name: 2}, kernels={}, ablation={"seeds": 2, "variants": {}})
    enter(project, monkeypatch)

    def until(condition: Callable[[], bool]) -> None:
        while not condition():
            assert process.poll() is None, "it was over before"
            time.sleep(0.01)

    with LocalCluster(n_workers=0, dashboard_address=":0") as cluster:
        address = cluster.scheduler_address
        # without a nanny, so that killing it kills what it trains
        worker = ("python", "-m", "study.worker", address, "--no-nanny", "--no-dashboard")
        workers = [project.start(*worker, "--nthreads", "1") for _ in range(2)]
        try:
            cluster.wait_for_workers(2)
            process = project.start(*STUDY, DASK_SCHEDULER_ADDRESS=address)
            until(lambda: all(each.processing for each in cluster.scheduler.workers.values()))
            workers[0].kill()
            until(lambda: files("trainings") != {})
            process.kill()
            process.communicate()
            kept = files("trainings")
            project.run(*STUDY, DASK_SCHEDULER_ADDRESS=address)
        finally:
            for each in workers:
                each.kill()
                each.communicate()
    assert len(kept) == 1
    assert kept.items() <= files("trainings").items()
    ((table,),) = filter(None, load_study().values())
    assert table.is_current()
    for _, job in table.jobs:
        assert json.loads(job.kept.read_text()) == training.measure(job)


@pytest.mark.parametrize(
    ("threads", "message"),
    [
        (1, r"^Job\(network='numpy_network', .*\) diverged; lower its learning rate$"),
        (2, "^a worker has several threads; start it with --nthreads 1$"),
    ],
)
def test_a_network_that_diverges_or_a_worker_with_threads_ends_the_study(
    project: Project, monkeypatch: pytest.MonkeyPatch, threads: int, message: str
) -> None:
    enter(project, monkeypatch)
    recipe = load_recipe(RUN).changed({"learning_rate": 1e30})
    job = training.Job(RUN.network, recipe, "MNIST", "test")
    options = {"n_workers": 1, "threads_per_worker": threads, "dashboard_address": ":0"}
    with (
        LocalCluster(processes=False, **options) as cluster,
        dask.config.set({"scheduler-address": cluster.scheduler_address}),
        pytest.raises(StageError, match=message),
    ):
        training.train_all([job])
    assert not job.kept.exists()


@pytest.mark.parametrize("other", ["code", "numerics"])
def test_a_worker_with_other_code_or_numerics_is_refused(
    reproduced: Project, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    enter(reproduced, monkeypatch)
    job = training.Job(RUN.network, load_recipe(RUN), "MNIST", "test")
    kept = job.kept
    if other == "code":
        monkeypatch.setitem(training.CODE, RUN.network, "another")
    else:
        monkeypatch.setattr(numerics, "UNPINNED", "the reason is planted")
    with pytest.raises(StageError, match=r"^a worker has other code or numerics \(.*; restart it"):
        training.train(job, kept)


def test_a_scheduler_that_is_not_there_is_named() -> None:
    address = "tcp://127.0.0.1:9"
    settings = {"scheduler-address": address, "distributed.comm.timeouts.connect": "1s"}
    with dask.config.set(settings), pytest.raises(OSError, match=address):
        training.train_all([])


def test_broken_settings_of_dask_are_named(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("a: [")
    finished = Project(REPOSITORY).run(*STUDY, check=False, DASK_CONFIG=str(tmp_path))
    assert re.fullmatch(f"error: .*{tmp_path}/own.yaml.*\n", finished.stderr)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("momentum: 0.0", "momentum: 7.0", "no momentum: momentum: Input should be"),
        ("momentum: 0.0", "validation_images: 0", "need validation_images, the same for all"),
        ("numpy_network:\n      ep", "my:\n      ep", "search.grid: there is no run my-improved"),
    ],
)
def test_a_mistake_in_parameters_is_named(small: Project, old: str, new: str, message: str) -> None:
    small.replace("study/params.yaml", old, new)
    with pytest.raises(StageError, match=message):
        load_study()


def test_the_committed_report_is_current(
    committed: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = enter(committed.copy(tmp_path / "project"), monkeypatch)
    shutil.rmtree("study/figures")
    report.main()
    assert project.run("git", "status", "--porcelain", "study").stdout == ""
    study, readme = Path("study/report.md").read_text(), Path("README.md").read_text()
    assert re.search(r"(?:^\|.*\n)+(?=\n\w+: over)", study, re.M)[0] in readme
    decimals = r"(?<!Python )\b\d+\.\d\d\b"
    assert set(re.findall(decimals, readme)) <= set(re.findall(decimals, study))
