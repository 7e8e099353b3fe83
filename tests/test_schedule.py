"""The learning rate of every step."""

from stages.networks.common.schedule import learning_rates

import pytest


def test_constant_does_not_change() -> None:
    assert learning_rates("constant", 0.1, 0.5, 3).tolist() == [0.1] * 3


def test_linear_warmup_and_decay() -> None:
    rates = learning_rates("linear", 2.0, 0.25, 8)
    assert rates == pytest.approx([0.5, 1.5, 11 / 6, 9 / 6, 7 / 6, 5 / 6, 3 / 6, 1 / 6])


@pytest.mark.parametrize("warmup_fraction", [0.0, 0.1, 0.9])
def test_linear_has_its_max_after_the_warmup_and_half_of_it_on_average(
    warmup_fraction: float,
) -> None:
    rates = learning_rates("linear", 3.0, warmup_fraction, 1000)
    assert abs(rates.argmax() / 1000 - warmup_fraction) <= 0.0011
    assert rates.max() == pytest.approx(3, rel=0.01)
    assert rates.mean() == pytest.approx(1.5, rel=1e-3)
    assert (rates > 0).all()
