"""The hand-written network against PyTorch's autograd and against finite differences."""

from pathlib import Path

from stages.core import numerics
from stages.networks.common.schedule import learning_rates
from stages.networks.numpy_network import training
from stages.networks.numpy_network.inference import load, save, to_input
from stages.networks.numpy_network.network import NumpyNetwork, log_softmax, sigmoid
from stages.networks.numpy_network.recipe import Recipe
from stages.networks.numpy_network.training import make_network, train, train_epoch
from stages.problems import gradient_check

import numpy as np
import pytest
import torch
from safetensors import safe_open


def network_and_batch(
    sizes: list[int], batch_size: int
) -> tuple[NumpyNetwork, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(7)
    network = NumpyNetwork(sizes, np.float64)
    network.initialise(generator)
    inputs = generator.normal(0, 1, (batch_size, sizes[0]))
    labels = generator.integers(0, sizes[-1], batch_size)
    return network, inputs, np.eye(sizes[-1])[labels]


def torch_loss(
    parameters: list[torch.Tensor], inputs: np.ndarray, targets: np.ndarray
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and mean cross entropy as PyTorch computes them; `parameters`: weight, bias, .."""
    activation = torch.from_numpy(inputs)
    layers = list(zip(parameters[::2], parameters[1::2], strict=True))
    for weight, bias in layers[:-1]:
        activation = torch.sigmoid(torch.nn.functional.linear(activation, weight, bias))
    logits = torch.nn.functional.linear(activation, *layers[-1])
    return logits, torch.nn.functional.cross_entropy(logits, torch.from_numpy(targets))


def torch_parameters(network: NumpyNetwork) -> list[torch.Tensor]:
    return [
        torch.tensor(array, requires_grad=True)
        for weight, bias in zip(network.weights, network.biases, strict=True)
        for array in (weight, bias.ravel())
    ]


@pytest.mark.parametrize("batch_size", [1, 5])
@pytest.mark.parametrize("sizes", [[6, 3], [6, 4, 3], [784, 32, 32, 10], [5, 4, 3, 4, 2]])
def test_loss_and_gradient_agree_with_autograd(sizes: list[int], batch_size: int) -> None:
    network, inputs, targets = network_and_batch(sizes, batch_size)
    parameters = torch_parameters(network)
    _, loss = torch_loss(parameters, inputs, targets)
    loss.backward()

    log_probabilities = network.forward(inputs)
    network.backward(log_probabilities, targets)

    assert -np.vdot(targets, log_probabilities) / batch_size == pytest.approx(
        loss.item(), rel=1e-12
    )
    for ours, theirs in zip(network.weight_gradients, parameters[::2], strict=True):
        np.testing.assert_allclose(ours, theirs.grad.numpy(), rtol=1e-9, atol=1e-14)
    for ours, theirs in zip(network.bias_gradients, parameters[1::2], strict=True):
        np.testing.assert_allclose(ours.ravel(), theirs.grad.numpy(), rtol=1e-9, atol=1e-14)


def test_float32_agrees_with_float64_to_its_precision() -> None:
    exact, inputs, targets = network_and_batch([784, 32, 32, 10], 5)
    network = NumpyNetwork(exact.sizes)
    network.parameters[:] = exact.parameters
    exact.parameters[:] = network.parameters
    inputs = inputs.astype(np.float32)

    for each in (network, exact):
        x, t = (array.astype(each.parameters.dtype) for array in (inputs, targets))
        each.backward(each.forward(x), t)
        each.step(0.1)

    assert network.parameters.dtype == network.forward(inputs).dtype == np.float32
    # sums of up to 784 products of numbers near 1
    np.testing.assert_allclose(network.gradient, exact.gradient, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(network.parameters, exact.parameters, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 4])
def test_gradient_agrees_with_finite_differences(
    monkeypatch: pytest.MonkeyPatch, batch_size: int
) -> None:
    monkeypatch.setattr(gradient_check, "WIDTH", 1e-5)
    network, inputs, targets = network_and_batch([6, 5, 4, 3], batch_size)
    network.backward(network.forward(inputs), targets)
    differences = gradient_check.by_differences(network, inputs, targets)
    # central differences: an error of width^2 times the third derivative, plus rounding / width
    np.testing.assert_allclose(network.gradient, differences, rtol=1e-6, atol=1e-9)


def recipe(**values: object) -> Recipe:
    given = {
        "validation_images": 0,
        "hidden_sizes": [5],
        "scale_pixels": True,
        "max_translation": 0,
        "batch_size": 3,
        "shuffle": False,
        "epochs": 2,
        "learning_rate": 0.3,
        "schedule": "constant",
        "warmup_fraction": 0.25,
        "momentum": 0.0,
        "weight_decay": 0.0,
        "seed": 5,
    }
    return Recipe(**(given | values))


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"batch_size": 1},
        {"batch_size": 2},
        {"batch_size": 1, "schedule": "linear"},
        {"batch_size": 1, "momentum": 0.9},
        {"momentum": 0.9},
        {"momentum": 0.9, "weight_decay": 0.1},
        {"schedule": "linear"},
    ],
    ids=lambda values: "-".join(values) or "plain",
)
@pytest.mark.parametrize("sizes", [[6, 4], [6, 5, 4, 4]])
def test_training_takes_the_steps_of_pytorchs_sgd(
    sizes: list[int], values: dict[str, object]
) -> None:
    params = recipe(scale_pixels=False, **values)
    network, _, _ = network_and_batch(sizes, 0)
    generator = np.random.default_rng(8)
    images = generator.integers(0, 4, (10, 2, 3), dtype=np.uint8)  # which float32 can multiply
    labels = generator.integers(0, sizes[-1], 10)
    inputs, targets = images.reshape(10, 6).astype(np.float64), np.eye(sizes[-1])[labels]
    parameters = torch_parameters(network)
    optimizer = torch.optim.SGD(parameters, 1, params.momentum, weight_decay=params.weight_decay)
    steps = -(-10 // params.batch_size)
    rates = learning_rates(params, 0, steps)
    total, correct = 0.0, 0
    for step, rate in enumerate(rates):
        batch = slice(step * params.batch_size, (step + 1) * params.batch_size)
        optimizer.param_groups[0]["lr"] = rate
        logits, loss = torch_loss(parameters, inputs[batch], targets[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(inputs[batch])
        correct += (logits.argmax(dim=1).numpy() == labels[batch]).sum()

    mean_loss, accuracy = train_epoch(network, images, labels, params, rates)

    assert mean_loss == pytest.approx(total / 10, rel=1e-12)
    assert accuracy == correct / 10
    for ours, theirs in zip(network.weights, parameters[::2], strict=True):
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-10)
    for ours, theirs in zip(network.biases, parameters[1::2], strict=True):
        np.testing.assert_allclose(ours.ravel(), theirs.detach().numpy(), rtol=1e-10)


def test_each_epoch_draws_new_translations() -> None:
    generator = np.random.default_rng(9)
    images = generator.integers(0, 256, (12, 28, 28), dtype=np.uint8)

    def losses(**values: object) -> list[float]:
        params = recipe(learning_rate=1e-30, **values)  # so small that no weight changes
        training_set = images, np.arange(12) % 10
        return [loss for loss, _ in train(make_network(params), params, training_set)]

    untrained, first, second = losses()
    assert untrained == pytest.approx(first, rel=1e-6)
    assert first == second
    _, first, second = losses(max_translation=2)
    assert first != pytest.approx(second, rel=1e-6)


def test_each_epoch_draws_a_new_order_if_it_is_to_shuffle(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.zeros((12, 28, 28), np.uint8)
    images[:, 0, 0] = np.arange(12)

    def orders(**values: object) -> list[list[int]]:
        seen = []
        monkeypatch.setattr(
            training, "train_epoch", lambda _, images, *__: seen.append(list(images[:, 0, 0]))
        )
        params = recipe(**values)
        list(train(make_network(params), params, (images, np.arange(12) % 10)))
        return seen

    assert orders() == [list(range(12))] * 2
    first, second = orders(shuffle=True)
    assert sorted(first) == sorted(second) == list(range(12))
    assert list(range(12)) != first != second


def test_the_whole_set_is_predicted_as_its_samples_are() -> None:
    network, inputs, _ = network_and_batch([6, 5, 4], 9)
    one_by_one = np.vstack([network.forward(sample[np.newaxis]) for sample in inputs])
    np.testing.assert_allclose(network.forward(inputs), one_by_one, rtol=1e-12)


def test_initial_weights_have_the_stated_mean_and_variance() -> None:
    network = NumpyNetwork([400, 300, 200])
    network.initialise(np.random.default_rng(80085))
    for weight, bias in zip(network.weights, network.biases, strict=True):
        for values, variance in ((weight, 1 / max(weight.shape)), (bias, 1.0)):
            # five standard errors of the mean and of the variance of normal samples
            assert abs(values.mean()) < 5 * (variance / values.size) ** 0.5
            assert abs(values.var() / variance - 1) < 5 * (2 / values.size) ** 0.5


def test_the_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    def weights(seed: int) -> bytes:
        network = NumpyNetwork([6, 5, 4])
        network.initialise(np.random.default_rng(seed))
        return network.parameters.tobytes()

    assert weights(1) == weights(1)
    assert weights(1) != weights(2)


def test_sigmoid_and_softmax_are_stable_where_exp_overflows() -> None:
    with np.errstate(all="raise", under="ignore"):
        np.testing.assert_allclose(sigmoid(np.array([-1e4, 0.0, 1e4])), [0, 0.5, 1], atol=1e-15)
        np.testing.assert_allclose(
            log_softmax(np.array([[0.0, 1e4], [-1e4, -1e4]])),
            [[-1e4, 0], [-np.log(2), -np.log(2)]],
        )


def test_sigmoid_agrees_with_pytorch() -> None:
    z = np.linspace(-30, 30, 601)
    np.testing.assert_allclose(
        sigmoid(z.copy()), torch.sigmoid(torch.from_numpy(z)).numpy(), rtol=1e-12, atol=1e-15
    )


def test_a_saved_network_predicts_the_same(tmp_path: Path) -> None:
    network = NumpyNetwork([784, 5, 10])
    network.initialise(np.random.default_rng(1))
    save(network, tmp_path / "model", "MNIST")
    with safe_open(tmp_path / "model", "np") as file:
        assert file.metadata() == numerics.provenance("MNIST")
    loaded = load(tmp_path / "model", recipe(hidden_sizes=[5]))
    inputs = np.random.default_rng(2).random((9, 784), np.float32)
    np.testing.assert_array_equal(loaded.forward(inputs), network.forward(inputs))
    for hidden_sizes in ([4], [5, 5], []):
        with pytest.raises(ValueError, match="other layers"):
            load(tmp_path / "model", recipe(hidden_sizes=hidden_sizes))


def test_pixels_are_raw_or_scaled() -> None:
    images = np.array([0, 51, 255, 102], np.uint8).reshape(1, 2, 2)
    np.testing.assert_array_equal(to_input(images, scale_pixels=False), [[0, 51, 255, 102]])
    np.testing.assert_array_equal(
        to_input(images, scale_pixels=True), np.float32([[0, 0.2, 1, 0.4]])
    )
