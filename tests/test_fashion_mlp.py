"""The PyTorch network against PyTorch's own means: ToTensor, DataLoader, the plain loop."""

import itertools
import os
from pathlib import Path

from stages.core import numerics
from stages.networks.fashion_mlp import linear
from stages.networks.fashion_mlp.inference import (
    load,
    log_probabilities,
    predict,
    save,
    to_input,
)
from stages.networks.fashion_mlp.network import FashionMLP
from stages.networks.fashion_mlp.recipe import Recipe
from stages.networks.fashion_mlp.training import choose_device, make_network, train

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchvision.transforms.functional import affine, to_tensor

SIZES = [784, 16, 8, 10]


def recipe(**values: object) -> Recipe:
    return Recipe(
        **{
            "validation_images": 0,
            "device": "cpu",
            "hidden_sizes": SIZES[1:-1],
            "max_translation": 0,
            "test_time_augmentation": False,
            "batch_size": 8,
            "epochs": 1,
            "optimizer": "sgd",
            "learning_rate": 0.1,
            "schedule": "constant",
            "warmup_fraction": 0.1,
            "weight_decay": 0.0,
            "seed": 3,
            **values,
        }
    )


def images_and_labels(count: int) -> tuple[np.ndarray, torch.Tensor]:
    generator = np.random.default_rng(5)
    images = generator.integers(0, 256, (count, 28, 28), dtype=np.uint8)
    return images, torch.from_numpy(generator.integers(0, 10, count))


def test_input_is_what_to_tensor_makes() -> None:
    images, _ = images_and_labels(3)
    expected = torch.stack([to_tensor(image).flatten() for image in images])
    assert torch.equal(to_input(images), expected)


