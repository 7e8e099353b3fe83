"""Each stage does what dvc.yaml declares, and a change makes stale what it may change."""

import json
import re
from pathlib import Path

import pytest
from conftest import STRACE, Project, locked

# With -y, strace writes a call as: openat(AT_FDCWD</folder>, "name", O_RDONLY|O_CLOEXEC) = 3</path>
OPENED = re.compile(r'open(?:at)?\((.*?"), ([A-Z_|]+).*\) = \d')
CHANGED = re.compile(r"(creat|mkdir|rename|rmdir|unlink)\w*\((.*)\) = 0")
NAME = re.compile(r'(?:<([^>]*)>, )?"(.*?)"')


def accesses(root: Path, calls: str) -> tuple[set[str], ...]:
    """What system calls read, wrote, and renamed or removed in a folder."""
    read, written, moved = set(), set(), set()
    for line in calls.splitlines():
        if match := OPENED.search(line):
            names, flags = match.groups()
            if "O_DIRECTORY" not in flags:
                (read if "O_RDONLY" in flags else written).update(NAME.findall(names))
        elif match := CHANGED.search(line):
            call, names = match.groups()
            (written if call in ("creat", "mkdir") else moved).update(NAME.findall(names))
    return tuple(within(root, names) for names in (read, written, moved))


def within(root: Path, names: set[tuple[str, str]]) -> set[str]:
    """Those names, each with the folder it is relative to, that lie in a folder."""
    paths = ((root / folder / name).resolve() for folder, name in names)
    return {str(path.relative_to(root)) for path in paths if path.is_relative_to(root)} - {"."}


def covers(declared: set[str], path: str) -> bool:
    """Whether a path is declared, or lies in a folder that is."""
    return any(path == name or path.startswith(f"{name}/") for name in declared)


def violations(stage: str, entry: dict, root: Path, calls: str) -> set[str]:
    outs = {out["path"] for out in entry["outs"]}
    partial = {f"{out}.partial" for out in outs}
    deps = {dep["path"] for dep in entry["deps"]}
    code = {path for path in deps if path.startswith("stages/")}
    read, written, moved = accesses(root, calls)
    deps |= {"stages/__init__.py", "stages/problems/__init__.py", *entry.get("params", {})}
    deps.add("tests/chain.py")  # torch looks at what imports it
    if stage == "check_params":
        deps.add("dvc.yaml")  # DVC takes none as a dependency
    folders = {str(each) for out in outs for each in Path(out).parents}
    read = {path for path in read if (root / path).is_file()}
    return {
        *(f"reads {path}" for path in read if not covers(deps | outs | partial, path)),
        *(f"writes {path}" for path in written - folders if not covers(partial, path)),
        *(f"moves {path}" for path in moved if not covers(outs | partial, path)),
        *(f"does not need {path}" for path in code if not any(covers({path}, r) for r in read)),
        *(f"leaves out {out}" for out in outs - moved),
    }


def traced(reproduced: Project) -> dict[str, str]:
    """The system calls of each stage, by its command."""
    if not STRACE:
        pytest.skip("needs strace")
    _, *parts = re.split(r'"(exec python [^"]*)"', (reproduced.folder.parent / "trace").read_text())
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_each_stage_does_what_it_declares(reproduced: Project) -> None:
    calls = traced(reproduced)
    found = {
        name: violations(name, entry, reproduced.folder, calls[entry["cmd"]])
        for name, entry in locked(reproduced.folder).items()
    }
    assert not any(found.values()), found


@pytest.mark.parametrize(
    ("part", "declared", "found"),
    [
        ("deps", [], "reads stages/core/paths.py"),
        ("deps", ["stages/plot"], "does not need stages/plot"),
        ("outs", [], "writes reports/predictions/numpy_network-baseline.csv.partial"),
        ("outs", [], "moves reports/metrics/numpy_network-baseline.json"),
        ("outs", ["reports/report.md"], "leaves out reports/report.md"),
    ],
)
def test_a_wrong_entry_is_seen(reproduced: Project, part: str, declared: list, found: str) -> None:
    """What a stage did is held against another declaration, which stands for another stage."""
    name = "evaluate@numpy_network-baseline"
    entry = locked(reproduced.folder)[name]
    calls = traced(reproduced)[entry["cmd"]]
    entry[part] = [{"path": path} for path in declared]
    assert found in violations(name, entry, reproduced.folder, calls)


def test_a_stray_file_among_the_results_makes_no_stage_stale(project: Project) -> None:
    for folder in ("data", "models", "reports", "reports/history", "reports/predictions"):
        project.write(f"{folder}/stray.csv", "epoch\n1\n")
    assert json.loads(project.run("dvc", "status", "--json").stdout) == {}
