"""Where the study's results lie."""

from pathlib import Path

from stages.lib.artifacts import Run

REPORT = Path("study/report.md")
FIGURES = Path("study/figures")


def seeds_file(run: Run) -> Path:
    """The table with a row a seed."""
    return Path(f"study/results/seeds-{run.name}.csv")


def ablation_file(network: str) -> Path:
    """The table with a row a variant and seed."""
    return Path(f"study/results/ablation-{network}.csv")
