"""`make verify` sees that the committed results are what the code makes, and that they are not."""

import re
from pathlib import Path

from stages.core import numerics
from stages.core.paths import FIRST_EPOCHS, GRADIENT_CHECK, Run, problem_folder
from stages.download import FOLDER_VARIABLE
from stages.results.study import write_table
from tools import verify

import pandas as pd
import pytest
from conftest import Project, locked, needs_pins, shorten
from ruamel.yaml import YAML

RUN = Run("numpy_network", "baseline")
NUMBERS, GRADIENT = str(problem_folder("l1_regression") / "numbers.json"), str(GRADIENT_CHECK)
FIRST_EPOCH = f"{FIRST_EPOCHS}: {RUN.name}"
TEST_LOSS, TEST_ACCURACY = f"{RUN.metrics}: test_loss", f"{RUN.metrics}: test_accuracy"
RESULTS = {
    NUMBERS: '{"loss": -1.5, "name": "line"}',
    GRADIENT: "layer,parameters,autograd\n1,weights,0.0\n",
    str(FIRST_EPOCHS): f"run,epoch,train_loss\n{RUN.name},0,3.0\n{RUN.name},1,1.5\n",
    str(RUN.metrics): '{"test_accuracy": 0.865, "test_loss": 0.5}',
}


def disagreeing(folder: Path, changes: dict[str, str], batch_size: int = 1) -> set[str]:
    """What `compare_numbers` finds in results and changed ones, by a study of four seeds."""
    recipe, both = {"batch_size": batch_size}, (folder / "committed", folder / "here")
    for each, results in zip(both, (RESULTS, RESULTS | changes), strict=True):
        for path, text in results.items():
            (each / path).parent.mkdir(parents=True, exist_ok=True)
            (each / path).write_text(text)
        YAML().dump({RUN.network: {RUN.recipe: recipe}}, each / "params.yaml")
        seeds = {"seed": range(4), "test_loss": [0.4, 0.5, 0.5, 0.6]}
        seeds["test_accuracy"] = [0.85, 0.86, 0.87, 0.88]
        write_table(each / RUN.seeds, pd.DataFrame(seeds), recipe | {"seeds": 4})
    rows = list(verify.compare_numbers(*both))
    assert {row[0] for row in rows} == {NUMBERS, GRADIENT, FIRST_EPOCH, TEST_LOSS, TEST_ACCURACY}
    return {row[0] for row in rows if not row[-1]}


def losses(untrained: float, first_epoch: float) -> dict[str, str]:
    text = f"run,epoch,train_loss\n{RUN.name},0,{untrained}\n{RUN.name},1,{first_epoch}\n"
    return {str(FIRST_EPOCHS): text}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({NUMBERS: '{"loss": -1.5000000009, "name": "line"}'}, set()),
        ({NUMBERS: '{"loss": -1.500000002, "name": "line"}'}, {NUMBERS}),
        ({NUMBERS: '{"loss": 1.5, "name": "line"}'}, {NUMBERS}),
        ({NUMBERS: '{"loss": -1.5, "name": "lime"}'}, {NUMBERS}),
        ({NUMBERS: '{"name": "line"}'}, {NUMBERS}),
        ({GRADIENT: "layer,parameters,autograd\n1,weights,9e-07\n"}, set()),
        ({GRADIENT: "layer,parameters,autograd\n1,weights,2e-06\n"}, {GRADIENT}),
        (losses(3.0, 1.57), set()),
        (losses(3.0, 1.58), {FIRST_EPOCH}),
        (losses(3.2, 1.5), {FIRST_EPOCH}),
        (losses(float("nan"), 1.5), {FIRST_EPOCH}),
        # 0.865 - t sd sqrt(5/4) = 0.6785, with t = 12.92 from a table; of the losses, 1.680
        ({str(RUN.metrics): '{"test_accuracy": 0.679, "test_loss": 1.679}'}, set()),
        ({str(RUN.metrics): '{"test_accuracy": 0.678, "test_loss": 1.679}'}, {TEST_ACCURACY}),
        ({str(RUN.metrics): '{"test_accuracy": 0.679, "test_loss": 1.681}'}, {TEST_LOSS}),
    ],
)
def test_numbers_agree_within_their_limits(tmp_path: Path, changes: dict, found: set) -> None:
    assert disagreeing(tmp_path, changes) == found


