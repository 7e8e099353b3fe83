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
    "l1_regression",
    "box_network",
    "softmax_jacobian",
    "gradient_check",
    "download@MNIST",
    "train@fashion_mlp-improved",
    "train@numpy_network-improved",
    "evaluate@fashion_mlp-improved",
    "evaluate@numpy_network-improved",
    "plot@fashion_mlp-improved",
    "report",
    "html",
)


def locked(project: Project, folder: str = ".") -> dict[str, dict]:
    """The stages in the dvc.lock of a folder, with deps relative to the root of the project."""
    entries = YAML(typ="safe").load(project.folder / folder / "dvc.lock")["stages"]
    for entry in entries.values():
        for dep in entry["deps"]:
            path = (project.folder / folder / dep["path"]).resolve()
            dep["path"] = str(path.relative_to(project.folder.resolve()))
    return entries


def imported(project: Project, command: list[str]) -> set[str]:
    """Run a stage; return the files of the project whose code it and its processes load."""
    finished = project.run(*command, PYTHONVERBOSE="1")
    names = set(
        re.findall(r"^import '((?:stages|study)\b[\w.]*)' #", finished.stderr, re.MULTILINE)
    )
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
    folders = ("stages/", "study/report", "study/training")
    code = {path for path in declared if path.startswith(folders)}
    assert [path for path in code if not any(within(file, {path}) for file in files)] == []


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_imports_what_it_declares(project: Project, stage: str) -> None:
    check(project, locked(project)[stage])


def test_an_undeclared_import_is_seen(project: Project) -> None:
    project.write("stages/planted.py", "PLANTED = 1\n")
    project.append("stages/networks/common/schedule.py", "\nfrom stages import planted\n")
    with pytest.raises(AssertionError, match=r"stages/planted\.py"):
        check(project, locked(project)["train@numpy_network-improved"])


def test_a_stage_has_at_most_six_deps_besides_the_results_that_it_gathers() -> None:
    pipeline, study = (
        YAML(typ="safe").load(REPOSITORY / path)["stages"]
        for path in ("dvc.yaml", "study/dvc.yaml")
    )
    for name, stage in [*pipeline.items(), *study.items()]:
        deps = stage.get("do", stage)["deps"]
        if name in ("report", "html"):
            results = ("models/", "reports/", "results/", "study/results")
            deps = [dep for dep in deps if not dep.startswith(results)]
        assert len(deps) <= (8 if "report" in deps else 6), name


def test_a_stage_depends_on_no_folder_that_no_stage_makes(reproduced: Project) -> None:
    entries = locked(reproduced)
    outs = {out["path"] for entry in entries.values() for out in entry.get("outs", [])}
    for entry in entries.values():
        for dep in entry["deps"]:
            made = dep["path"] in outs
            assert made == dep["path"].startswith(("data/", "models/", "reports/")) or (
                dep["path"] == "data/reported.yaml"
            ), dep


def test_a_stray_file_among_the_results_changes_nothing(project: Project) -> None:
    for folder in ("data", "models", "reports", "reports/history", "reports/metrics"):
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
            f"reports/metrics/{run}.json",
            f"reports/predictions/{run}.csv",
        } <= deps


FASHION = {f"{stage}@fashion_mlp-{recipe}" for stage in ("train", "evaluate")
           for recipe in ("baseline", "improved")}  # fmt: skip
NUMPY = {name.replace("fashion_mlp", "numpy_network") for name in FASHION}
TRAIN = {name for name in FASHION | NUMPY if name.startswith("train")}
EVALUATE = (FASHION | NUMPY) - TRAIN
PLOT = {name.replace("train", "plot") for name in TRAIN}
DOWNLOAD = {"download@FashionMNIST", "download@MNIST"}
PROBLEMS = {"l1_regression", "box_network", "softmax_jacobian", "gradient_check"}
NOTHING: set[str] = set()


@pytest.mark.parametrize(
    ("touched", "stale"),
    [
        (
            "stages/core/metrics.py",
            {"check_params", "report", "html"} | PROBLEMS | DOWNLOAD | FASHION | NUMPY | PLOT,
        ),
        ("stages/networks/common/schedule.py", {"check_params", "report"} | TRAIN),
        ("stages/networks/fashion_mlp/training.py", {"check_params"} | FASHION),
        (
            "stages/networks/numpy_network/blockwise.py",
            {"check_params", "gradient_check"} | NUMPY,
        ),
        (
            "stages/networks/numpy_network/network.py",
            {"check_params", "softmax_jacobian", "gradient_check"} | NUMPY,
        ),
        ("stages/problems/l1_regression/params.py", {"check_params", "l1_regression"}),
        ("stages/plot/style.py", PROBLEMS - {"gradient_check"} | PLOT | {"report"}),
        ("stages/plot/figures.py", PLOT | {"report"}),
        ("stages/report/markdown.py", {"report"}),
        ("stages/report/templates/fashion_mlp.md.jinja", {"report"}),
        ("stages/check_params.py", {"check_params"}),
        ("stages/download.py", DOWNLOAD),
        ("stages/train.py", TRAIN),
        ("stages/evaluate.py", EVALUATE),
        ("stages/gradient_check.py", {"gradient_check"}),
        ("stages/html.py", {"html"}),
        ("data/reported.yaml", {"report"}),
        ("study/results/seeds-numpy_network-baseline.csv", {"report"}),
        (
            "requirements.txt",
            {"check_params"} | PROBLEMS | FASHION | NUMPY | PLOT | {"report", "html"},
        ),
        ("requirements-dev.txt", NOTHING),
        ("data/README.md", NOTHING),
        ("models/README.md", {"report"}),
        ("study/training/jobs.py", NOTHING),
        ("tools/verify.py", NOTHING),
        ("tests/conftest.py", NOTHING),
    ],
)
def test_a_touched_file_makes_stale(project: Project, touched: str, stale: set[str]) -> None:
    project.append(touched, "\n# touched\n")
    status = json.loads(project.run("dvc", "status", "--json").stdout)
    assert set(status) == stale


def allowed(path: Path) -> set[str]:
    """What a module of the stages may import of them, by its folder."""
    top, *below = path.parts
    if top == "problems" and below:
        extra = {"networks/numpy_network/network"} if below[0] == "softmax_jacobian" else set()
        return {"core", "plot/style", f"problems/{below[0]}", *extra}
    if top == "networks":
        return {"core", "networks/common", f"networks/{below[0]}"}
    extra = {
        "gradient_check.py": {"networks/numpy_network/network"},
        "report": {"networks/common", "plot"},
    }
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
