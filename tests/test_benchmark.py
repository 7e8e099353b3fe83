"""The benchmark: its loops run, on small data, and its report has what was measured."""

import os
import re
from pathlib import Path

from stages.core.paths import Run
from tools import benchmark

import pandas as pd
import pytest
from conftest import REPOSITORY, needs_pins


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("run", "name"), [(run, name) for run, loops in benchmark.LOOPS.items() for name in loops]
)
def test_a_loop_computes_epochs(run: Run, name: str) -> None:
    loop, _ = benchmark.LOOPS[run][name]
    epochs = loop(run)
    next(epochs)
    next(epochs)


@pytest.mark.slow(10)
@needs_pins
def test_a_loop_is_pinned_and_has_cores_as_its_name_says(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "100 * bool(numerics.UNPINNED) + len(os.sched_getaffinity(0)), flush=True"
    code = f"import os, sys; from stages.core import numerics\nfor _ in sys.stdin: print({code})"
    monkeypatch.setattr(benchmark, "TURNS", code)
    monkeypatch.setattr(benchmark, "ROUNDS", 1)
    monkeypatch.chdir(REPOSITORY)
    cores = len(os.sched_getaffinity(0))
    for name, found in benchmark.measure(Run("fashion_mlp", "baseline")).iloc[0].items():
        assert found // 100 == (not name.startswith("our")), name
        assert found % 100 == (1 if "one core" in name else cores), name


def test_the_report_has_medians_and_ranges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # In the first round the other loop is slow.
    seconds = pd.DataFrame({"ours": [1, 2, 4], "other": [9, 6, 12]})
    monkeypatch.setattr(benchmark, "measure", lambda _: seconds)
    monkeypatch.setattr(benchmark, "REPORT", tmp_path / "benchmark.md")
    benchmark.main()
    report = (tmp_path / "benchmark.md").read_text()
    rows = re.findall(r"^\| (\w+) +\|" + 4 * r" +([\d.]+) \|" + "$", report, re.MULTILINE)
    expected = [("ours", 1, 2, 1, 4), ("other", 3, 9, 6, 12)]
    assert [(row[0], *map(float, row[1:])) for row in rows] == expected * len(benchmark.LOOPS)
