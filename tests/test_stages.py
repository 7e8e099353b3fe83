"""Each stage does what dvc.yaml declares, and a change makes stale what it may change."""

import json
import re
from pathlib import Path

import pytest
from conftest import STRACE, Project, locked, run_stages

# With -y, strace writes a call as: openat(AT_FDCWD</folder>, "name", O_RDONLY|O_CLOEXEC) = 3</path>
OPENED = re.compile(r'open(?:at)?\((.*?"), ([A-Z_|]+).*\) = \d')
CHANGED = re.compile(r"(creat|mkdir|rename|rmdir|unlink)\w*\((.*)\) = 0")
NAME = re.compile(r'(?:<([^>]*)>, )?"(.*?)"')

needs_strace = pytest.mark.skipif(not STRACE, reason="needs strace")


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


def violations(project: Project) -> dict[str, set[str]]:
    """What the traced stages do and dvc.lock does not say, or the other way round, by stage."""
    _, *parts = re.split(r'"exec (python [^"]*)"', (project.folder.parent / "trace").read_text())
    calls = dict(zip(parts[::2], parts[1::2], strict=True))
    entries = locked(project.folder)
    stages = {name: entry["cmd"].removeprefix("exec ") for name, entry in entries.items()}
    assert calls.keys() <= set(stages.values())
    found = {
        name: violations_of(name, entries[name], project.folder, calls[command])
        for name, command in stages.items()
        if command in calls
    }
    return {name: violations for name, violations in found.items() if violations}


def violations_of(stage: str, entry: dict, root: Path, calls: str) -> set[str]:
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


@needs_strace
def test_each_stage_does_what_it_declares(reproduced: Project) -> None:
    assert violations(reproduced) == {}


@needs_strace
def test_planted_violations_are_seen(project: Project) -> None:
    project.write("stages/planted.py", "")
    project.append(
        "stages/core/metrics.py",
        "\nfrom pathlib import Path\n\nfrom stages import planted\n\n"
        'Path("reports/planted").write_text(Path("dvc.yaml").read_text())\n',
    )
    stage = "evaluate@numpy_network-baseline"
    head, name, rest = (project.folder / "dvc.lock").read_text().partition(f"  {stage}:\n")
    rest = rest.replace("deps:\n", "deps:\n    - path: stages/download.py\n", 1)
    project.write("dvc.lock", head + name + rest)
    run_stages(project, locked(project.folder)[stage]["cmd"])
    assert violations(project) == {
        stage: {
            "reads dvc.yaml",
            "reads stages/planted.py",
            "writes reports/planted",
            "does not need stages/download.py",
        }
    }


FASHION, NUMPY = (
    {f"{stage}@{network}" for stage in ("train", "evaluate")}
    for network in ("fashion_mlp", "numpy_network")
)
TRAIN, EVALUATE, PLOT = (
    {f"{stage}@{network}" for network in ("fashion_mlp", "numpy_network")}
    for stage in ("train", "evaluate", "plot")
)
PROBLEMS = {f"problem@{name}" for name in ("l1_regression", "box_network", "softmax_jacobian")}
DOWNLOAD = {"download@FashionMNIST", "download@MNIST"}
COMPUTE = {"check_params", "gradient_check", "report"} | PROBLEMS | TRAIN | EVALUATE | PLOT


def stale(stages: dict[str, dict], touched: str) -> set[str]:
    """The stages that depend on a file."""
    deps = {name: {dep["path"] for dep in entry["deps"]} for name, entry in stages.items()}
    return {name for name in stages if covers(deps[name], touched)}


def test_a_change_of_a_file_makes_stale_what_it_may_change(reproduced: Project) -> None:
    network, check = "stages/networks", {"check_params", "report"}
    expected = {
        "requirements.txt": COMPUTE | DOWNLOAD,
        "stages/core/metrics.py": COMPUTE | DOWNLOAD,
        f"{network}/common/schedule.py": check | TRAIN,
        f"{network}/fashion_mlp/training.py": check | FASHION,
        f"{network}/numpy_network/network.py": check | NUMPY | {"gradient_check"},
        "stages/problems/l1_regression/data.py": {"check_params", "problem@l1_regression"},
        "stages/plot/style.py": {"report"} | PROBLEMS | PLOT,
        "stages/results/summaries.py": {"report"} | PLOT,
        "stages/report/templates/fashion_mlp.md.jinja": {"report"},
        "data/SHA256SUMS": DOWNLOAD,
        "study/results/seeds-numpy_network-baseline.csv": {"report"},
        "tools/verify.py": set(),
    }
    stages = locked(reproduced.folder)
    for touched, names in expected.items():
        found = {re.sub("-(baseline|improved)$", "", name) for name in stale(stages, touched)}
        assert found == names, touched


def test_dvc_says_so_and_minds_no_stray_file_among_the_results(project: Project) -> None:
    for folder in ("data", "models", "reports", "reports/history", "reports/predictions"):
        project.write(f"{folder}/stray.csv", "epoch\n1\n")
    touched = "stages/networks/numpy_network/network.py"
    project.append(touched, "\n# touched\n")
    status = json.loads(project.run("dvc", "status", "--json").stdout)
    assert set(status) == stale(locked(project.folder), touched)
