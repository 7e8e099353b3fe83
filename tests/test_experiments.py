"""A fresh clone with small data is up to date; the session in docs/experiments.md works there."""

import re
import sys
from pathlib import Path

import pandas as pd
from conftest import REPOSITORY, Project
from ruamel.yaml import YAML

WIDTH = 120  # of a terminal, in columns


def session() -> list[tuple[str, str]]:
    """Each command in the page's console blocks, with the output that stands under it."""
    page = (REPOSITORY / "docs/experiments.md").read_text()
    blocks = re.findall(r"```console\n(.*?)```", page, re.DOTALL)
    commands = [part for block in blocks for part in re.split(r"^\$ ", block, flags=re.M) if part]
    return [(command, output) for command, _, output in (part.partition("\n") for part in commands)]


def words(text: str) -> list[str]:
    """The words of the first line of an output: of a table, its title or header."""
    return next(line for line in text.splitlines() if line.strip()).split()


def rows(table: str) -> list[dict[str, str]]:
    """The rows of a table of `make experiments`, below its title."""
    _, header, _, *lines = table.strip().splitlines()
    names = header.split()
    return [dict(zip(names, re.split("  +", line.strip()), strict=True)) for line in lines]


def clone(project: Project, folder: Path, *options: str) -> Project:
    """A fresh clone of a project, with its results from its cache."""
    project.run("git", "clone", "--quiet", *options, str(project.folder), str(folder))
    copy = Project(folder)
    copy.run("git", "config", "user.name", "test")
    copy.run("git", "config", "user.email", "test@localhost")
    copy.run("dvc", "config", "--local", "cache.dir", str(project.folder / ".dvc/cache"))
    copy.run("dvc", "checkout")
    return copy


def give_environment(project: Project) -> None:
    """Let `make` find the environment that runs the tests, and need no other."""
    environment = project.folder / ".venv"
    environment.mkdir()
    for entry in Path(sys.prefix).iterdir():
        if entry.name != "installed":
            (environment / entry.name).symlink_to(entry)
    (environment / "installed").write_text(f"{project.folder}\n")


def test_the_session_works_as_written(reproduced: Project, tmp_path: Path) -> None:
    project = clone(reproduced, tmp_path / "clone")
    give_environment(project)
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    for command, output in session():
        shown = project.run("bash", "-c", command, BROWSER=str(browser)).stdout
        if output:
            assert words(shown) == words(output), command
            assert max(map(len, (shown + output).splitlines())) <= WIDTH, command
        if command == "make experiments":
            for table in (shown, output):
                shown_accuracies = [row["validation_accuracy"] for row in rows(table)]
                assert all(re.fullmatch(r"0\.\d{4}|1\.0000", text) for text in shown_accuracies)
                accuracies = list(map(float, shown_accuracies))
                assert accuracies == sorted(accuracies, reverse=True)
                assert len(accuracies) == 6
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


def test_the_tables_of_dvc_are_no_wider_than_they_must_be(reproduced: Project) -> None:
    shown = reproduced.run("dvc", "metrics", "show").stdout
    assert max(map(len, shown.splitlines())) <= WIDTH
    header = reproduced.run("dvc", "exp", "show", "--csv").stdout.splitlines()[0].split(",")
    metrics = [name for name in header if name.startswith("reports/metrics/") and ":" in name]
    assert metrics[0].endswith("improved.json:validation_accuracy")
    assert len(metrics) == 12
    yaml = YAML(typ="safe")
    parameters = pd.json_normalize(yaml.load(reproduced.folder / "params.yaml")).columns
    stages = yaml.load(reproduced.folder / "dvc.lock")["stages"].values()
    deps = {dep["path"] for stage in stages for dep in stage.get("deps", [])}
    fixed = ["Experiment", "rev", "typ", "Created", "parent"]  # which DVC cannot leave out, as deps
    assert header[: len(fixed)] == fixed
    assert sorted(header[len(fixed) :]) == sorted([*metrics, *parameters, *deps])


def test_a_clone_with_windows_line_endings_is_up_to_date(
    reproduced: Project, tmp_path: Path
) -> None:
    project = clone(reproduced, tmp_path / "clone", "--config", "core.autocrlf=true")
    assert project.run("dvc", "status").stdout.endswith("up to date.\n")
    assert project.run("git", "status", "--porcelain").stdout == ""
