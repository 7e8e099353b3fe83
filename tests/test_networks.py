"""What both networks share: the steps of training, the schedule, augmentation, files."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

from stages.core import numerics
from stages.core.networks import inference_of, network_names, recipe_of, training_of
from stages.networks.common.augmentation import translated
from stages.networks.common.schedule import learning_rates
from stages.networks.numpy_network.network import NumpyNetwork, log_softmax, sigmoid

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import parameters_to_vector, vector_to_parameters
from torch.utils.data import DataLoader, TensorDataset
from torchvision.transforms.functional import to_tensor

SHARED = {
    "validation_images": 0,
    "hidden_sizes": [16, 8],
    "max_translation": 0,
    "batch_size": 8,
    "epochs": 2,
    "learning_rate": 0.1,
    "schedule": "constant",
    "warmup_fraction": 0.25,
    "weight_decay": 0.0,
    "seed": 3,
}
OTHERS = {
    "fashion_mlp": {"device": "cpu", "optimizer": "sgd"},
    "numpy_network": {"scale_pixels": True, "shuffle": False, "momentum": 0.0},
}


def recipe(network: str, **values: object) -> Any:
    return recipe_of(network)(**SHARED | OTHERS[network] | values)


def images_and_labels(count: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(5)
    images = generator.integers(0, 256, (count, 28, 28), dtype=np.uint8)
    return images, generator.integers(0, 10, count)


def trained(network: str, params: Any) -> tuple[Any, list[tuple[float, float]]]:
    """A network after its training on 30 images, and the loss and accuracy of each epoch."""
    training = training_of(network)
    made = training.make_network(params)
    return made, list(training.train(made, params, images_and_labels(30)))


def sequential(sizes: list[int], activation: type[nn.Module]) -> nn.Sequential:
    layers = [layer for pair in pairwise(sizes) for layer in (nn.Linear(*pair), activation())]
    return nn.Sequential(*layers[:-1])


def plain_loop(
    model: nn.Module, optimizer: torch.optim.Optimizer, params: Any, orders: list[Any]
) -> list[tuple[float, float]]:
    """Train on 30 images, in an order per epoch, by PyTorch's own means; return as `train` does."""
    images, labels = images_and_labels(30)
    scale = 1 if getattr(params, "scale_pixels", True) else 255
    dtype = next(model.parameters()).dtype
    inputs = scale * torch.stack([to_tensor(image).flatten() for image in images]).to(dtype)
    data = TensorDataset(inputs, torch.from_numpy(labels))

    def measured(logits: torch.Tensor, order: Any) -> tuple[float, float]:
        targets = data[order][1]
        right = logits.argmax(dim=1) == targets
        return cross_entropy(logits, targets).item(), right.double().mean().item()

    results = [measured(model(inputs), range(30))]
    for epoch, order in enumerate(orders):
        batches = DataLoader(TensorDataset(*data[order]), params.batch_size)
        rates = learning_rates(params, epoch, len(batches))
        found = []
        for (x, y), rate in zip(batches, rates, strict=True):
            optimizer.param_groups[0]["lr"] = rate
            optimizer.zero_grad()
            found.append(model(x))
            cross_entropy(found[-1], y).backward()
            optimizer.step()
        results.append(measured(torch.cat(found), order))
    return results


