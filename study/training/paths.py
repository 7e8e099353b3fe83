"""Names of the study's files, relative to the root of the repository."""

from pathlib import Path

PARAMS = Path("study/params.yaml")
REPORT = Path("study/report.md")
FIGURES = Path("study/figures")


def ablation_file(network: str) -> Path:
    """Name the table with one row per variant and seed, with the validation loss and accuracy."""
    return Path(f"study/results/ablation-{network}.csv")
