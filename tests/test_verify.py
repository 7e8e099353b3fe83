"""`make verify` sees that the committed results are what the code makes, and that they are not."""

import re
from pathlib import Path

from stages import core
from stages.download import FOLDER_VARIABLE
from tools import verify as tool

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


@pytest.mark.skipif(bool(core.UNPINNED), reason="the numerics are not pinned here")
def test_what_the_code_makes_is_verified_and_the_working_tree_left_alone(project: Project) -> None:
    project.append("README.md", "an uncommitted change\n")
    project.append("stages/train.py", "\nuncommitted and wrong\n")
    before = project.run("git", "status", "--porcelain").stdout
    status, shown = verify(project)
    assert status == 0
    outputs = count_outputs(project)
    assert re.search(rf"^verified: {outputs} of {outputs} outputs are the committed bytes "
                     r"\(.+ threads, pinned, ", shown, re.MULTILINE)  # fmt: skip
    assert shown.count(" same\n") == outputs > 0
    assert project.run("git", "status", "--porcelain").stdout == before


def test_a_fabricated_hash_and_a_fabricated_report_are_seen(project: Project) -> None:
    lock = (project.folder / "dvc.lock").read_text()
    entry = re.search(r"path: reports/metrics/numpy_network-baseline.json\n.*?md5: (\w+)", lock,
                      re.DOTALL)  # fmt: skip
    project.write("dvc.lock", lock.replace(entry[1], "0123456789abcdef" * 2))
    project.append("reports/report.md", "\nThe accuracy is 100 %.\n")
    project.run("git", "commit", "--all", "--quiet", "--message", "fabricate")
    status, shown = verify(project)
    assert status == 1
    different = [line for line in shown.splitlines() if line.endswith("DIFFERENT")]
    assert len(different) == 1
    assert "reports/metrics/numpy_network-baseline.json" in different[0]
    assert "differs from the commit: reports/report.md" in shown
    outputs = count_outputs(project)
    assert f"NOT VERIFIED: {outputs - 1} of {outputs} outputs" in shown


def test_a_pipeline_that_fails_is_not_verified(project: Project) -> None:
    project.replace("stages/download.py", "raw = raw_folder(", 'raise StageError("broken")  # (')
    project.run("git", "commit", "--all", "--quiet", "--message", "break")
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
