"""Each stage does what dvc.yaml declares, and a change makes stale what it may change."""

import json
import re
import shutil
from itertools import product
from pathlib import Path

import pytest
from chain import hashes
from conftest import REPOSITORY, Project, arguments, locked

# With -y, strace writes a call as: openat(AT_FDCWD</folder>, "name", O_RDONLY|O_CLOEXEC) = 3</path>
OPENED = re.compile(r'open(?:at)?\((.*?"), ([A-Z_|]+).*\) = \d')
CHANGED = re.compile(r"(creat|mkdir|rename|rmdir|unlink)\w*\((.*)\) = 0")
NAME = re.compile(r'(?:<([^>]*)>, )?"(.*?)"')
# The scripts of the other recipe are the same.
STAGES = [name for name in locked(REPOSITORY) if not name.endswith("-baseline")]

needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")


def traced(project: Project, command: list[str], **variables: str) -> tuple[set[str], ...]:
    """Run a command; return what it read, wrote, and renamed or removed in the project."""
    logs = project.folder.parent / "strace"
    logs.mkdir()
    calls = "open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,rmdir,unlink,unlinkat"
    options = ("-ff", "--seccomp-bpf", "-qq", "-y", "-s", "4096", "-o", str(logs / "log"))
    project.run("strace", *options, "-e", f"trace={calls}", *command, **variables)
    read, written, moved = set(), set(), set()
    for line in "".join(log.read_text() for log in logs.iterdir()).splitlines():
        if match := OPENED.match(line):
            names, flags = match.groups()
            if "O_DIRECTORY" not in flags:
                (read if "O_RDONLY" in flags else written).update(NAME.findall(names))
        elif match := CHANGED.match(line):
            call, names = match.groups()
            (written if call in ("creat", "mkdir") else moved).update(NAME.findall(names))
    return tuple(within(project.folder, names) for names in (read, written, moved))


def within(root: Path, names: set[tuple[str, str]]) -> set[str]:
    """Those names, each with the folder it is relative to, that lie in a folder."""
    paths = ((root / folder / name).resolve() for folder, name in names)
    return {str(path.relative_to(root)) for path in paths if path.is_relative_to(root)} - {"."}


def covers(declared: set[str], path: str) -> bool:
    """Whether a path is declared, or lies in a folder that is."""
    return any(path == name or path.startswith(f"{name}/") for name in declared)


def violations(project: Project, stage: str, **variables: str) -> set[str]:
    """What a stage does and its entry in dvc.lock does not say, or the other way round."""
    entry = locked(project.folder)[stage]
    outs = {out["path"] for out in entry["outs"]}
    partial = {f"{out}.partial" for out in outs}
    deps = {dep["path"] for dep in entry["deps"]}
    code = {path for path in deps if path.startswith("stages/")}
    read, written, moved = traced(project, arguments(entry), **variables)
    deps |= {"stages/__init__.py", "stages/problems/__init__.py", *entry.get("params", {})}
    if stage == "check_params":
        deps.add("dvc.yaml")  # DVC takes none as a dependency
    folders = {str(each) for out in outs for each in Path(out).parents}
    read = {path for path in read if (project.folder / path).is_file()}
    return {
        *(f"reads {path}" for path in read if not covers(deps | outs | partial, path)),
        *(f"writes {path}" for path in written - folders if not covers(partial, path)),
        *(f"moves {path}" for path in moved if not covers(outs | partial, path)),
        *(f"does not need {path}" for path in code if not any(covers({path}, r) for r in read)),
        *(f"leaves out {out}" for out in outs - moved),
    }


@needs_strace
@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_does_what_it_declares(project: Project, reproduced: Project, stage: str) -> None:
    if stage.startswith("download"):
        shutil.rmtree(project.folder / "data" / stage.partition("@")[2])
    data = str(reproduced.folder / "data")
    assert violations(project, stage, DATASETS_FOLDER=data) == set()


@needs_strace
def test_planted_violations_are_seen(project: Project) -> None:
    project.write("stages/planted.py", "")
    project.append(
        "stages/core/metrics.py",
        "\nfrom pathlib import Path\n\nfrom stages import planted\n\n"
        'Path("reports/planted").write_text(Path("dvc.yaml").read_text())\n',
    )
    lock = (project.folder / "dvc.lock").read_text()
    head, stage, rest = lock.partition("  evaluate@numpy_network-baseline:\n")
    rest = rest.replace("deps:\n", "deps:\n    - path: stages/download.py\n", 1)
    project.write("dvc.lock", head + stage + rest)
    assert violations(project, "evaluate@numpy_network-baseline") == {
        "reads dvc.yaml",
        "reads stages/planted.py",
        "writes reports/planted",
        "does not need stages/download.py",
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


def stale(project: Project, touched: str) -> set[str]:
    """The stages, of all recipes, that depend on a file."""
    return {
        name
        for name, entry in locked(project.folder).items()
        if any(covers({dep["path"]}, touched) for dep in entry["deps"])
    }


@pytest.mark.parametrize(
    ("touched", "expected"),
    [
        ("requirements.txt", COMPUTE | DOWNLOAD),
        ("stages/core/metrics.py", COMPUTE | DOWNLOAD),
        ("stages/networks/common/schedule.py", {"check_params", "report"} | TRAIN),
        ("stages/networks/fashion_mlp/training.py", {"check_params", "report"} | FASHION),
        (
            "stages/networks/numpy_network/network.py",
            {"check_params", "gradient_check", "report"} | NUMPY,
        ),
        ("stages/problems/l1_regression/data.py", {"check_params", "problem@l1_regression"}),
        ("stages/plot/style.py", {"report"} | PROBLEMS | PLOT),
        ("stages/results/summaries.py", {"report"} | PLOT),
        ("stages/report/templates/fashion_mlp.md.jinja", {"report"}),
        ("data/SHA256SUMS", DOWNLOAD),
        ("study/results/seeds-numpy_network-baseline.csv", {"report"}),
        ("tools/verify.py", set()),
    ],
)
def test_a_change_of_a_file_makes_stale_what_it_may_change(
    reproduced: Project, touched: str, expected: set[str]
) -> None:
    names = {re.sub("-(baseline|improved)$", "", name) for name in stale(reproduced, touched)}
    assert names == expected


def test_dvc_says_so_and_minds_no_stray_file_among_the_results(project: Project) -> None:
    for folder in ("data", "models", "reports", "reports/history", "reports/predictions"):
        project.write(f"{folder}/stray.csv", "epoch\n1\n")
    touched = "stages/networks/numpy_network/network.py"
    project.append(touched, "\n# touched\n")
    status = json.loads(project.run("dvc", "status", "--json").stdout)
    assert set(status) == stale(project, touched)


def test_the_report_reads_each_run(reproduced: Project) -> None:
    stages = locked(reproduced.folder)
    runs = {name.split("@")[1] for name in stages if name.startswith("train@")}
    files = ("models/{}.safetensors", "reports/history/{}.csv", "reports/predictions/{}.csv")
    assert {file.format(run) for file, run in product(files, runs)} <= {
        dep["path"] for dep in stages["report"]["deps"]
    }


@pytest.mark.slow(70)
def test_dvc_repro_makes_what_the_stages_make_in_one_process(
    small: Project, reproduced: Project
) -> None:
    small.run("git", "init", "--quiet")
    small.repro()
    assert hashes(small.folder) == hashes(reproduced.folder)
    assert locked(small.folder) == locked(reproduced.folder)
