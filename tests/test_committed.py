"""What is committed is what the committed code makes of its trained networks."""

from pathlib import Path

from stages import core

import pytest
from conftest import REPOSITORY, Project

# All but the download and the training.
STAGES = (
    "check_params", "l1_regression", "box_network", "softmax_jacobian", "gradient_check",
    "evaluate", "plot", "report", "html",
)  # fmt: skip


@pytest.mark.skipif(bool(core.UNPINNED), reason="the numerics are not pinned here")
def test_every_stage_that_trains_nothing_gives_the_committed_bytes(
    committed: Project, tmp_path: Path
) -> None:
    project = committed.copy(tmp_path / "project")
    project.run("dvc", "config", "--local", "cache.dir", str(REPOSITORY / ".dvc/cache"))
    if project.run("dvc", "checkout", "--quiet", check=False).returncode:
        pytest.skip("needs the committed results: run `make repro` first")
    project.run("dvc", "repro", "--force", "--single-item", *STAGES)
    Project(project.folder / "study").run("dvc", "repro", "--force", "--single-item", "report")
    assert project.run("git", "status", "--porcelain").stdout == ""
