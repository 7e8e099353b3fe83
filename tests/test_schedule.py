"""The learning rate of every step."""

from stages.core.params import TrainingRecipe
from stages.networks.common.schedule import learning_rates

import numpy as np
import pytest


def recipe(schedule: str, learning_rate: float, warmup_fraction: float, epochs: int) -> object:
    return TrainingRecipe.model_construct(
        schedule=schedule,
        learning_rate=learning_rate,
        warmup_fraction=warmup_fraction,
        epochs=epochs,
    )


def test_constant_does_not_change() -> None:
    assert learning_rates(recipe("constant", 0.1, 0.5, 4), epoch=2, steps=3) == [0.1] * 3


def test_linear_warmup_and_decay() -> None:
    params = recipe("linear", 2.0, 0.25, epochs=2)
    assert learning_rates(params, 0, 4) == pytest.approx([0.5, 1.5, 11 / 6, 9 / 6])
    assert learning_rates(params, 1, 4) == pytest.approx([7 / 6, 5 / 6, 3 / 6, 1 / 6])


@pytest.mark.parametrize("warmup_fraction", [0.0, 0.1, 0.9])
def test_linear_has_its_max_after_the_warmup_and_half_of_it_on_average(
    warmup_fraction: float,
) -> None:
    params = recipe("linear", 3.0, warmup_fraction, epochs=10)
    rates = np.concatenate([learning_rates(params, epoch, 100) for epoch in range(10)])
    assert abs(rates.argmax() / 1000 - warmup_fraction) <= 0.0011
    assert rates.max() == pytest.approx(3, rel=0.01)
    assert rates.mean() == pytest.approx(1.5, rel=1e-3)
    assert (rates > 0).all()
