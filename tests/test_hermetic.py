"""Each stage reads only what it declares and writes only what it declares, seen by strace."""

import re
import shutil
from pathlib import Path

import pytest
from conftest import Project, arguments
from ruamel.yaml import YAML

STAGES = (
    "check_params",
    "problem@l1_regression",
    "problem@box_network",
    "problem@softmax_jacobian",
    "gradient_check",
    "download@FashionMNIST",
    "download@MNIST",
    "train@fashion_mlp-baseline",
    "train@numpy_network-baseline",
    "evaluate@fashion_mlp-baseline",
    "evaluate@numpy_network-baseline",
    "plot@fashion_mlp-baseline",
    "plot@numpy_network-baseline",
    "report",
)
# With -y, strace writes a call as: openat(AT_FDCWD</folder>, "name", O_RDONLY|O_CLOEXEC) = 3</path>
OPENED = re.compile(r'open(?:at)?\((.*?"), ([A-Z_|]+).*\) = \d')
CHANGED = re.compile(r"(?:creat|mkdir|rename|rmdir|unlink)\w*\((.*)\) = 0")
NAME = re.compile(r'(?:<([^>]*)>, )?"(.*?)"')

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")


def locked(folder: Path) -> dict[str, dict]:
    return YAML(typ="safe").load(folder / "dvc.lock")["stages"]


def reads_and_writes(project: Project, command: list[str], **variables: str) -> tuple[set, set]:
    """Run a command; return the files in the project that it read and those that it wrote."""
    logs = project.folder.parent / "strace"
    logs.mkdir()
    calls = "open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,rmdir,unlink,unlinkat"
    strace = ["strace", "-ff", "-qq", "-y", "-s", "4096", "-e", f"trace={calls}"]
    strace += ["-o", str(logs / "log")]
    project.run(*strace, *command, **variables)
    reads, writes = set(), set()
    for line in "".join(log.read_text() for log in logs.iterdir()).splitlines():
        if match := OPENED.match(line):
            names, flags = match.groups()
            if "O_DIRECTORY" not in flags:
                (reads if "O_RDONLY" in flags else writes).update(NAME.findall(names))
        elif match := CHANGED.match(line):
            writes.update(NAME.findall(match[1]))
    return within(project, reads), within(project, writes)


def within(project: Project, names: set[tuple[str, str]]) -> set[str]:
    """Those names, each with the folder it is relative to, that are files of the project."""
    paths = ((project.folder / folder / name).resolve() for folder, name in names)
    return {
        str(path.relative_to(project.folder))
        for path in paths
        if path.is_relative_to(project.folder) and not path.is_dir()
    }


def outside(paths: set[str], declared: set[str]) -> set[str]:
    """Those of `paths` that are not declared, nor lie in a folder that is."""
    return {
        path
        for path in paths
        if not any(path == name or path.startswith(f"{name}/") for name in declared)
    }


def violations(project: Project, stage: str, **variables: str) -> tuple[set[str], set[str]]:
    """What a stage read and wrote without declaring it, by its entry in dvc.lock."""
    entry = locked(project.folder)[stage]
    outs = {out["path"] for out in entry.get("outs", [])}
    outs |= {f"{out}.partial" for out in outs}
    reads, writes = reads_and_writes(project, arguments(entry), **variables)
    assert any(path.startswith("stages/") for path in reads), "strace saw nothing"
    assert writes or not outs, "strace saw nothing"
    declared = {dep["path"] for dep in entry["deps"]} | set(entry.get("params", {}))
    declared.add("stages/__init__.py")  # a docstring, as test_dependencies.py checks
    if stage == "check_params":
        declared.add("dvc.yaml")  # DVC takes none as a dependency
    if stage == "report":
        declared.add("reports/comparison")  # which it has written itself before it reads it
    return outside(reads, declared), outside(writes, outs)


def test_all_stages_are_tried(reproduced: Project) -> None:
    """But those of a second recipe, which are the same scripts."""
    names = {name.replace("-improved", "-baseline") for name in locked(reproduced.folder)}
    assert names == set(STAGES)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_reads_and_writes_only_what_it_declares(
    project: Project, reproduced: Project, stage: str
) -> None:
    if stage.startswith("download"):
        shutil.rmtree(project.folder / "data" / stage.partition("@")[2])
    found = violations(project, stage, DATASETS_FOLDER=str(reproduced.folder / "data"))
    assert found == (set(), set())


def test_a_planted_violation_is_seen(project: Project) -> None:
    project.append(
        "stages/core/metrics.py",
        "\nfrom pathlib import Path\n"
        'Path("reports/planted").write_text(Path("dvc.yaml").read_text())\n',
    )
    assert violations(project, "evaluate@numpy_network-baseline") == (
        {"dvc.yaml"},
        {"reports/planted"},
    )


def test_a_file_that_a_library_reads_unseen_by_python_is_seen(project: Project) -> None:
    """The weights are opened by compiled code, which Python's own audit hooks do not notice."""
    model = "models/numpy_network-baseline.safetensors"
    entry = locked(project.folder)["evaluate@numpy_network-baseline"]
    assert model in reads_and_writes(project, arguments(entry))[0]
