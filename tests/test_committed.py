"""What is committed is what the committed code makes of its trained networks."""

from pathlib import Path

from stages.core import numerics

import pytest
from conftest import REPOSITORY, Project

# All but the download and the training.
STAGES = (
    "check_params", "problem", "gradient_check", "evaluate", "plot", "report",
)  # fmt: skip


@pytest.mark.skipif(bool(numerics.UNPINNED), reason="the numerics are not pinned here")
def test_every_stage_that_trains_nothing_gives_the_committed_bytes(
    committed: Project, tmp_path: Path
) -> None:
    project = committed.copy(tmp_path / "project")
    project.run("dvc", "config", "--local", "cache.dir", str(REPOSITORY / ".dvc/cache"))
    if project.run("dvc", "checkout", "--quiet", check=False).returncode:
        pytest.skip("needs the committed results: run `make repro` first")
    project.run("dvc", "repro", "--force", "--single-item", *STAGES)
    assert project.run("git", "status", "--porcelain").stdout == ""
