"""Print the experiments of each run, the best on the validation images first."""

import json
import subprocess
import sys
from pathlib import Path

from stages.core.paths import PARAMS

import pandas as pd
from tabulate import tabulate


def main() -> None:
    """Print a table for each run that differs between the experiments."""
    shown = subprocess.run(["dvc", "exp", "show", "--json"], stdout=subprocess.PIPE, check=False)
    if shown.returncode:
        sys.exit(shown.returncode)  # DVC has said why
    commits = [state for state in json.loads(shown.stdout) if state["rev"] != "workspace"]
    states = commits + [each["revs"][0] for state in commits for each in state["experiments"] or []]
    done = {state["name"] or state["rev"][:7]: state["data"] for state in states if state["data"]}
    for path in sorted({path for data in done.values() for path in data["metrics"]}):
        network, recipe = Path(path).stem.split("-", 1)
        rows = {}
        for name, data in done.items():
            metrics = data["metrics"].get(path, {}).get("data")
            if metrics:  # an experiment that is queued or has failed has none
                hyperparameters = data["params"][str(PARAMS)]["data"][network][recipe]
                rows[name] = hyperparameters | metrics
        if table := compare(pd.DataFrame.from_dict(rows, orient="index", dtype=object)):
            print(f"\n{network}-{recipe}\n{table}")


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
