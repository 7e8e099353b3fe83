"""The PyTorch network: its linear layer, its device."""

import json
import os
import re
from pathlib import Path

from stages.core import numerics
from stages.core.paths import FIRST_EPOCHS, Run
from stages.networks.fashion_mlp import linear
from stages.networks.fashion_mlp.network import FashionMLP
from stages.networks.fashion_mlp.training import choose_device
from tools.verify import FIRST_EPOCH

import pandas as pd
import pytest
import torch
from conftest import Project, needs_pins
from safetensors import safe_open
from torch import nn


@pytest.mark.parametrize("large", [0, 2**60], ids=["in two blocks", "whole"])
@pytest.mark.parametrize("samples", [1, 5])
def test_the_layer_is_pytorchs(monkeypatch: pytest.MonkeyPatch, samples: int, large: int) -> None:
    monkeypatch.setattr(linear, "LARGE", large)
    generator = torch.Generator().manual_seed(4)
    inputs = [
        torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
        for shape in ((samples, 7), (4, 7), (4,))
    ]
    torch.testing.assert_close(linear.Affine.apply(*inputs), nn.functional.linear(*inputs))
    torch.autograd.gradcheck(linear.Affine.apply, inputs)


@needs_pins
@pytest.mark.parametrize("batch_size", [64, 1000], ids=["whole", "in two blocks"])
def test_no_bit_depends_on_the_number_of_threads_or_cores(batch_size: int) -> None:
    def bits(threads: int, cores: set[int]) -> bytes:
        torch.set_num_threads(threads)
        os.sched_setaffinity(0, cores)
        torch.manual_seed(4)
        network = FashionMLP([784, 256, 64])
        logits = network(torch.randn(batch_size, 784))
        nn.functional.cross_entropy(logits, torch.arange(batch_size) % 64).backward()
        gradients = [parameter.grad for parameter in network.parameters()]
        return b"".join(each.detach().numpy().tobytes() for each in (logits, *gradients))

    before, cores = torch.get_num_threads(), os.sched_getaffinity(0)
    try:
        found = {bits(threads, cores) for threads in (1, 2, 3, 7, 16)}
        assert found == {bits(1, {min(cores)})}
    finally:
        torch.set_num_threads(before)
        os.sched_setaffinity(0, cores)


@pytest.mark.parametrize("available", [["mps", "cuda"], ["cuda"], []])
def test_auto_prefers_mps_to_cuda(monkeypatch: pytest.MonkeyPatch, available: list[str]) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in available)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in available)
    assert choose_device("auto").type == [*available, "cpu"][0]
    assert choose_device("cpu").type == "cpu"


def test_a_model_that_a_gpu_computed_is_not_called_pinned() -> None:
    assert re.search("not pinned: .*the device is cuda", numerics.describe("cuda"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_trains_as_the_cpu_does(committed: Project, tmp_path: Path, real_data: Path) -> None:
    """Up to the tolerance of `make verify`, with `device: auto`."""
    run = Run("fashion_mlp", "baseline")
    project = committed.copy(tmp_path / "project")
    project.set_param(run.network, run.recipe, device="auto", epochs=1)
    project.run("dvc", "repro", f"evaluate@{run.name}", DATASETS_FOLDER=str(real_data))
    with safe_open(project.folder / run.model, "numpy") as model:
        assert "the device is cuda" in model.metadata()["provenance"]
    history = pd.read_csv(project.folder / run.history)
    on_cpu = pd.read_csv(project.folder / FIRST_EPOCHS).query("run == @run.name")
    assert list(history["train_loss"]) == pytest.approx(list(on_cpu["train_loss"]), rel=FIRST_EPOCH)
    metrics = json.loads((project.folder / run.metrics).read_text())  # evaluated on the CPU
    assert metrics["test_loss"] == pytest.approx(history["test_loss"].iloc[-1], rel=FIRST_EPOCH)
