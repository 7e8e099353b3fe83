"""Problem 3 against PyTorch, SciPy and central differences."""

from collections.abc import Callable

from stages.problems.softmax_jacobian import jacobian as ours

import numpy as np
import pytest
import scipy.special
import torch

LOGITS = np.random.default_rng(8).normal(0, 3, (20, 5))


@pytest.mark.parametrize("temperature", [0.3, 1.0, 7.0])
def test_softmax_and_its_jacobian_agree_with_scipy_and_differences(temperature: float) -> None:
    def values(logits: np.ndarray) -> np.ndarray:
        return scipy.special.softmax(logits / temperature, axis=1)

    np.testing.assert_allclose(ours.softmax(LOGITS, temperature), values(LOGITS), rtol=1e-13)
    steps = 1e-5 * np.eye(5)
    differences = [(values(LOGITS + step) - values(LOGITS - step)) / 2e-5 for step in steps]
    # an error of width^2 / temperature^3, plus rounding / width
    found = ours.jacobian(LOGITS, temperature)
    np.testing.assert_allclose(found, np.stack(differences, axis=2), rtol=0, atol=1e-8)


@pytest.mark.parametrize("other", [ours.jacobian_by_autograd, ours.jacobian_by_complex_step])
def test_the_independent_methods_agree(other: Callable[[np.ndarray], np.ndarray]) -> None:
    # With the maximum of all vectors subtracted, and not of each, exp would be zero in most.
    logits = np.vstack([LOGITS, [1000, 999, 0, 0, 0]])
    np.testing.assert_allclose(ours.jacobian(logits), other(logits), rtol=0, atol=1e-14)


@pytest.mark.filterwarnings("error")
def test_logits_of_any_size_do_not_overflow() -> None:
    extreme = np.array([1e308, 800.0, 0.0, -800.0, -1e308])
    assert ours.softmax(extreme).tolist() == [1, 0, 0, 0, 0]
    assert (ours.jacobian(extreme) == 0).all()
    assert ours.softmax(np.array([1e308, 1e308])).tolist() == [0.5, 0.5]
    assert np.isfinite(ours.jacobian(extreme, 1e-3)).all()


def test_with_cross_entropy_both_ways_give_pytorchs_gradient() -> None:
    logits = torch.tensor(LOGITS, requires_grad=True)
    targets = torch.full((len(LOGITS),), 2)
    torch.nn.functional.cross_entropy(logits, targets, reduction="sum").backward()
    for gradients in ours.cross_entropy_gradients(LOGITS, 2):
        np.testing.assert_allclose(gradients, logits.grad.numpy(), rtol=0, atol=1e-13)
