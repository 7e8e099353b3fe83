"""The gradient check finds an error in the backward pass, in the layer where it is."""

from stages.core.paths import GRADIENT_CHECK

import pandas as pd
import pytest
from conftest import Project


def check(project: Project) -> pd.DataFrame:
    project.run("python", "-m", "stages.problems.gradient_check")
    return pd.read_csv(project.folder / GRADIENT_CHECK)


def test_the_gradient_is_that_of_independent_methods(small: Project) -> None:
    table = check(small)
    assert list(table["count"]) == [784 * 32, 32, 32 * 32, 32, 32 * 10, 10]
    assert (table["autograd"] <= 1e-12).all()
    assert (table["central_differences"] <= 1e-6).all()


@pytest.mark.parametrize(
    ("line", "wrong", "rows"),
    [
        ("delta *= 1 - activation", "delta *= 1", [True] * 4 + [False] * 2),
        (" / len(targets)", "", [True] * 6),
        ("delta.sum(axis=0,", "delta[:1].sum(axis=0,", [False, True] * 3),
    ],
)
def test_an_error_in_the_backward_pass_is_seen_in_its_rows(
    small: Project, line: str, wrong: str, rows: list[bool]
) -> None:
    small.replace("stages/networks/numpy_network/network.py", line, wrong)
    table = check(small)
    for method in ("autograd", "central_differences"):
        assert list(table[method] > 0.01) == rows