def test_batches_must_agree_more_closely(tmp_path: Path) -> None:
    assert disagreeing(tmp_path / "1", losses(3.0, 1.501), batch_size=64) == set()
    assert disagreeing(tmp_path / "2", losses(3.0, 1.502), batch_size=64) == {FIRST_EPOCH}


def test_false_hashes_reports_and_a_stale_lock_are_seen(committed: Project, tmp_path: Path) -> None:
    def differing() -> list[str]:
        return [row[0] for row in verify.compare_bits(committed.folder, here.folder) if not row[-1]]

    here = committed.copy(tmp_path / "here")
    assert differing() == []
    here.append("reports/report.md", "\nThe accuracy is 100 %.\n")
    assert differing() == ["files in git"]
    lock = (here.folder / "dvc.lock").read_text()
    for path, found in (("stages/train.py", []), (str(RUN.metrics), [str(RUN.metrics)])):
        md5 = re.search(rf"path: {path}\n.*?md5: (\w+)", lock, re.DOTALL)[1]
        here.write("dvc.lock", lock.replace(md5, "0123456789abcdef" * 2))
        assert differing() == [*found, "stages in dvc.lock", "files in git"]


def test_a_clone_has_the_data_here_and_no_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    assert verify.environment()[FOLDER_VARIABLE] == str(verify.REPOSITORY / "data")
    monkeypatch.setenv(FOLDER_VARIABLE, "relative/folder")
    assert verify.environment()[FOLDER_VARIABLE] == str(verify.REPOSITORY / "relative/folder")
    assert not verify.environment().keys() & numerics.PINS.keys()


@pytest.fixture
def brief(project: Project) -> Project:
    """The project with a pipeline of few stages."""
    shorten(project, "check_params", "download", "gradient_check")
    return project


@pytest.mark.slow(20)
@needs_pins
def test_what_the_code_makes_is_verified_also_in_a_hook(brief: Project) -> None:
    brief.append("stages/check_params.py", "\nuncommitted and wrong\n")
    other = Project(brief.folder.parent / "other")
    brief.run("git", "init", "--quiet", str(other.folder))
    before = brief.run("git", "status", "--porcelain").stdout, sorted(other.folder.rglob("*"))
    hook = {"GIT_DIR": f"{other.folder}/.git", "GIT_INDEX_FILE": f"{other.folder}/.git/index"}
    finished = brief.run("python", "-m", "tools.verify", check=False, **hook)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    # two data sets, two other outputs, the lock, and the files in git
    assert re.search(r"^verified: 6 of 6 results agree", finished.stdout, re.MULTILINE)
    assert "DIFFERENT" not in finished.stdout
    after = brief.run("git", "status", "--porcelain").stdout, sorted(other.folder.rglob("*"))
    assert after == before


@pytest.mark.slow(20)
def test_a_result_that_the_code_does_not_make_is_not_verified(brief: Project) -> None:
    md5 = locked(brief.folder)["gradient_check"]["outs"][0]["md5"]
    brief.replace("dvc.lock", md5, "0123456789abcdef" * 2)
    brief.run("git", "commit", "--all", "--quiet", "--message", "fabricate")
    finished = brief.run("python", "-m", "tools.verify", check=False)
    assert finished.returncode == 1
    different = re.findall(r"^(\S+).* DIFFERENT$", finished.stdout, re.MULTILINE)
    assert different == [GRADIENT, "stages"]
    assert re.search(r"^NOT VERIFIED: 4 of 6 results agree", finished.stdout, re.MULTILINE)


@pytest.mark.slow(6)
def test_a_pipeline_that_fails_is_not_verified(brief: Project) -> None:
    brief.set_param(RUN.network, RUN.recipe, epochs="many")
    brief.run("git", "commit", "--all", "--quiet", "--message", "change")
    finished = brief.run("python", "-m", "tools.verify", check=False)
    assert finished.returncode == 1
    assert "error: params.yaml: numpy_network.baseline.epochs: " in finished.stderr
    assert finished.stderr.endswith("not verified: the pipeline failed, see above\n")
