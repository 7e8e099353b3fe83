"""The gradient check finds an error in the backward pass, in the layer where it is."""

import pandas as pd
import pytest
from conftest import Project


def check(project: Project) -> pd.DataFrame:
    project.run("python", "-m", "stages.gradient_check")
    return pd.read_csv(project.folder / "reports/gradient_check.csv")


def test_the_gradient_is_that_of_independent_methods(reproduced: Project) -> None:
    table = pd.read_csv(reproduced.folder / "reports/gradient_check.csv")
    assert list(table["count"]) == [784 * 32, 32, 32 * 32, 32, 32 * 10, 10]
    assert (table["autograd"] <= 1e-12).all()
    assert (table["central_differences"] <= 1e-6).all()


@pytest.mark.parametrize(
    ("line", "wrong", "rows"),
    [
        ("delta *= ONE - activation", "delta *= ONE", [True] * 4 + [False] * 2),
        ("delta /= len(targets)", "delta /= 1", [True] * 6),
        (
            "np.add.reduce(delta, axis=0, keepdims=True, out=self.bias_gradients[layer])",
            "np.copyto(self.bias_gradients[layer], delta[:1])",
            [False, True] * 3,
        ),
    ],
)
def test_an_error_in_the_backward_pass_is_seen_in_its_rows(
    project: Project, line: str, wrong: str, rows: list[bool]
) -> None:
    project.replace("stages/networks/numpy_network/network.py", line, wrong)
    table = check(project)
    for method in ("autograd", "central_differences"):
        assert list(table[method] > 0.01) == rows
