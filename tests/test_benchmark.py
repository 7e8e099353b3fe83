"""The benchmark, with few rounds on small data: every time is taken, and the report has it."""

import json
import os
import re
import subprocess
import sys

from conftest import Project

CODE = """
from tools import benchmark
benchmark.ROUNDS = 1
benchmark.GROWTH = {"epochs": (1, 2), "hidden_sizes": ([8],), "samples": (64,), "batch_size": (16,)}
benchmark.whole_pipeline = lambda scratch: (30.0, 2.0, 20.0)
imports = benchmark.imports()
chosen = ("stages.check_params", "stages.evaluate numpy_network", "stages.problems.l1_regression")
benchmark.imports = lambda: {stage: imports[stage] for stage in chosen}
benchmark.main()
"""


def test_every_loop_is_timed_and_reported(project: Project) -> None:
    project.run("python", "-c", CODE)
    report = (project.folder / "reports/benchmark.md").read_text()
    for stage in ("check_params", "evaluate numpy_network", "problems.l1_regression"):
        assert re.search(rf"^\| stages\.{stage} +\| \d+\.\d\d +\|$", report, re.MULTILINE)
    assert len(re.findall(r"times as long +\|", report)) == 5
    assert re.search(r"^\| `make repro`, the data .* \| 30 +\|$", report, re.MULTILINE)
    assert re.search(r"^\| `dvc repro` of problems 4 .* \| 20 +\|$", report, re.MULTILINE)
    assert (project.folder / "reports/benchmark.png").stat().st_size > 10_000
    assert not re.search(r"nan|inf\b", report)


def test_the_readme_quotes_the_benchmark(committed: Project) -> None:
    readme = (committed.folder / "README.md").read_text()
    speed = readme[readme.index("## Speed") : readme.index("## Faults")]
    rows = re.findall(r"^\|.*$", speed, re.MULTILINE)
    assert len(rows) > 10
    assert set(rows) <= set((committed.folder / "reports/benchmark.md").read_text().splitlines())


def test_what_is_compared_runs_on_all_cores(project: Project) -> None:
    project.write("threads.py", "import torch\nprint(torch.get_num_threads())\n")
    without = {key: value for key, value in os.environ.items() if not key.startswith("OMP_")}
    command = [sys.executable, "threads.py"]
    theirs = subprocess.run(
        command, cwd=project.folder, env=without, capture_output=True, text=True, check=True
    )
    code = "from tools import benchmark\nprint(benchmark.python('threads'))"
    assert project.run("python", "-c", code).stdout == theirs.stdout


def test_the_loops_without_pins_are_unpinned_and_the_others_are_not(project: Project) -> None:
    ours = json.loads(project.run("python", "-m", "tools.loops").stdout)
    theirs = json.loads(project.run("python", "-m", "tools.loops", "unpinned").stdout)
    assert not ours.keys() & theirs.keys()
    assert "fashion_mlp" in ours
    assert "fashion_mlp: DataLoader" in theirs
    assert min(*ours.values(), *theirs.values()) > 0
