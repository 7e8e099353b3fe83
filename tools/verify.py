"""Run what is committed in an empty folder and compare every output with dvc.lock.

The folder has no cache and no earlier outputs. Exits with status 0 only if each output has the
recorded hash and nothing there differs from the commit. The working tree is left alone; its data
sets are used if they have the right hashes.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from stages import core
from stages.core.params import read_yaml
from stages.download import FOLDER_VARIABLE

import torch
from tabulate import tabulate

REPOSITORY = Path(__file__).parents[1]


def main() -> None:
    """Print the table and the verdict."""
    with tempfile.TemporaryDirectory(prefix="verify ") as scratch:
        clone = Path(scratch) / "clone"
        recorded = clone_without_outputs(clone)
        command = [sys.executable, "-m", "dvc", "repro", "--no-run-cache"]
        if subprocess.run(command, cwd=clone, env=environment(clone), check=False).returncode:
            sys.exit("not verified: the pipeline failed, see above")

        reproduced = read_lock(clone / "dvc.lock")
        status = git("-C", str(clone), "status", "--porcelain", "--", ".", ":!dvc.lock")

    was, now = outputs(recorded), outputs(reproduced)
    rows = [
        (stage, path, was.get((stage, path), "-"), now.get((stage, path), "-"))
        for stage, path in sorted(was.keys() | now.keys())
    ]
    print(
        tabulate(
            [
                (stage, path, old[:12], new[:12], "same" if old == new else "DIFFERENT")
                for stage, path, old, new in rows
            ],
            ("stage", "output", "in dvc.lock", "reproduced", ""),
            disable_numparse=True,
        )
    )
    for line in status.splitlines():
        print(f"differs from the commit: {line[3:]}")
    for stage in sorted(stage for stage in recorded if recorded[stage] != reproduced.get(stage)):
        print(f"dvc.lock differs in stage {stage}")
    same = sum(row[2] == row[3] for row in rows)
    verified = same == len(rows) and not status and recorded == reproduced
    print(
        f"{'verified' if verified else 'NOT VERIFIED'}: {same} of {len(rows)} outputs are the "
        f"committed bytes ({circumstances()})"
    )
    sys.exit(0 if verified else 1)


def clone_without_outputs(clone: Path) -> dict[str, dict]:
    """Clone the last commit without what the pipeline makes; return the stages in its dvc.lock.

    Also without dvc.lock, so that each stage runs.
    """
    git("clone", "--quiet", "--no-local", "--depth", "1", str(REPOSITORY), str(clone))
    if not (clone / "dvc.lock").exists():
        sys.exit("there is no dvc.lock in the commit")
    recorded = read_lock(clone / "dvc.lock")
    for _, path in outputs(recorded):
        remove(clone / path)
    (clone / "dvc.lock").unlink()
    return recorded


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


def outputs(lock: dict[str, dict]) -> dict[tuple[str, str], str]:
    """Return the hash of each output, by stage and path."""
    return {
        (stage, output["path"]): output["md5"]
        for stage, entry in lock.items()
        for output in entry.get("outs", [])
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
