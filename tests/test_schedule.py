"""The learning rate of every step."""

import pytest

from stages.lib.schedule import learning_rates


def test_constant_is_the_peak_throughout() -> None:
    assert learning_rates("constant", 0.1, 0.5, 3).tolist() == [0.1] * 3


def test_one_cycle_goes_up_in_a_line_and_down_in_a_line() -> None:
    rates = learning_rates("one_cycle", 2.0, 0.25, 8)
    assert rates == pytest.approx([0.5, 1.5, 11 / 6, 9 / 6, 7 / 6, 5 / 6, 3 / 6, 1 / 6])


@pytest.mark.parametrize("warm_up", [0.0, 0.1, 0.9])
def test_one_cycle_has_its_peak_after_the_warm_up_and_half_of_it_on_average(warm_up: float) -> None:
    rates = learning_rates("one_cycle", 3.0, warm_up, 1000)
    assert abs(rates.argmax() / 1000 - warm_up) <= 0.0011
    assert rates.max() == pytest.approx(3, rel=0.01)
    assert rates.mean() == pytest.approx(1.5, rel=1e-3)
    assert (rates > 0).all()
