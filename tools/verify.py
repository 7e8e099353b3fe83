"""Run what is committed in an empty folder and compare every output with the committed one.

Where the numerics are pinned and the packages are those of requirements.txt, outputs must have the
hashes in dvc.lock, and one more seed of each run the metrics in the study's table. Elsewhere they
must agree up to tolerances. Exits with status 0 only if they do.

The folder has no cache and no earlier outputs. The working tree is left alone; its data sets are
used if they have the right hashes.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from stages import core
from stages.core.params import read_yaml
from stages.core.paths import PARAMS
from stages.download import FOLDER_VARIABLE
from tools.comparison import Row, compare_hashes, compare_numbers, runs_of, seeds_of

import torch
from ruamel.yaml import YAML
from tabulate import tabulate

REPOSITORY = Path(__file__).parents[1]


def main() -> None:
    """Print the table and the verdict."""
    why = "; ".join(filter(None, [core.UNPINNED, core.other_versions()]))
    with tempfile.TemporaryDirectory(prefix="verify ") as scratch:
        clone, committed = Path(scratch) / "clone", Path(scratch) / "committed"
        recorded = clone_without_outputs(clone)
        reproduce(clone)
        if why:
            clone_last_commit(committed)
            rows = list(compare_numbers(committed, clone, outputs(recorded)))
            faults = []
        else:
            reproduced = read_lock(clone / "dvc.lock")
            rows = compare_hashes(outputs(recorded), outputs(reproduced))
            status = git("-C", str(clone), "status", "--porcelain", "--", ".", ":!dvc.lock")
            faults = [f"{line[3:]} differs from the commit" for line in status.splitlines()]
            faults += [
                f"dvc.lock differs in stage {stage}"
                for stage in sorted(recorded)
                if recorded[stage] != reproduced.get(stage)
            ]
            rows += compare_seeds(clone)

    how = f"agree up to tolerances; bits may differ: {why}" if why else "are bit-identical"
    conclude(rows, faults, how, circumstances())


def conclude(rows: Sequence[Row], faults: Sequence[str], how: str, where: str) -> NoReturn:
    """Print the table, the faults and the verdict; exit with status 0 only if all agrees."""
    headers = ("result", "compared by", "committed", "here", "")
    table = [(*row, "agrees" if agrees else "DIFFERENT") for *row, agrees in rows]
    print(tabulate(table, headers, disable_numparse=True))
    for fault in faults:
        print(fault)
    good = sum(agrees for *_, agrees in rows)
    verified = good == len(rows) and not faults
    verdict = "verified" if verified else "NOT VERIFIED"
    print(f"{verdict}: {good} of {len(rows)} results {how} ({where})")
    sys.exit(0 if verified else 1)


def clone_last_commit(folder: Path) -> None:
    """Clone the last commit into a folder."""
    git("clone", "--quiet", "--no-local", "--depth", "1", str(REPOSITORY), str(folder))


def clone_without_outputs(clone: Path) -> dict[str, dict]:
    """Clone the last commit without what the pipeline makes; return the stages in its dvc.lock.

    Also without dvc.lock, so that each stage runs.
    """
    clone_last_commit(clone)
    if not (clone / "dvc.lock").exists():
        sys.exit("there is no dvc.lock in the commit")
    recorded = read_lock(clone / "dvc.lock")
    for path in outputs(recorded):
        remove(clone / path)
    (clone / "dvc.lock").unlink()
    return recorded


def reproduce(clone: Path, *targets: str) -> None:
    """Run the pipeline in the clone; end if it fails."""
    command = [sys.executable, "-m", "dvc", "repro", "--no-run-cache", *targets]
    if subprocess.run(command, cwd=clone, env=environment(clone), check=False).returncode:
        sys.exit("not verified: the pipeline failed, see above")


def compare_seeds(clone: Path) -> list[Row]:
    """Train each run in the clone under the last seed of the study; compare with its table."""
    yaml = YAML()
    params = yaml.load(clone / PARAMS)
    expected = {}
    for run in runs_of(params):
        if (table := seeds_of(clone, run)) is not None:
            expected[run] = table.iloc[-1]
            params[run.network][run.recipe]["seed"] = int(table["seed"].iloc[-1])
    yaml.dump(params, clone / PARAMS)
    if expected:
        reproduce(clone, *(f"evaluate@{run.name}" for run in expected))
    rows = []
    for run, row in expected.items():
        metrics = json.loads((clone / run.metrics).read_text())
        for name in ("test_accuracy", "test_loss"):
            one, other = f"{row[name]:.6g}", f"{metrics[name]:.6g}"
            rows.append((f"{run.seeds}, seed {row['seed']:.0f}", name, one, other, one == other))
    return rows


def environment(clone: Path) -> dict[str, str]:
    """Return variables under which to run the clone: with this Python and data, no shared cache.

    Without pins, which are for the stages to set: a commit that lost them must be seen.
    """
    no_config = str(clone.with_name("no-config"))  # a user's own may name a shared cache
    inherited = {key: value for key, value in os.environ.items() if key not in core.PINS}
    inherited |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "DVC_GLOBAL_CONFIG_DIR": no_config,
        "DVC_SYSTEM_CONFIG_DIR": no_config,
    }
    if any(REPOSITORY.glob("data/*/raw")):
        inherited.setdefault(FOLDER_VARIABLE, str(REPOSITORY / "data"))
    return inherited


def read_lock(path: Path) -> dict[str, dict]:
    """Return the stages in a dvc.lock."""
    return read_yaml(path)["stages"]


def outputs(lock: dict[str, dict]) -> dict[str, str]:
    """Return the hash of each output, by path."""
    return {
        output["path"]: output["md5"] for entry in lock.values() for output in entry.get("outs", [])
    }


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def git(*arguments: str) -> str:
    """Run git and return what it prints."""
    command = ["git", *arguments]
    finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if finished.returncode:
        sys.exit("git failed, see above")
    return finished.stdout


def circumstances() -> str:
    """Name the processor, the number of threads and the versions of what computes."""
    cpuinfo = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*: (.*)", cpuinfo.read_text()) if cpuinfo.exists() else None
    processor = model[1].strip() if model else platform.processor() or platform.machine()
    pins = f"unpinned: {core.UNPINNED}" if core.UNPINNED else "pinned"
    system = f"Python {platform.python_version()}, {' '.join(platform.libc_ver())}"
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "torch", "matplotlib"))
    return f"{processor}, {torch.get_num_threads()} threads, {pins}, {system}, {packages}"


if __name__ == "__main__":
    main()
