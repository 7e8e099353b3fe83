"""A fresh clone with small data is up to date; the session in docs/experiments.md works there."""

import re
from pathlib import Path

import pytest
from conftest import REPOSITORY, Project, give_environment, shorten


def session() -> list[tuple[str, str]]:
    """Each command in the page's console blocks, with the output that stands under it."""
    page = (REPOSITORY / "docs/experiments.md").read_text()
    blocks = re.findall(r"```console\n(.*?)```", page, re.DOTALL)
    commands = [part for block in blocks for part in re.split(r"^\$ ", block, flags=re.M) if part]
    return [(command, output) for command, _, output in (part.partition("\n") for part in commands)]


def rows(table: str) -> list[dict[str, str]]:
    """The rows of a table of `make experiments`, below its title."""
    _, header, _, *lines = table.strip().splitlines()
    names = header.split()
    return [dict(zip(names, re.split("  +", line.strip()), strict=True)) for line in lines]


def clone(project: Project, folder: Path, *options: str) -> Project:
    """A fresh clone of a project, with its results from its cache."""
    project.run("git", "clone", "--quiet", *options, f"file://{project.folder}", str(folder))
    copy = Project(folder)
    copy.run("git", "config", "user.name", "test")
    copy.run("git", "config", "user.email", "test@localhost")
    copy.run("dvc", "config", "--local", "cache.dir", str(project.folder / ".dvc/cache"))
    copy.run("dvc", "checkout")
    return copy


def run_queue(project: Project, command: str) -> None:
    """Run what is queued, by a command that may have to be given again.

    On a busy machine a worker of DVC's queue reads messages before they are written, and dies or
    waits forever; so does the command that started it.
    """
    repeated = f"for _ in 1 2 3; do timeout 240 {command} && break; done; dvc queue stop"
    project.run("bash", "-c", f"{{ {repeated}; }} > /dev/null 2>&1")


@pytest.mark.slow(70)
def test_the_session_works_as_written(reproduced: Project, tmp_path: Path) -> None:
    project = clone(reproduced, tmp_path / "clone")
    shorten(project, "check_params", "download", "train", "evaluate")
    give_environment(project)
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    for command, output in session():
        if "--run-all" in command:
            run_queue(project, command)
            continue
        shown = project.run("bash", "-c", command, BROWSER=str(browser)).stdout
        if output:  # begins with the same line: of a table, its title or header
            first, expected = (text.strip().split("\n")[0].split() for text in (shown, output))
            assert first == expected, command
        if "-S" in command and "--queue" not in command:  # the value alone, no comment or list
            diff = project.run("git", "diff", "--unified=0", "--", "params.yaml").stdout
            assert len(re.findall("^[-+] .*weight_decay: ", diff, re.MULTILINE)) == 2
            assert len(re.findall("^[-+] ", diff, re.MULTILINE)) == 2
        if command == "make experiments":
            for table in (shown, output):
                accuracies = [row["validation_accuracy"] for row in rows(table)]
                assert all(re.fullmatch(r"0\.\d{4}|1\.0000", each) for each in accuracies)
                assert accuracies == sorted(accuracies, reverse=True)
                assert len(accuracies) == 4
            best = rows(output)[0]["experiment"]
        if command.startswith("dvc exp apply"):
            assert command == f"dvc exp apply {best}"

    page = Path((tmp_path / "opened").read_text().strip().removeprefix("file://"))
    assert page.read_text().count(best) > 1
    branched = project.run("git", "show", "wider:params.yaml").stdout
    assert branched != project.run("git", "show", "HEAD:params.yaml").stdout
    assert project.run("git", "status", "--porcelain").stdout == ""
    assert project.run("dvc", "exp", "list").stdout == ""
    assert project.repro() == []


def test_an_experiment_runs_what_its_parameter_changes_and_is_compared(project: Project) -> None:
    shorten(project, "check_params", "download", "train", "evaluate")
    setting = "numpy_network.improved.momentum=0.5"
    shown = project.run("dvc", "exp", "run", "--name", "slower", "--set-param", setting).stdout
    ran = ["check_params", "train@numpy_network-improved", "evaluate@numpy_network-improved"]
    assert re.findall(r"Running stage '(.*)'", shown) == ran
    table = rows(project.run("python", "-m", "tools.experiments").stdout)
    momenta = {row["experiment"]: row["momentum"] for row in table}
    assert momenta.pop("slower") == "0.5"
    assert list(momenta.values()) == ["0.9"]


@pytest.mark.slow(6)
def test_a_clone_with_windows_line_endings_is_current(reproduced: Project, tmp_path: Path) -> None:
    project = clone(reproduced, tmp_path / "clone", "--config", "core.autocrlf=true")
    assert project.run("dvc", "status").stdout.endswith("up to date.\n")
    assert project.run("git", "status", "--porcelain").stdout == ""


def test_where_dvc_shows_no_experiments_its_reason_is_all_that_is_said(tmp_path: Path) -> None:
    command = ("python", "-m", "tools.experiments")
    finished = Project(tmp_path).run(*command, check=False, PYTHONPATH=str(REPOSITORY))
    assert finished.returncode != 0
    assert re.fullmatch("ERROR: .*\n", finished.stderr)


@pytest.mark.slow(20)
def test_a_shallow_clone_says_that_it_loses_experiments(project: Project, tmp_path: Path) -> None:
    """DVC's limit: the experiment runs, but its branch does not reach the clone."""
    shorten(project, "check_params", "download", "train", "evaluate")
    shallow = clone(project, tmp_path / "clone", "--depth", "1")
    setting = "numpy_network.baseline.learning_rate=0.1"
    shallow.run("dvc", "exp", "run", "--queue", "--set-param", setting)
    run_queue(shallow, "dvc exp run --run-all")
    shown = shallow.run("python", "-m", "tools.experiments").stdout
    assert shown.endswith(" (in a shallow clone DVC loses them).\n")


@pytest.mark.slow(20)
def test_an_experiment_that_failed_or_waits_is_listed_without_figures(project: Project) -> None:
    shorten(project, "check_params", "download", "train", "evaluate")
    queue = ("dvc", "exp", "run", "--queue", "--name")
    rate = "numpy_network.baseline.learning_rate"
    project.run(*queue, "bad", "--set-param", f"{rate}=1e38")
    run_queue(project, "dvc exp run --run-all")
    project.run(*queue, "waiting", "--set-param", f"{rate}=0.1")
    shown = project.run("python", "-m", "tools.experiments").stdout
    assert shown == "bad: failed\nwaiting: queued\n"
