"""Time the pipeline and other training loops; write reports/benchmark.md."""

import datetime
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from stages import core
from stages.core.files import replacing
from stages.core.networks import load_recipe
from stages.core.paths import Run
from tools.loops import LOOPS
from tools.verify import circumstances, clone_without_outputs, environment

import pandas as pd
import psutil
from tabulate import tabulate

REPORT = Path("reports/benchmark.md")
ROUNDS = 7
BUSY = "import os, sys\nwhile os.getppid() == int(sys.argv[1]): pass"  # as long as its parent lives
TEXT = """# Speed

Measured by `make bench` on {date}: {circumstances}, {cores} cores.

An epoch with its test evaluation, by the recipe `baseline`. Seconds are medians of {rounds} rounds,
in each of which all loops of a table take turns, warmed up; a ratio is the median of the rounds'.
Loops run on all cores where they do not say otherwise; other programs took up to {others:.0f} % of
them. The bits of all but "here" depend on the processor, and on several cores on their number.

{tables}

## How

The gradient of fashion_mlp is computed without autograd, into one vector that holds those of all
layers (`stages/networks/fashion_mlp/backpropagation.py`), and images become float32 batch by batch.
Sample by sample, numpy_network computes the products of its first layer for a block of samples at
once, which is the same up to rounding (`stages/networks/numpy_network/blockwise.py`). The price of
the pins is in the last two rows of the first table: most of an epoch is matrix products. Each
network is trained on one core: threads wait for one another where another program takes a core.

## The whole pipeline

From nothing but the data. `make repro` trains several networks at a time; `dvc repro` runs one
stage after another, since DVC has no parallel stages. The assignment's notebooks, computed from the
medians above, train two of the four runs.

{whole}
"""


def main() -> None:
    """Take all times and write the report."""
    cores = len(os.sched_getaffinity(0))
    measured = {}
    for title in LOOPS:
        with ExitStack() as stack:
            for _ in range(cores // 2 if "busy" in title else 0):
                command = [sys.executable, "-c", BUSY, str(os.getpid())]
                busy = stack.enter_context(subprocess.Popen(command))
                stack.callback(busy.kill)
            measured[title] = measure(title)
    with tempfile.TemporaryDirectory(prefix="benchmark ") as scratch:
        whole = whole_pipeline(Path(scratch))
    whole["the assignment's notebooks"] = sum(
        load_recipe(Run(network, "baseline")).epochs
        * next(loop for name, loop in measured[title].median().items() if "assignment" in name)
        for network, title in (
            ("fashion_mlp", "fashion_mlp"),
            ("numpy_network", "numpy_network, sample by sample"),
        )
    )
    text = TEXT.format(
        date=datetime.datetime.now(datetime.UTC).date(),
        circumstances=circumstances(),
        cores=cores,
        rounds=ROUNDS,
        others=max(each.attrs["others"] for title, each in measured.items() if "busy" not in title),
        tables="\n\n".join(f"## {title}\n\n{render(each)}" for title, each in measured.items()),
        whole=table({"": whole, "seconds": [f"{each:.0f}" for each in whole.values()]}),
    )
    with replacing(REPORT) as partial:
        partial.write_text(text, encoding="utf-8")
    print(text)


def measure(title: str) -> pd.DataFrame:
    """Time the loops of a table in turn, a row a round, each in a process that waits in between.

    The attribute `others` is the max share of the cores, in per cent, that other programs took
    before a round.
    """
    own = {*core.PINS, "OMP_NUM_THREADS"}  # what importing `stages.core` has set
    variables = {key: value for key, value in os.environ.items() if key not in own}
    others, rounds = [], []
    with ExitStack() as stack:
        processes = {}
        for name in LOOPS[title]:
            process = subprocess.Popen(
                [sys.executable, "-m", "tools.loops", title, name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=variables,
            )
            processes[name] = stack.enter_context(process)
            process.stdout.readline()  # the first time, in which libraries load, does not count
        for number in range(1, ROUNDS + 1):
            print(f"{title}: round {number} of {ROUNDS}", file=sys.stderr)
            others.append(psutil.cpu_percent(interval=1))
            rounds.append({name: again(process) for name, process in processes.items()})
    seconds = pd.DataFrame(rounds)
    seconds.attrs["others"] = max(others)
    return seconds


def again(process: subprocess.Popen) -> float:
    """Let a loop run once more; return its seconds."""
    process.stdin.write("\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def render(seconds: pd.DataFrame) -> str:
    """Return a table of loops, with the ratio of each to the first."""
    ratios = seconds.div(seconds.iloc[:, 0], axis=0).median()
    rows = zip(seconds.median(), seconds.min(), seconds.max(), strict=True)
    return table(
        {
            "loop": seconds.columns,
            "seconds (min to max)": [
                f"{row[0]:.2f} ({row[1]:.2f} to {row[2]:.2f})" for row in rows
            ],
            "ratio": [f"{ratio:.2f}" for ratio in ratios],
        }
    )


def table(columns: dict[str, object]) -> str:
    """Return columns as a Markdown table."""
    return tabulate(columns, headers="keys", tablefmt="github", disable_numparse=True)


def whole_pipeline(scratch: Path) -> dict[str, float]:
    """Return the seconds of `make repro` and `dvc repro`, in fresh clones that have the data."""
    make, dvc = ["make", "--old-file", ".venv/installed", "repro"], ["dvc", "repro"]
    seconds = {}
    for name, command in (
        ("`make repro`", make),
        ("`make repro` with nothing to do", make),
        ("`dvc repro`", dvc),
    ):
        clone = scratch / command[0]
        if not clone.exists():
            clone_without_outputs(clone)
            (clone / ".venv").symlink_to(sys.prefix)
            timed([*dvc, "download"], clone)
        seconds[name] = timed(command, clone)
    return seconds


def timed(command: list[str], clone: Path) -> float:
    """Return the seconds that a command takes in a clone. Raises CalledProcessError if it fails."""
    start = time.perf_counter()
    options = {"cwd": clone, "env": environment(clone), "stdout": subprocess.DEVNULL}
    subprocess.run(command, check=True, **options)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
