"""The gradient check finds an error in the backward pass, in the layer where it is."""

from stages.core.paths import GRADIENT_CHECK
from stages.networks.numpy_network.network import NumpyNetwork
from stages.problems import gradient_check

import pandas as pd
import pytest
from conftest import Project


@pytest.fixture(autouse=True)
def small_network(small: Project) -> None:
    small.set_param("numpy_network", "baseline", hidden_sizes=[3, 2])


def test_the_gradient_is_that_of_independent_methods() -> None:
    gradient_check.main()
    table = pd.read_csv(GRADIENT_CHECK)
    assert list(table["layer"]) == [1, 1, 2, 2, 3, 3]
    assert list(table["parameters"]) == ["weights", "biases"] * 3
    assert list(table["count"]) == [784 * 3, 3, 3 * 2, 2, 2 * 10, 10]
    assert (table["autograd"] <= 1e-12).all()
    errors = table[["h=0.01", "h=0.001", "h=0.0001"]].to_numpy()
    # of the order h^2: a hundredth for the next h, as far as rounding errors let it
    assert (errors[:, 1] <= 1e-6).all()
    assert errors[:, :-1] / errors[:, 1:] == pytest.approx(100, rel=0.3)


@pytest.mark.parametrize("row", range(6))
def test_a_backward_error_is_seen_in_its_row(monkeypatch: pytest.MonkeyPatch, row: int) -> None:
    right = NumpyNetwork.backward

    def wrong(network: NumpyNetwork, *batch: object) -> None:
        right(network, *batch)
        gradients = network.bias_gradients if row % 2 else network.weight_gradients
        gradients[row // 2] *= 1.1

    monkeypatch.setattr(NumpyNetwork, "backward", wrong)
    gradient_check.main()
    table = pd.read_csv(GRADIENT_CHECK)
    for method in ("autograd", "h=0.01", "h=0.001", "h=0.0001"):
        assert list(table.index[table[method] > 0.01]) == [row]