@pytest.mark.parametrize(
    "values",
    [
        {"schedule": "linear", "weight_decay": 0.01},
        {"optimizer": "adamw", "learning_rate": 0.001, "weight_decay": 0.1},
    ],
    ids=str,
)
def test_fashion_mlp_is_trained_as_by_the_plain_loop(values: dict[str, object]) -> None:
    params = recipe("fashion_mlp", **values)
    torch.manual_seed(3)
    reference = sequential(params.sizes, nn.ReLU)
    algorithm = torch.optim.AdamW if params.optimizer == "adamw" else torch.optim.SGD
    optimizer = algorithm(reference.parameters(), weight_decay=params.weight_decay)
    generator = torch.Generator().manual_seed(3)
    orders = [torch.randperm(30, generator=generator) for _ in range(2)]

    expected = plain_loop(reference, optimizer, params, orders)
    network, found = trained("fashion_mlp", params)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    for ours, theirs in zip(network.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "values",
    [
        {"batch_size": 1},
        {"hidden_sizes": []},
        {"momentum": 0.9, "weight_decay": 0.1},
        {"schedule": "linear", "shuffle": True},
        {"scale_pixels": False, "learning_rate": 0.001},
    ],
    ids=str,
)
def test_numpy_network_is_trained_as_by_the_plain_loop(values: dict[str, object]) -> None:
    params = recipe("numpy_network", **values)
    generator = np.random.default_rng(3)
    initial = NumpyNetwork(params.sizes)
    initial.initialise(generator)
    reference = sequential(params.sizes, nn.Sigmoid).double()
    vector_to_parameters(torch.tensor(initial.parameters).double(), reference.parameters())
    settings = {"momentum": params.momentum, "weight_decay": params.weight_decay}
    optimizer = torch.optim.SGD(reference.parameters(), **settings)
    orders = [generator.permutation(30) if params.shuffle else np.arange(30) for _ in range(2)]

    expected = plain_loop(reference, optimizer, params, orders)
    network, found = trained("numpy_network", params)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    theirs = parameters_to_vector(reference.parameters()).detach().numpy()
    np.testing.assert_allclose(network.parameters, theirs, rtol=1e-4, atol=1e-6)
    assert network.parameters.dtype == np.float32


@pytest.mark.parametrize("network", network_names())
def test_each_epoch_draws_new_translations(network: str) -> None:
    def losses(max_translation: int) -> list[float]:
        # a learning rate so small that no weight changes
        params = recipe(network, learning_rate=1e-30, max_translation=max_translation)
        return [loss for loss, _ in trained(network, params)[1]]

    assert np.ptp(losses(0)) < 1e-5
    _, first, second = losses(2)
    assert first != pytest.approx(second, rel=1e-5)


def test_translated_images_are_the_images_moved() -> None:
    generator = np.random.default_rng(10)
    images = generator.integers(1, 256, (200, 6, 6), dtype=np.uint8)
    moves = set()
    for image, moved in zip(images, translated(images, 1, generator), strict=True):
        padded = np.pad(image, 1)
        places = np.ndindex(3, 3)
        (move,) = [(i, j) for i, j in places if (moved == padded[i : i + 6, j : j + 6]).all()]
        moves.add(move)
    assert len(moves) == 9


@pytest.mark.parametrize("warmup", [0.0, 0.25, 0.9])
def test_a_learning_rate_is_constant_or_rises_linearly_and_falls_to_zero(warmup: float) -> None:
    assert learning_rates(recipe("fashion_mlp"), 1, 3) == [0.1] * 3
    params = recipe("fashion_mlp", schedule="linear", warmup_fraction=warmup, epochs=3)
    found = [rate for epoch in range(3) for rate in learning_rates(params, epoch, 4)]
    midpoints = [(step + 0.5) / 12 for step in range(12)]
    factors = [t / warmup if t < warmup else (1 - t) / (1 - warmup) for t in midpoints]
    assert found == pytest.approx([0.1 * factor for factor in factors])


@pytest.mark.parametrize("network", network_names())
def test_a_saved_network_is_loaded_as_it_was(network: str, tmp_path: Path) -> None:
    images, _ = images_and_labels(4)
    params, inference = recipe(network, hidden_sizes=[10]), inference_of(network)
    saved, _ = trained(network, params)
    expected = inference.predict(saved, images, params)
    inference.save(saved, tmp_path / "model", "Letters")
    with safe_open(tmp_path / "model", "np") as file:
        provenance = json.loads(file.metadata()["provenance"])
    assert provenance == {"dataset": "Letters", "numerics": numerics.describe()}
    found = inference.predict(inference.load(tmp_path / "model", params), images, params)
    np.testing.assert_array_equal(found, expected)
    for hidden_sizes in ([9], [], [10, 10]):
        with pytest.raises((RuntimeError, ValueError)):
            inference.load(tmp_path / "model", recipe(network, hidden_sizes=hidden_sizes))


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
        found = log_softmax(np.array([[0.0, 1e4], [-1e4, -1e4]]))
        np.testing.assert_allclose(found, [[-1e4, 0], [-np.log(2), -np.log(2)]])
