"""The hand-written network against PyTorch's autograd and its own definitions."""

from stages.networks.numpy_network.network import NumpyNetwork, log_softmax, sigmoid

import numpy as np
import pytest
import torch
from test_networks import in_pytorch
from torch.nn.functional import cross_entropy


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-9), (np.float32, 1e-3)])
@pytest.mark.parametrize("batch_size", [1, 5])
@pytest.mark.parametrize("sizes", [[6, 3], [784, 32, 32, 10], [5, 4, 3, 4, 2]], ids=str)
def test_loss_and_gradient_agree_with_autograd(
    sizes: list[int], batch_size: int, dtype: type[np.floating], rtol: float
) -> None:
    generator = np.random.default_rng(7)
    network = NumpyNetwork(sizes, dtype)
    network.initialise(generator)
    inputs = generator.normal(0, 1, (batch_size, sizes[0])).astype(dtype)
    labels = generator.integers(0, sizes[-1], batch_size)
    reference = in_pytorch(network)
    loss = cross_entropy(reference(torch.tensor(inputs).double()), torch.from_numpy(labels))
    loss.backward()
    gradients = [parameter.grad.numpy().ravel() for parameter in reference.parameters()]

    log_probabilities = network.forward(inputs)
    network.backward(log_probabilities, np.eye(sizes[-1], dtype=dtype)[labels])

    assert log_probabilities.dtype == dtype
    assert -log_probabilities[range(batch_size), labels].mean() == pytest.approx(
        loss.item(), rel=rtol
    )
    np.testing.assert_allclose(
        network.gradient, np.concatenate(gradients), rtol=rtol, atol=rtol / 1000
    )


def test_initial_weights_have_the_stated_mean_and_variance() -> None:
    network = NumpyNetwork([400, 300, 200])
    network.initialise(np.random.default_rng(80085))
    for weight, bias in zip(network.weights, network.biases, strict=True):
        for values, variance in ((weight, 1 / max(weight.shape)), (bias, 1.0)):
            # five standard errors of the mean and of the variance of normal samples
            assert abs(values.mean()) < 5 * (variance / values.size) ** 0.5
            assert abs(values.var() / variance - 1) < 5 * (2 / values.size) ** 0.5


def test_sigmoid_and_softmax_are_stable_where_exp_overflows() -> None:
    with np.errstate(all="raise", under="ignore"):
        np.testing.assert_allclose(sigmoid(np.array([-1e4, 0.0, 1e4])), [0, 0.5, 1], atol=1e-15)
        np.testing.assert_allclose(
            log_softmax(np.array([[0.0, 1e4], [-1e4, -1e4]])),
            [[-1e4, 0], [-np.log(2), -np.log(2)]],
        )
