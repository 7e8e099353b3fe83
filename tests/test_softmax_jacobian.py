"""Problem 3 against PyTorch, SciPy and central differences."""

from stages.problems.softmax_jacobian.jacobian import (
    cross_entropy_gradients,
    jacobian,
    jacobian_by_autograd,
    jacobian_by_complex_step,
    softmax,
)

import numpy as np
import pytest
import scipy.special
import torch

LOGITS = np.random.default_rng(8).normal(0, 3, (20, 5))


@pytest.mark.parametrize("temperature", [0.3, 1.0, 7.0])
def test_softmax_is_scipys(temperature: float) -> None:
    expected = scipy.special.softmax(LOGITS / temperature, axis=1)
    np.testing.assert_allclose(softmax(LOGITS, temperature), expected, rtol=1e-13)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 7.0])
def test_the_jacobian_agrees_with_central_differences(temperature: float) -> None:
    width = 1e-5
    columns = [
        (scipy.special.softmax((LOGITS + step) / temperature, axis=1)
         - scipy.special.softmax((LOGITS - step) / temperature, axis=1)) / (2 * width)
        for step in width * np.eye(5)
    ]  # fmt: skip
    differences = np.stack(columns, axis=2)
    # an error of width^2 / temperature^3, plus rounding / width
    np.testing.assert_allclose(jacobian(LOGITS, temperature), differences, rtol=0, atol=1e-8)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 7.0])
@pytest.mark.parametrize("other", [jacobian_by_autograd, jacobian_by_complex_step])
def test_the_independent_methods_agree(other: object, temperature: float) -> None:
    expected = other(LOGITS / temperature) / temperature
    np.testing.assert_allclose(jacobian(LOGITS, temperature), expected, rtol=0, atol=1e-14)


def test_a_batch_is_its_vectors_in_any_shape() -> None:
    cube = LOGITS.reshape(4, 5, 5)
    assert jacobian(cube).shape == (4, 5, 5, 5)
    for index in np.ndindex(4, 5):
        np.testing.assert_array_equal(jacobian(cube)[index], jacobian(cube[index]))


def test_symmetric_positive_semidefinite_of_rank_k_minus_1_and_rows_sum_to_zero() -> None:
    matrices = jacobian(LOGITS)
    np.testing.assert_allclose(matrices, matrices.swapaxes(1, 2), rtol=1e-12)
    np.testing.assert_allclose(matrices.sum(axis=2), 0, atol=1e-15)
    eigenvalues = np.linalg.eigvalsh(matrices)
    np.testing.assert_allclose(eigenvalues[:, 0], 0, atol=1e-15)
    assert (eigenvalues[:, 1] > 1e-8).all()


@pytest.mark.filterwarnings("error")
def test_logits_of_any_size_do_not_overflow() -> None:
    extreme = np.array([1e308, 800.0, 0.0, -800.0, -1e308])
    assert softmax(extreme).tolist() == [1, 0, 0, 0, 0]
    assert (jacobian(extreme) == 0).all()
    assert softmax(np.array([1e308, 1e308])).tolist() == [0.5, 0.5]
    assert np.isfinite(jacobian(extreme, 1e-3)).all()


def test_softmax_subtracts_each_vectors_own_max() -> None:
    """With the max of the whole array, every exp of the second vector would be zero."""
    first, second = softmax(np.array([[1000.0, 1001.0], [0.0, 1.0]]))
    assert first.tolist() == second.tolist()


def test_with_cross_entropy_three_ways_give_pytorchs_gradient() -> None:
    logits = torch.tensor(LOGITS, requires_grad=True)
    targets = torch.full((len(LOGITS),), 2)
    torch.nn.functional.cross_entropy(logits, targets, reduction="sum").backward()
    for gradients in cross_entropy_gradients(LOGITS, 2):
        np.testing.assert_allclose(gradients, logits.grad.numpy(), rtol=0, atol=1e-13)
