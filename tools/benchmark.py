"""Time this project against what a user would run instead; write reports/benchmark.md.

What is compared takes turns within each round, so that a busy machine slows all of it, and the
median of the rounds is reported. No part of the pipeline, since times are not reproducible.
"""

import datetime
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from stages import core
from stages.core.files import replacing
from stages.core.networks import load_recipe
from stages.core.params import read_yaml
from stages.core.paths import Run
from stages.plot.style import BLUE, RED
from stages.report.markdown import render
from tools.verify import circumstances, clone_without_outputs, environment

import pandas as pd
from matplotlib.figure import Figure

PIPELINE = Path("dvc.yaml")
REPORT = Path("reports/benchmark.md")
FIGURE = Path("reports/benchmark.png")
ROUNDS = 3
GROWTH = {
    "epochs": (1, 2, 4),
    "batch_size": (16, 64, 256, 1024),
    "hidden_sizes": ([64], [128], [256], [512], [1024]),
    "samples": (7_500, 15_000, 30_000, 60_000),
}


def main() -> None:
    """Take all times and write the report."""
    rounds = [one_round(number) for number in range(1, ROUNDS + 1)]
    seconds = pd.DataFrame(rounds).median().to_dict()
    starts = {
        stage: statistics.median(timed([sys.executable, *arguments]) for _ in range(3))
        for stage, arguments in imports().items()
    }
    grown = pd.DataFrame(growth())
    with replacing(FIGURE) as partial:
        draw(grown).savefig(partial, format="png", dpi=100)
    with tempfile.TemporaryDirectory(prefix="benchmark ") as scratch:
        whole, nothing, baseline = whole_pipeline(Path(scratch))
    text = render(
        Path(__file__).with_name("benchmark.md.jinja"),
        date=datetime.datetime.now(datetime.UTC).date(),
        circumstances=circumstances(),
        cores=os.cpu_count(),
        rounds=ROUNDS,
        seconds=seconds,
        starts=starts,
        epochs={network: load_recipe(Run(network, "baseline")).epochs for network in baselines()},
        whole=whole,
        nothing=nothing,
        baseline=baseline,
        figure=FIGURE.name,
    )
    with replacing(REPORT) as partial:
        partial.write_text(text, encoding="utf-8")
    print(text)


def one_round(number: int) -> dict[str, float]:
    """Return the seconds of each loop: ours in a process with pins, the others in one without."""
    print(f"round {number} of {ROUNDS}", file=sys.stderr)
    return python("tools.loops") | python("tools.loops", "unpinned")


def python(module: str, *arguments: str) -> dict[str, float]:
    """Return what a module prints as JSON, without the pins of this process and on all cores."""
    own = {*core.PINS, "OMP_NUM_THREADS"}  # what importing `stages.core` has set
    variables = {key: value for key, value in os.environ.items() if key not in own}
    command = [sys.executable, "-m", module, *arguments]
    finished = subprocess.run(command, env=variables, stdout=subprocess.PIPE, check=True)
    return json.loads(finished.stdout)


def imports() -> dict[str, list[str]]:
    """Return, for each stage, arguments of Python by which it imports what the stage needs."""
    scripts = set(re.findall(r"cmd: exec python -m (stages[.\w]+)", PIPELINE.read_text()))
    arguments = {script: ["-m", script, "--help"] for script in scripts}
    # What these two need depends on the network.
    for script, module in (("stages.train", "training"), ("stages.evaluate", "inference")):
        del arguments[script]
        for network in baselines():
            code = f"import {script}, stages.networks.{network}.{module}"
            arguments[f"{script} {network}"] = ["-c", code]
    return dict(sorted(arguments.items()))


def timed(command: list[str], **options: object) -> float:
    """Return the seconds that a command takes, started with the options of `subprocess.run`.

    Raises CalledProcessError if it fails.
    """
    begin = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, **options)
    return time.perf_counter() - begin


def growth() -> list[dict[str, object]]:
    """Measure seconds and peak memory of training each network, one quantity changed at a time."""
    return [
        {
            "network": network,
            "quantity": quantity,
            "value": value[0] if isinstance(value, list) else value,
            **python("tools.cost", network, dataset, json.dumps({quantity: value})),
        }
        for network, dataset in baselines().items()
        for quantity, values in GROWTH.items()
        for value in values
    ]


def draw(grown: pd.DataFrame) -> Figure:
    """Draw seconds, and below them peak memory, against each quantity."""
    figure = Figure(figsize=(10, 5), layout="constrained")
    panels = figure.subplots(2, len(GROWTH), sharex="col", sharey="row")
    labels = {"hidden_sizes": "width of one hidden layer", "batch_size": "batch size"}
    for (seconds, memory), quantity in zip(panels.T, GROWTH, strict=True):
        for network, color in zip(grown["network"].unique(), (BLUE, RED), strict=True):
            chosen = grown[(grown["quantity"] == quantity) & (grown["network"] == network)]
            seconds.plot(chosen["value"], chosen["seconds"], "o-", color=color, label=network)
            memory.plot(chosen["value"], chosen["gigabytes"], "o-", color=color)
        memory.set(xscale="log", xlabel=labels.get(quantity, quantity))
        memory.set_xticks(GROWTH[quantity] if quantity != "hidden_sizes" else [64, 256, 1024])
        memory.xaxis.set_major_formatter("{x:,.0f}")
        memory.minorticks_off()
    panels[0, 0].set(yscale="log", ylabel="seconds")
    panels[1, 0].set(ylim=0, ylabel="peak memory (GB)")
    panels[0, 0].legend()
    return figure


def baselines() -> dict[str, str]:
    """Return the data set of each network that dvc.yaml trains by the recipe `baseline`."""
    (variables,) = read_yaml(PIPELINE)["vars"]
    runs = variables["runs"].values()
    return {run["network"]: run["dataset"] for run in runs if run["recipe"] == "baseline"}


def whole_pipeline(scratch: Path) -> tuple[float, float, float]:
    """Return the seconds of `make repro`, of it again, and of problems 4 and 5 by `dvc repro`.

    In fresh clones that have the data; the last by the recipe `baseline` alone.
    """
    make = ["make", "--old-file", ".venv/installed", "repro"]
    options = clone_with_data(scratch / "whole")
    whole, nothing = timed(make, **options), timed(make, **options)
    plots = [f"plot@{network}-baseline" for network in baselines()]
    return whole, nothing, timed(["dvc", "repro", *plots], **clone_with_data(scratch / "part"))


def clone_with_data(clone: Path) -> dict[str, object]:
    """Make a clone with the data sets alone; return the options of `subprocess.run` to use it."""
    clone_without_outputs(clone)
    (clone / ".venv").symlink_to(sys.prefix)
    options = {"cwd": clone, "env": environment(clone)}
    timed(["dvc", "repro", "download"], **options)
    return options


if __name__ == "__main__":
    main()
