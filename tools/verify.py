"""Verify that the last commit makes the results that are in it."""

import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from stages.core import numerics
from stages.core.params import read_yaml
from stages.core.paths import FIRST_EPOCHS, GRADIENT_CHECK, PARAMS, Run
from stages.core.stage import run_stage
from stages.download import FOLDER_VARIABLE
from stages.results.intervals import prediction_interval
from stages.results.reading import read_numbers
from stages.results.study import read_table_of

import pandas as pd
from tabulate import tabulate

REPOSITORY = Path(__file__).parents[1]
METRICS = ["test_loss", "test_accuracy"]
NUMBERS, GRADIENT = 1e-9, 1e-6  # maximum differences: in problems 1 to 3, in the gradient check
# Maximum relative differences of the training loss; each step amplifies the rounding errors so far.
FIRST_EPOCH, FIRST_EPOCH_OF_SINGLE_SAMPLES = 0.001, 0.05
PROBABILITY = 0.999  # of the prediction interval for the metrics


def main() -> None:
    """Run the last commit in a clone and compare its results; exit with status 0 if all agree."""
    compare = compare_numbers if numerics.UNPINNED or numerics.other_versions() else compare_bits
    with tempfile.TemporaryDirectory(prefix="verify ") as scratch:
        committed, here = Path(scratch, "committed"), Path(scratch, "here")
        git("clone", "--quiet", "--template=", "--no-local", "--depth", "1", REPOSITORY, here)
        # Without the outputs in git and dvc.lock each stage runs.
        subprocess.run(["rm", "-rf", *outputs(here), "dvc.lock"], cwd=here, check=True)
        if subprocess.call(["dvc", "repro", "--no-run-cache"], cwd=here, env=environment()):
            sys.exit("not verified: the pipeline failed, see above")
        git("clone", "--quiet", "--template=", "--no-local", here, committed)
        rows = list(compare(committed, here))
    table = [(*row, "agrees" if agrees else "DIFFERENT") for *row, agrees in rows]
    print(tabulate(table, ("result", "must be", "is here", ""), disable_numparse=True))
    agree = [row[-1] for row in rows]
    verdict = "verified" if all(agree) else "NOT VERIFIED"
    print(f"{verdict}: {sum(agree)} of {len(rows)} results agree ({circumstances()})")
    sys.exit(not all(agree))


def compare_bits(committed: Path, here: Path) -> Iterator[tuple[str, str, str, bool]]:
    """Compare the hashes of all outputs, the rest of dvc.lock, and the other files in git."""
    hashes = outputs(here)
    for path, md5 in outputs(committed).items():
        yield path, f"hash {md5[:12]}", hashes.get(path, "missing")[:12], hashes.get(path) == md5
    one, other = (read_yaml(each / "dvc.lock")["stages"] for each in (committed, here))
    changed = [name for name in one | other if one.get(name) != other.get(name)]
    yield "stages in dvc.lock", "as committed", ", ".join(changed) or "the same", not changed
    changed = git("-C", here, "status", "--short", "--", ".", ":!dvc.lock").splitlines()
    yield "files in git", "as committed", ", ".join(changed) or "the same", not changed


def compare_numbers(committed: Path, here: Path) -> Iterator[tuple[str, str, str, bool]]:
    """Compare the numbers of the problems, and of each run the first epoch and the metrics."""
    both = committed, here
    for path in sorted({p.relative_to(f) for f in both for p in f.glob("reports/problems/**/*.*")}):
        limit = GRADIENT if path == GRADIENT_CHECK else NUMBERS
        found = max_difference(*((f / path).read_text() for f in both))
        yield str(path), f"difference at most {limit}", f"{found:.2g}", found <= limit
    one, other = (pd.read_csv(f / FIRST_EPOCHS, index_col=["run", "epoch"]) for f in both)
    for name, found in (other / one - 1).abs().fillna(1).groupby("run").max().itertuples():
        run = Run(*name.split("-", 1))
        recipe = read_yaml(here / PARAMS).get(run.network, {}).get(run.recipe, {})
        limit = FIRST_EPOCH_OF_SINGLE_SAMPLES if recipe.get("batch_size") == 1 else FIRST_EPOCH
        yield f"{FIRST_EPOCHS}: {name}", f"at most {limit} of it", f"{found:.2g}", found <= limit
        seeds = read_table_of(recipe, here / run.seeds, *METRICS)
        for metric, values in () if seeds is None else seeds[METRICS].items():
            low, high = prediction_interval(list(values), PROBABILITY)
            found, limits = read_numbers(here / run.metrics)[metric], f"{low:.4f} to {high:.4f}"
            yield f"{run.metrics}: {metric}", limits, f"{found:.4f}", low <= found <= high


def max_difference(one: str, other: str) -> float:
    """Return the maximum difference of the numbers in two texts; infinite if the rest differs."""
    number = r"-?\d+\.?\d*(?:e[-+]?\d+)?"
    if re.sub(number, "#", one) != re.sub(number, "#", other):
        return float("inf")
    numbers = (map(float, re.findall(number, text)) for text in (one, other))
    return max(abs(a - b) for a, b in zip(*numbers, strict=True))


def outputs(folder: Path) -> dict[str, str]:
    """Return the hash of each output in a folder's dvc.lock, by path."""
    stages = read_yaml(folder / "dvc.lock")["stages"].values()
    return {out["path"]: out["md5"] for stage in stages for out in stage["outs"]}


def environment() -> dict[str, str]:
    """Return the variables for a clone: this Python and data, no cache, no pins, none of a hook."""
    of_git = subprocess.check_output(["git", "rev-parse", "--local-env-vars"], text=True).split()
    left_out = {*of_git, *numerics.PINS, "OMP_NUM_THREADS"}  # the pins are for the stages to set
    inherited = {key: value for key, value in os.environ.items() if key not in left_out}
    no_config = dict.fromkeys(("DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR"), "/nonexistent")
    data = REPOSITORY / (os.environ.get(FOLDER_VARIABLE) or "data")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**inherited, **no_config, FOLDER_VARIABLE: str(data), "PATH": path}


def git(*arguments: str | Path) -> str:
    """Run git and return what it prints; end if it fails."""
    try:
        command = ["git", "-c", f"core.hooksPath={os.devnull}", *arguments]
        return subprocess.check_output(command, env=environment(), text=True)
    except subprocess.CalledProcessError:
        sys.exit("git failed, see above")


def circumstances() -> str:
    """Name the processor and the versions of what computes."""
    cpuinfo = Path("/proc/cpuinfo")
    models = re.findall(r"model name\s*: (.+)", cpuinfo.read_text()) if cpuinfo.exists() else []
    system = f"Python {platform.python_version()}, {' '.join(platform.libc_ver())}"
    return ", ".join([*(models[:1] or [platform.machine()]), system, numerics.describe()])


if __name__ == "__main__":
    run_stage(main, "make verify")
