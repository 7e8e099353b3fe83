"""The parts of `make verify-arm64` that need no emulator; the whole takes too long for a test."""

import hashlib
import sys
from pathlib import Path

from stages.core.networks import load_recipe
from stages.core.paths import Run
from stages.networks.fashion_mlp.network import FashionMLP
from stages.networks.numpy_network.network import NumpyNetwork
from tools import arm64

import numpy as np
import pytest
import torch
from conftest import REPOSITORY, Project
from PIL import Image


def test_initial_weights_are_those_before_any_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    found = arm64.initial_weights()
    run = Run("numpy_network", "baseline")
    recipe = load_recipe(run)
    network = NumpyNetwork(recipe.sizes)
    network.initialise(np.random.default_rng(recipe.seed))
    numpy_arrays = [*network.biases, *network.weights]  # in the order of their names
    assert found[f"initial weights of {run.name}"] == md5(numpy_arrays)
    run = Run("fashion_mlp", "improved")
    recipe = load_recipe(run)
    torch.manual_seed(recipe.seed)
    state = FashionMLP(recipe.sizes).state_dict()
    torch_arrays = [state[name].numpy() for name in sorted(state)]
    assert found[f"initial weights of {run.name}"] == md5(torch_arrays)


def md5(arrays: list[np.ndarray]) -> str:
    return hashlib.md5(b"".join(array.tobytes() for array in arrays)).hexdigest()


def test_outputs_of_the_stages_that_run_are_compared_but_for_the_report() -> None:
    found = arm64.read_outputs(REPOSITORY)
    assert {"reports/problems/box_network", "reports/figures/fashion_mlp-improved"} < set(found)
    assert not {"reports/report.md", "models/fashion_mlp-baseline.safetensors"} & set(found)


def test_the_difference_of_figures_is_the_max_over_their_pixels(tmp_path: Path) -> None:
    for folder, level in (("one", 200), ("other", 198)):
        (tmp_path / folder).mkdir()
        image = Image.new("RGB", (4, 4), "white")
        image.save(tmp_path / folder / "same.png")
        image.putpixel((1, 2), (255, level, 255))
        image.save(tmp_path / folder / "changed.png")
    assert arm64.max_pixel_difference(tmp_path / "one", tmp_path / "other") == 2


def test_a_missing_command_is_named(committed: Project, tmp_path: Path) -> None:
    finished = committed.run(sys.executable, "-m", "tools.arm64", check=False, PATH=str(tmp_path))
    assert finished.returncode == 1
    assert finished.stderr == ("apt-get is missing; this needs Debian with its package qemu-user\n")
