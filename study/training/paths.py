"""Names of the study's files, relative to the root of the repository."""

from pathlib import Path

from stages.core.paths import Run

PARAMS = Path("study/params.yaml")
REPORT = Path("study/report.md")
FIGURES = Path("study/figures")


def seeds_file(run: Run) -> Path:
    """Name the table with one row per seed: the test loss, in nats, and accuracy, from 0 to 1."""
    return Path(f"study/results/seeds-{run.name}.csv")


def ablation_file(network: str) -> Path:
    """Name the table with one row per variant and seed, with the validation loss and accuracy."""
    return Path(f"study/results/ablation-{network}.csv")
