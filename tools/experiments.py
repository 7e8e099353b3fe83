"""Print the experiments of each run, the best on the validation images first."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from stages.core.paths import PARAMS

import pandas as pd
from tabulate import tabulate


def main() -> None:
    """Print a table for each run that differs between the experiments; name the unfinished ones."""
    shown = subprocess.run(["dvc", "exp", "show", "--json"], stdout=subprocess.PIPE, check=False)
    if shown.returncode:
        sys.exit(shown.returncode)  # DVC has said why
    commits = [state for state in json.loads(shown.stdout) if state["rev"] != "workspace"]
    experiments = [each for state in commits for each in state["experiments"] or []]
    done, unfinished = {name_of(state): state["data"] for state in commits}, []
    for each in experiments:
        state, progress = each["revs"][0], (each["executor"] or {"state": "success"})["state"]
        if progress == "success":
            done[name_of(state)] = state["data"]
        else:  # its commit has the metrics of the one that it began with
            unfinished.append(f"{name_of(state)}: {progress}")
    done = {name: data for name, data in done.items() if data}
    tables = []
    for path in sorted({path for data in done.values() for path in data["metrics"]}):
        network, recipe = Path(path).stem.split("-", 1)
        rows = {
            name: data["params"][str(PARAMS)]["data"][network][recipe] | metrics
            for name, data in done.items()
            if (metrics := data["metrics"].get(path, {}).get("data"))
        }
        if table := compare(pd.DataFrame.from_dict(rows, orient="index", dtype=object)):
            tables.append(f"{network}-{recipe}\n{table}")
    if unfinished:
        tables.append("\n".join(sorted(unfinished)))
    nothing = "No experiment differs from what is committed (in a shallow clone DVC loses them)."
    print("\n\n".join(tables) or nothing)


def name_of(state: dict[str, Any]) -> str:
    """Name a state that DVC shows: a branch, an experiment or a commit."""
    return state["name"] or state["rev"][:7]


def compare(experiments: pd.DataFrame) -> str:
    """Format the hyperparameters that differ, and the accuracies; empty if nothing differs.

    Without validation images the rows stay in their order: no recipe is chosen on the test images.
    """
    experiments = experiments[~experiments.astype(str).duplicated()].copy()
    if len(experiments) < 2:
        return ""
    if "validation_accuracy" in experiments:
        experiments = experiments.sort_values("validation_accuracy", ascending=False, kind="stable")
    metrics = [name for name in experiments if name.endswith(("_accuracy", "_loss"))]
    differing = experiments.columns[experiments.astype(str).nunique() > 1].difference(metrics)
    accuracies = [name for name in metrics if name.endswith("_accuracy")]
    for name in accuracies:
        experiments[name] = [f"{value:.4f}" for value in experiments[name]]
    columns = ["experiment", *differing, *accuracies]
    return tabulate(experiments[[*differing, *accuracies]], columns, disable_numparse=True)


if __name__ == "__main__":
    main()
