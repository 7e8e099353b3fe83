"""The benchmark, in one round on small data: every loop is timed, and the report has it."""

import os
import re
import subprocess
import sys

from tools.loops import LOOPS

from conftest import Project

CODE = """
from tools import benchmark
benchmark.ROUNDS = 1
benchmark.whole_pipeline = lambda scratch: {"`make repro`": 30.0, "`dvc repro`": 40.0}
benchmark.main()
"""


def test_every_loop_is_timed_and_reported(project: Project) -> None:
    project.run("python", "-c", CODE)
    report = (project.folder / "reports/benchmark.md").read_text()
    for title, loops in LOOPS.items():
        section = report.partition(f"## {title}\n")[2].partition("##")[0]
        pattern = r"^\| (.+?) +\| \d+\.\d\d \(\d+\.\d\d to \d+\.\d\d\) +\| (\d+\.\d\d) +\|$"
        rows = re.findall(pattern, section, re.MULTILINE)
        assert [name for name, _ in rows] == list(loops)
        assert rows[0][1] == "1.00"
    assert re.search(r"^\| `dvc repro` +\| 40 +\|$", report, re.MULTILINE)


def test_only_the_loops_of_this_project_are_pinned_and_on_one_core(project: Project) -> None:
    seconds = "print(time.perf_counter() - start, flush=True)"
    threads = "print(torch.get_num_threads() + bool(stages.core.UNPINNED) / 2, flush=True)"
    project.replace("tools/loops.py", seconds, threads)
    project.replace(
        "tools/loops.py", "import torchvision\n", "import torchvision\nimport stages.core\n"
    )
    code = (
        "from tools import benchmark\nbenchmark.ROUNDS = 1\n"
        "print(*benchmark.measure('fashion_mlp, half of the cores busy').iloc[0])"
    )
    variables = {key: value for key, value in os.environ.items() if not key.startswith("OMP_")}
    plain = [sys.executable, "-c", "import torch; print(torch.get_num_threads())"]
    cores = subprocess.run(plain, env=variables, capture_output=True, text=True, check=True).stdout
    assert project.run("python", "-c", code).stdout.split() == ["1.0", f"{cores.strip()}.5"]
