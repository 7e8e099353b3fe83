"""dvc.yaml declares what each stage imports, and a change makes stale only what it may change."""

import ast
import json
import re
from pathlib import Path

import pytest
from conftest import REPOSITORY, Project, arguments
from ruamel.yaml import YAML

# One instance of each stage, and both networks where that matters.
STAGES = (
    "check_params",
    "problem@l1_regression",
    "problem@box_network",
    "problem@softmax_jacobian",
    "gradient_check",
    "download@MNIST",
    "train@fashion_mlp-improved",
    "train@numpy_network-improved",
    "evaluate@fashion_mlp-improved",
    "evaluate@numpy_network-improved",
    "plot@fashion_mlp-improved",
    "report",
)


def locked(project: Project) -> dict[str, dict]:
    """The stages in dvc.lock."""
    return YAML(typ="safe").load(project.folder / "dvc.lock")["stages"]


def imported(project: Project, command: list[str]) -> set[str]:
    """Run a stage; return the files of the project whose code it and its processes load."""
    finished = project.run(*command, PYTHONVERBOSE="1")
    names = set(re.findall(r"^import '(stages\b[\w.]*)' #", finished.stderr, re.MULTILINE))
    script = command[2].replace(".", "/")
    files = {f"{script}.py", f"{script}/__main__.py"}
    for name in names:
        files |= {f"{name.replace('.', '/')}.py", f"{name.replace('.', '/')}/__init__.py"}
    return {file for file in files if (project.folder / file).exists()}


def holds_code(path: Path) -> bool:
    """Whether a module holds more than its docstring."""
    tree = ast.parse(path.read_text())
    return len(tree.body) > (ast.get_docstring(tree) is not None)


def within(path: str, declared: set[str]) -> bool:
    return any(path == name or path.startswith(f"{name}/") for name in declared)


def check(project: Project, entry: dict) -> None:
    """Check that all that a stage imports is declared, and that it needs all code it declares."""
    declared = {dep["path"] for dep in entry["deps"]}
    files = imported(project, arguments(entry))
    assert len(files) > 3, "nothing was seen"
    undeclared = {file for file in files if not within(file, declared)}
    assert [file for file in undeclared if holds_code(project.folder / file)] == []
    code = {path for path in declared if path.startswith("stages/")}
    assert [path for path in code if not any(within(file, {path}) for file in files)] == []


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_imports_what_it_declares(project: Project, stage: str) -> None:
    check(project, locked(project)[stage])


def test_an_undeclared_import_is_seen(project: Project) -> None:
    project.write("stages/planted.py", "PLANTED = 1\n")
    project.append("stages/networks/common/schedule.py", "\nfrom stages import planted\n")
    with pytest.raises(AssertionError, match=r"stages/planted\.py"):
        check(project, locked(project)["train@numpy_network-improved"])


def test_a_stray_file_among_the_results_changes_nothing(project: Project) -> None:
    for folder in ("data", "models", "reports", "reports/history", "reports/predictions"):
        project.write(f"{folder}/stray.csv", "epoch\n1\n")
    assert project.repro() == []


def test_the_report_reads_each_run(reproduced: Project) -> None:
    runs = {name.split("@")[1] for name in locked(reproduced) if name.startswith("train@")}
    deps = {dep["path"] for dep in locked(reproduced)["report"]["deps"]}
    assert len(runs) == 4
    for run in runs:
        assert {
            f"models/{run}.safetensors",
            f"reports/history/{run}.csv",
            f"reports/predictions/{run}.csv",
        } <= deps


FASHION = {f"{stage}@fashion_mlp-{recipe}" for stage in ("train", "evaluate")
           for recipe in ("baseline", "improved")}  # fmt: skip
NUMPY = {name.replace("fashion_mlp", "numpy_network") for name in FASHION}
TRAIN = {name for name in FASHION | NUMPY if name.startswith("train")}
EVALUATE = (FASHION | NUMPY) - TRAIN
PLOT = {name.replace("train", "plot") for name in TRAIN}
DOWNLOAD = {"download@FashionMNIST", "download@MNIST"}
PROBLEMS = {f"problem@{name}" for name in ("l1_regression", "box_network", "softmax_jacobian")}
CHECKED = {"check_params", "gradient_check"}
NOTHING: set[str] = set()


@pytest.mark.parametrize(
    ("touched", "stale"),
    [
        ("stages/core/metrics.py",
         CHECKED | PROBLEMS | DOWNLOAD | FASHION | NUMPY | PLOT | {"report"}),
        ("stages/networks/common/schedule.py", {"check_params", "report"} | TRAIN),
        ("stages/networks/fashion_mlp/training.py", {"check_params", "report"} | FASHION),
        ("stages/networks/numpy_network/network.py", CHECKED | {"report"} | NUMPY),
        ("stages/problems/l1_regression/params.py", {"check_params", "problem@l1_regression"}),
        ("stages/problems/gradient_check.py", CHECKED),
        ("stages/plot/style.py", PROBLEMS | PLOT | {"report"}),
        ("stages/plot/figures.py", PLOT | {"report"}),
        ("stages/results/summaries.py", PLOT | {"report"}),
        ("stages/report/templates/fashion_mlp.md.jinja", {"report"}),
        ("stages/check_params.py", {"check_params"}),
        ("stages/download.py", DOWNLOAD),
        ("stages/train.py", TRAIN),
        ("stages/evaluate.py", EVALUATE),
        ("data/SHA256SUMS", DOWNLOAD),
        ("data/reported.yaml", {"report"}),
        ("study/results/seeds-numpy_network-baseline.csv", {"report"}),
        ("requirements.txt", CHECKED | PROBLEMS | FASHION | NUMPY | PLOT | {"report"}),
        ("requirements-dev.txt", NOTHING),
        ("data/README.md", NOTHING),
        ("models/README.md", {"report"}),
        ("study/params.yaml", NOTHING),
        ("tools/verify.py", NOTHING),
    ],
)  # fmt: skip
def test_a_touched_file_makes_stale(project: Project, touched: str, stale: set[str]) -> None:
    project.append(touched, "\n# touched\n")
    status = json.loads(project.run("dvc", "status", "--json").stdout)
    assert set(status) == stale


def allowed(path: Path) -> set[str]:
    """What a module of the stages may import of them, by its folder."""
    top, *below = path.parts
    if top == "problems":
        extra = {"networks/numpy_network"} if below[0] == "gradient_check.py" else {"plot/style"}
        return {"core", f"problems/{below[0]}", *extra}
    if top == "networks":
        return {"core", "networks/common", f"networks/{below[0]}"}
    extra = {"plot": {"results"}, "report": {"networks/common", "plot", "results"}}
    return {"core", top} | extra.get(top, set())


MODULES = [path.relative_to(REPOSITORY / "stages") for path in REPOSITORY.glob("stages/**/*.py")]


@pytest.mark.parametrize("path", sorted(MODULES), ids=str)
def test_a_module_imports_from_its_layer_and_below(path: Path) -> None:
    for node in ast.walk(ast.parse((REPOSITORY / "stages" / path).read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports are not followed"
            if node.module.startswith("stages"):
                for alias in node.names:
                    name = f"{node.module}.{alias.name}".replace(".", "/").removeprefix("stages/")
                    assert within(name, allowed(path)), name
        elif isinstance(node, ast.Import):
            assert not any(alias.name.startswith("stages") for alias in node.names)
