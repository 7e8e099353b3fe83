"""`make verify` sees that the committed results are what the code makes, and that they are not."""

import re
from itertools import islice
from pathlib import Path

from stages import core
from stages.core.datasets import read_idx
from stages.core.paths import Run
from stages.download import FOLDER_VARIABLE
from stages.networks.numpy_network.recipe import Recipe
from stages.networks.numpy_network.training import make_network, train
from tools import verify as tool
from tools.comparison import FIRST_EPOCH_OF_SINGLE_SAMPLES

import pandas as pd
import pytest
from conftest import Project
from ruamel.yaml import YAML


def count_outputs(project: Project) -> int:
    stages = YAML(typ="safe").load(project.folder / "dvc.lock")["stages"]
    return sum(len(stage.get("outs", [])) for stage in stages.values())


def verify(project: Project) -> tuple[int, str]:
    finished = project.run("python", "-m", "tools.verify", check=False)
    assert "Traceback" not in finished.stderr
    return finished.returncode, finished.stdout


RUN = Run("numpy_network", "baseline")
SEEDED = Run("numpy_network", "improved")  # whose table the report does not read


@pytest.fixture(scope="module")
def seeded(reproduced: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The small project with the study's table of one of its runs. Not to be changed."""
    project = reproduced.copy(tmp_path_factory.mktemp("seeded") / "project")
    project.replace("study/params.yaml", "seeds: 10 #", "seeds: 3 #")
    project.run("python", "-m", "study.training.seeds", SEEDED.network, SEEDED.recipe, "MNIST")
    project.repro()
    commit(project)
    return project


@pytest.fixture
def project(seeded: Project, tmp_path: Path) -> Project:
    """A copy of it, to be changed at will."""
    return seeded.copy(tmp_path / "project")


@pytest.fixture
def elsewhere(project: Project) -> Project:
    """A copy of it whose numerics cannot be pinned, as on another processor."""
    project.replace("stages/core/__init__.py", 'NEEDED = {"avx2"', 'NEEDED = {"avx3", "avx2"')
    commit(project)
    return project


def commit(project: Project) -> None:
    project.run("git", "commit", "--all", "--quiet", "--message", "change")


def differing(shown: str) -> set[str]:
    """The results that a table calls different."""
    return {re.split("  +", line)[0] for line in shown.splitlines() if line.endswith("DIFFERENT")}


@pytest.mark.skipif(bool(core.UNPINNED), reason="the numerics are not pinned here")
def test_what_the_code_makes_is_verified_and_the_working_tree_left_alone(project: Project) -> None:
    project.append("README.md", "an uncommitted change\n")
    project.append("stages/train.py", "\nuncommitted and wrong\n")
    before = project.run("git", "status", "--porcelain").stdout
    status, shown = verify(project)
    assert status == 0
    results = count_outputs(project) + 2  # and the accuracy and the loss of one more seed
    assert re.search(rf"^verified: {results} of {results} results are bit-identical "
                     r"\(.+ threads, pinned, ", shown, re.MULTILINE)  # fmt: skip
    assert shown.count(" agrees\n") == results > 2
    assert project.run("git", "status", "--porcelain").stdout == before


def test_fabricated_hashes_reports_and_seeds_are_seen(project: Project) -> None:
    lock = (project.folder / "dvc.lock").read_text()
    entry = re.search(r"path: reports/metrics/numpy_network-baseline.json\n.*?md5: (\w+)", lock,
                      re.DOTALL)  # fmt: skip
    project.write("dvc.lock", lock.replace(entry[1], "0123456789abcdef" * 2))
    project.append("reports/report.md", "\nThe accuracy is 100 %.\n")
    header, *rows = (project.folder / SEEDED.seeds).read_text().splitlines()
    seed, loss, accuracy = rows[-1].split(",")
    table = [header, *rows[:-1], f"{seed},{loss},{float(accuracy) + 0.0001:.4f}", ""]
    project.write(str(SEEDED.seeds), "\n".join(table))
    commit(project)
    status, shown = verify(project)
    assert status == 1
    assert differing(shown) == {
        "reports/metrics/numpy_network-baseline.json",
        f"{SEEDED.seeds}, seed 80087",
    }
    assert "reports/report.md differs from the commit" in shown
    results = count_outputs(project) + 2
    assert f"NOT VERIFIED: {results - 2} of {results} results" in shown


def test_a_pipeline_that_fails_is_not_verified(project: Project) -> None:
    project.replace("stages/download.py", "raw = raw_folder(", 'raise StageError("broken")  # (')
    commit(project)
    finished = project.run("python", "-m", "tools.verify", check=False)
    assert finished.returncode == 1
    assert "error: broken" in finished.stderr
    assert finished.stderr.endswith("not verified: the pipeline failed, see above\n")


def test_the_clone_uses_the_data_of_the_working_tree_where_it_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tool, "REPOSITORY", tmp_path)
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    (tmp_path / "data").mkdir()  # with the files that git has
    assert FOLDER_VARIABLE not in tool.environment(tmp_path / "clone")
    (tmp_path / "data/MNIST/raw").mkdir(parents=True)
    assert tool.environment(tmp_path / "clone")[FOLDER_VARIABLE] == str(tmp_path / "data")


def test_elsewhere_results_agree_up_to_tolerances(elsewhere: Project) -> None:
    status, shown = verify(elsewhere)
    assert "DIFFERENT" not in shown
    assert status == 0
    # 3 problems, the gradient check, 4 first epochs, 8 folders of figures, 2 texts, 2 metrics
    assert re.search(
        r"^verified: 20 of 20 results agree up to tolerances; bits may differ: the processor lacks "
        r"avx3 \(", shown, re.MULTILINE)  # fmt: skip


@pytest.mark.parametrize(("factor", "agrees"), [(0.9, False), (1, True), (1.1, False)])
def test_the_first_epoch_tells_a_learning_rate_that_is_a_tenth_off(
    committed: Project, real_data: Path, factor: float, agrees: bool
) -> None:
    params = YAML(typ="safe").load(committed.folder / "params.yaml")[RUN.network][RUN.recipe]
    recipe = Recipe(**params | {"learning_rate": factor * params["learning_rate"]})
    raw = real_data / "MNIST/raw"
    training_set = [
        read_idx(raw / f"train-{name}-ubyte") for name in ("images-idx3", "labels-idx1")
    ]
    _, (loss, _) = islice(train(make_network(recipe), recipe, training_set), 2)
    table = pd.read_csv(committed.folder / "reports/first_epochs.csv")
    expected = table[(table["run"] == RUN.name) & (table["epoch"] == 1)]["train_loss"].item()
    assert (abs(loss / expected - 1) <= FIRST_EPOCH_OF_SINGLE_SAMPLES) == agrees
