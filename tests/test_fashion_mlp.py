"""The PyTorch network against PyTorch's own means: ToTensor, DataLoader, the plain loop."""

import itertools
from pathlib import Path

from stages import core
from stages.networks.fashion_mlp import backpropagation
from stages.networks.fashion_mlp.backpropagation import Backpropagation
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
    assert [type(layer) for layer in network] == [nn.Linear, nn.ReLU] * 2 + [nn.Linear]


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


@pytest.mark.parametrize("batch_size", [1, 7, 64])
@pytest.mark.parametrize("openblas", [True, False])
def test_backpropagation_agrees_with_autograd_in_double(
    monkeypatch: pytest.MonkeyPatch, openblas: bool, batch_size: int
) -> None:
    monkeypatch.setattr(backpropagation, "by_openblas", lambda _: openblas)
    generator = torch.Generator().manual_seed(4)
    network = FashionMLP([30, 20, 15, 10])
    x = torch.randn(batch_size, 30, generator=generator)
    labels = torch.randint(10, (batch_size,), generator=generator)
    layers = [nn.Linear(30, 20), nn.ReLU(), nn.Linear(20, 15), nn.ReLU(), nn.Linear(15, 10)]
    exact = nn.Sequential(*layers).double()
    exact.load_state_dict(network.state_dict())
    backpropagate = Backpropagation(network)
    exact_logits = exact(x.double())
    nn.functional.cross_entropy(exact_logits, labels).backward()

    for _ in range(2):  # the second gradient is not added to the first
        log_probabilities = torch.from_numpy(backpropagate(x, labels.numpy()))

    ours = [log_probabilities, *(parameter.grad for parameter in network.parameters())]
    theirs = [exact_logits.log_softmax(dim=1), *(each.grad for each in exact.parameters())]
    for tensor, expected in zip(ours, theirs, strict=True):
        # float32 sums of up to 64 products of numbers near 1
        torch.testing.assert_close(tensor.double(), expected, rtol=1e-5, atol=1e-5)
    backpropagate.parameters.sub_(backpropagate.parameters.grad)  # one vector holds them all
    for parameter, reference in zip(network.parameters(), exact.parameters(), strict=True):
        torch.testing.assert_close(
            parameter.double(), reference - reference.grad, rtol=1e-5, atol=1e-5
        )


def test_the_network_is_the_same_inside_and_outside_autograd() -> None:
    network = FashionMLP(SIZES)
    x = torch.randn(5, 784, generator=torch.Generator().manual_seed(4), requires_grad=True)
    inside = network(x)
    with torch.no_grad():
        torch.testing.assert_close(network(x), inside.detach(), rtol=1e-5, atol=1e-5)
    inside.sum().backward()
    assert x.grad.abs().sum() > 0


@pytest.mark.skipif(bool(core.UNPINNED), reason="the numerics are not pinned here")
@pytest.mark.parametrize("batch_size", [1, 5, 50, 64, 1000, 10_000])
def test_no_bit_depends_on_the_number_of_threads(batch_size: int) -> None:
    def bits(threads: int) -> bytes:
        torch.set_num_threads(threads)
        torch.manual_seed(4)
        network = FashionMLP([784, 256, 64])
        x = torch.randn(batch_size, 784)
        backpropagate = Backpropagation(network)
        log_probabilities = backpropagate(x, np.arange(batch_size) % 64)
        with torch.no_grad():
            arrays = [network(x).numpy(), log_probabilities, backpropagate.parameters.grad.numpy()]
        return b"".join(array.tobytes() for array in arrays)

    before = torch.get_num_threads()
    try:
        assert len({bits(threads) for threads in (1, 2, 3, 4, 7, 16, 64)}) == 1
    finally:
        torch.set_num_threads(before)


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
    save(network, tmp_path / "model")
    with safe_open(tmp_path / "model", "np") as file:
        assert file.metadata() == {"numerics": core.numerics()}
    loaded = load(tmp_path / "model", recipe())
    np.testing.assert_array_equal(
        predict(loaded, images, recipe()), predict(network, images, recipe())
    )
    with pytest.raises(RuntimeError, match="size mismatch"):
        load(tmp_path / "model", recipe(hidden_sizes=[16, 9]))


def test_a_model_that_a_gpu_computed_is_not_called_pinned() -> None:
    trained = core.numerics("cuda")
    assert trained == f"{core.numerics().removesuffix('pinned')}not pinned: the device is cuda"


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
