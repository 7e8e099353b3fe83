"""The benchmark: its loops run, on small data, and its report has what was measured."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tools import benchmark
from tools.loops import LOOPS

import pandas as pd
import pytest
from conftest import Project


def test_every_loop_runs(project: Project) -> None:
    code = (
        "from tools.loops import LOOPS\n"
        "for loops in LOOPS.values():\n"
        "    for make in loops.values(): make()()"
    )
    project.run("python", "-c", code)


def test_the_report_has_medians_ranges_and_ratios(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(title: str) -> pd.DataFrame:
        """The second loop takes twice the time of the first, and so on, in three rounds."""
        rounds = [
            {name: number * seconds for number, name in enumerate(LOOPS[title], 1)}
            for seconds in (1.0, 2.0, 4.5)
        ]
        found = pd.DataFrame(rounds)
        found.attrs["others"] = 50.0 if "busy" in title else 3.0
        return found

    monkeypatch.setattr(benchmark, "measure", measure)
    monkeypatch.setattr(benchmark, "whole_pipeline", lambda _: {"`dvc repro`": 40.0})
    monkeypatch.setattr(benchmark, "REPORT", tmp_path / "benchmark.md")
    benchmark.main()
    report = (tmp_path / "benchmark.md").read_text()
    for title, loops in LOOPS.items():
        section = report.partition(f"## {title}\n")[2].partition("##")[0]
        assert re.search(r"^\| loop +\| seconds .*\| ratio +\|$", section, re.MULTILINE)
        rows = re.findall(r"^\| (\S.*?) +\| (\d.+?) +\| (\d\S+) +\|$", section, re.MULTILINE)
        assert rows == [
            (name, f"{2 * n:.2f} ({n:.2f} to {4.5 * n:.2f})", f"{n:.2f}")
            for n, name in enumerate(loops, 1)
        ]
    assert "took up to 3 %" in report
    assert re.search(r"^\| `dvc repro` +\| 40 +\|$", report, re.MULTILINE)
    # the assignment's loops are the fifth and the second; 100 and 3 epochs
    assert re.search(r"^\| the assignment's notebooks +\| 1012 +\|$", report, re.MULTILINE)


def test_a_busy_process_ends_with_the_benchmark() -> None:
    code = (
        "import os, subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-c', sys.argv[1], str(os.getpid())])"
    )
    # It holds the pipes open, which are read to their end.
    command = [sys.executable, "-c", code, benchmark.BUSY]
    subprocess.run(command, capture_output=True, check=True)


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
