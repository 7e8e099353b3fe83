"""A fresh clone with small data: it is up to date, and the session in README.md works there."""

import re
from pathlib import Path

from conftest import REPOSITORY, Project


def session() -> list[tuple[str, str]]:
    """Each command in the README's console blocks, with the output that stands under it."""
    blocks = re.findall(r"```console\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.DOTALL)
    commands = [part for block in blocks for part in re.split(r"^\$ ", block, flags=re.M) if part]
    return [(command, output) for command, _, output in (part.partition("\n") for part in commands)]


def words(text: str) -> list[str]:
    """The words of the first line of a table, whatever its borders."""
    lines = [line for line in text.splitlines() if re.search(r"\w", line)]
    return lines[0].replace("|", " ").split()


def clone(project: Project, folder: Path, *options: str) -> Project:
    """A fresh clone of a project, with its results from its cache."""
    project.run("git", "clone", "--quiet", *options, str(project.folder), str(folder))
    copy = Project(folder)
    copy.run("git", "config", "user.name", "test")
    copy.run("git", "config", "user.email", "test@localhost")
    copy.run("dvc", "config", "--local", "cache.dir", str(project.folder / ".dvc/cache"))
    copy.run("dvc", "checkout")
    return copy


def test_the_session_works_as_written(reproduced: Project, tmp_path: Path) -> None:
    project = clone(reproduced, tmp_path / "clone")
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    everything = ""
    for command, output in session():
        shown = project.run("bash", "-c", command, BROWSER=str(browser)).stdout
        everything += shown
        if output:
            assert words(shown) == words(output), command
            assert max(map(len, shown.splitlines())) <= 180, command

    for name in ("smaller-steps", "grid-1", "grid-2", "grid-3", "grid-4"):
        assert name in everything
    page = Path((tmp_path / "opened").read_text().strip().removeprefix("file://"))
    assert page.read_text().count("grid-4") > 1
    assert "larger-steps" in project.run("git", "branch").stdout
    branched = project.run("git", "show", "larger-steps:params.yaml").stdout
    assert re.search(r"learning_rate: 0\.3\n", branched)
    assert project.run("git", "status", "--porcelain").stdout == ""
    assert project.run("dvc", "exp", "list").stdout == ""
    assert project.repro() == []


def test_a_clone_with_windows_line_endings_is_up_to_date(
    reproduced: Project, tmp_path: Path
) -> None:
    project = clone(reproduced, tmp_path / "clone", "--config", "core.autocrlf=true")
    assert project.run("dvc", "status", "dvc.yaml").stdout.endswith("up to date.\n")
    assert project.run("git", "status", "--porcelain").stdout == ""