def test_initial_weights_are_those_of_plain_linear_layers() -> None:
    torch.manual_seed(3)
    network = FashionMLP(SIZES)
    torch.manual_seed(3)
    layers = [nn.Linear(784, 16), nn.Linear(16, 8), nn.Linear(8, 10)]
    expected = [parameter for layer in layers for parameter in layer.parameters()]
    for ours, theirs in zip(network.parameters(), expected, strict=True):
        assert torch.equal(ours, theirs)
    assert all(isinstance(layer, nn.Linear | nn.ReLU) for layer in network)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"weight_decay": 0.01},
        {"optimizer": "adamw", "learning_rate": 0.001, "weight_decay": 0.1},
        {"schedule": "linear", "warmup_fraction": 0.25},
    ],
    ids=lambda values: "-".join(values) or "plain",
)
def test_training_is_that_of_the_plain_loop(values: dict[str, object]) -> None:
    images, labels = images_and_labels(30)  # the last batch of eight is smaller
    params = recipe(epochs=2, **values)
    network = make_network(params)
    results = list(train(network, params, (images, labels.numpy())))

    torch.manual_seed(3)
    layers = [nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 10)]
    reference = nn.Sequential(*layers)
    optimizers = {
        "sgd": lambda: torch.optim.SGD(
            reference.parameters(), 0.1, weight_decay=params.weight_decay
        ),
        "adamw": lambda: torch.optim.AdamW(reference.parameters(), 0.001, weight_decay=0.1),
    }
    optimizer = optimizers[params.optimizer]()
    criterion = nn.CrossEntropyLoss()
    generator = torch.Generator().manual_seed(3)
    # two epochs of four steps, of which the first quarter goes up
    cycle = [1 / 4, 3 / 4, 11 / 12, 9 / 12, 7 / 12, 5 / 12, 3 / 12, 1 / 12]
    factors = cycle if params.schedule == "linear" else [1] * 8
    expected = []
    for _ in range(2):
        order = torch.randperm(30, generator=generator)
        data = TensorDataset(to_input(images)[order], labels[order])
        total, correct = 0.0, 0
        for batch, classes in DataLoader(data, batch_size=8):
            optimizer.param_groups[0]["lr"] = params.learning_rate * factors.pop(0)
            logits = reference(batch)
            loss = criterion(logits, classes)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(classes)
            correct += (logits.argmax(dim=1) == classes).sum().item()
        expected += [total / 30, correct / 30]
    test_loss = nn.functional.cross_entropy(reference(to_input(images)), labels).item()

    assert np.ravel(results[1:]) == pytest.approx(expected, rel=1e-5)
    own_loss = -predict(network, images, params)[range(30), labels].mean()
    assert own_loss == pytest.approx(test_loss, rel=1e-5)
    for ours, theirs in zip(network.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_each_epoch_draws_new_translations() -> None:
    images, labels = images_and_labels(12)

    def losses(**values: object) -> list[float]:
        params = recipe(epochs=2, learning_rate=1e-30, **values)  # so small that no weight changes
        training_set = images, labels.numpy()
        return [loss for loss, _ in train(make_network(params), params, training_set)]

    untrained, first, second = losses()
    assert untrained == pytest.approx(first, rel=1e-5)
    assert first == pytest.approx(second, rel=1e-5)
    _, first, second = losses(max_translation=1)
    assert first != pytest.approx(second, rel=1e-5)


pinned = pytest.mark.skipif(bool(numerics.UNPINNED), reason="the numerics are not pinned here")


@pytest.mark.parametrize("large", [0, 2**60], ids=["in two blocks", "whole"])
@pytest.mark.parametrize("samples", [1, 5])
def test_the_gradient_of_the_layer_agrees_with_differences(
    monkeypatch: pytest.MonkeyPatch, samples: int, large: int
) -> None:
    monkeypatch.setattr(linear, "LARGE", large)
    generator = torch.Generator().manual_seed(4)
    shapes = ((samples, 7), (4, 7), (4,))
    inputs = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    torch.autograd.gradcheck(linear.Affine.apply, [each.requires_grad_() for each in inputs])


def test_the_layer_is_that_of_pytorch() -> None:
    torch.manual_seed(4)
    ours, theirs, x = linear.Linear(784, 256), nn.Linear(784, 256), torch.randn(300, 784)
    theirs.load_state_dict(ours.state_dict())  # which a product in two blocks does not change
    assert linear.LARGE < 300 * 784 * 256
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(ours.double()(x.double()), theirs.double()(x.double()))


@pinned
@pytest.mark.parametrize("batch_size", [1, 5, 64, 1000, 10_000])
def test_no_bit_depends_on_the_number_of_threads_or_cores(batch_size: int) -> None:
    def bits(threads: int, cores: set[int]) -> bytes:
        torch.set_num_threads(threads)
        os.sched_setaffinity(0, cores)
        torch.manual_seed(4)
        network = FashionMLP([784, 256, 64])
        x = torch.randn(batch_size, 784)
        logits = network(x)
        nn.functional.cross_entropy(logits, torch.arange(batch_size) % 64).backward()
        gradients = [parameter.grad for parameter in network.parameters()]
        return b"".join(each.detach().numpy().tobytes() for each in (logits, *gradients))

    before, cores = torch.get_num_threads(), os.sched_getaffinity(0)
    try:
        found = {bits(threads, cores) for threads in (1, 2, 3, 4, 7, 16, 64)}
        assert found == {bits(1, {min(cores)})}
    finally:
        torch.set_num_threads(before)
        os.sched_setaffinity(0, cores)


def test_log_probabilities_are_those_of_the_logits() -> None:
    images, _ = images_and_labels(4)
    network = FashionMLP(SIZES)
    with torch.no_grad():
        logits = network(to_input(images)).double().numpy()
    expected = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    found = log_probabilities(network, images, recipe())
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_test_time_augmentation_averages_the_logits_of_all_views() -> None:
    images, _ = images_and_labels(4)
    params = recipe(max_translation=2, test_time_augmentation=True)
    network = FashionMLP(SIZES)
    moved = [
        affine(torch.from_numpy(images), 0, [right, down], 1.0, [0.0])
        for down, right in itertools.product(range(-2, 3), repeat=2)
    ]
    inputs = [to_input(view.numpy()) for view in moved]
    with torch.no_grad():
        logits = torch.stack([network(view) for view in inputs]).double().mean(dim=0)
        as_it_is = network(to_input(images)).double().log_softmax(dim=1).numpy()
    expected = logits.log_softmax(dim=1).numpy()
    np.testing.assert_allclose(predict(network, images, params), expected, atol=1e-6)
    without = params.changed({"test_time_augmentation": False})
    for found in (
        predict(network, images, without),
        log_probabilities(network, images, without),
        log_probabilities(network, images, params),
    ):
        np.testing.assert_allclose(found, as_it_is, atol=1e-6)


def test_a_saved_network_predicts_the_same(tmp_path: Path) -> None:
    images, _ = images_and_labels(4)
    network = FashionMLP(SIZES)
    save(network, tmp_path / "model", "MNIST")
    with safe_open(tmp_path / "model", "np") as file:
        assert file.metadata() == numerics.provenance("MNIST")
    loaded = load(tmp_path / "model", recipe())
    np.testing.assert_array_equal(
        predict(loaded, images, recipe()), predict(network, images, recipe())
    )
    with pytest.raises(RuntimeError, match="size mismatch"):
        load(tmp_path / "model", recipe(hidden_sizes=[16, 9]))


def test_a_model_that_a_gpu_computed_is_not_called_pinned() -> None:
    trained = numerics.describe("cuda")
    assert trained == f"{numerics.describe().removesuffix('pinned')}not pinned: the device is cuda"


@pytest.mark.parametrize(
    ("device", "mps", "cuda", "chosen"),
    [
        ("cpu", True, True, "cpu"),
        ("auto", True, True, "mps"),
        ("auto", False, True, "cuda"),
        ("auto", False, False, "cpu"),
    ],
)
def test_auto_chooses_mps_then_cuda_then_cpu(
    monkeypatch: pytest.MonkeyPatch, device: str, mps: bool, cuda: bool, chosen: str
) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    assert choose_device(device).type == chosen
