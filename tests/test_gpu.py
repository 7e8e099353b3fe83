"""With `device: auto`, a GPU gives what the CPU gives, up to the tolerance of `make verify`."""

import json
from pathlib import Path

from stages.core.paths import FIRST_EPOCHS, Run
from tools.verify import FIRST_EPOCH

import pandas as pd
import pytest
import torch
from conftest import Project
from safetensors import safe_open

RUN = Run("fashion_mlp", "baseline")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_trains_and_evaluates_as_the_cpu_does(
    committed: Project, tmp_path: Path, real_data: Path
) -> None:
    project = committed.copy(tmp_path / "project")
    project.set_param(RUN.network, RUN.recipe, device="auto", epochs=1)
    project.run("dvc", "repro", f"evaluate@{RUN.name}", DATASETS_FOLDER=str(real_data))
    with safe_open(project.folder / RUN.model, "numpy") as model:
        assert "the device is cuda" in model.metadata()["provenance"]
    history = pd.read_csv(project.folder / RUN.history)
    on_cpu = pd.read_csv(project.folder / FIRST_EPOCHS).query("run == @RUN.name")
    assert list(history["train_loss"]) == pytest.approx(list(on_cpu["train_loss"]), rel=FIRST_EPOCH)
    metrics = json.loads((project.folder / RUN.metrics).read_text())  # evaluated on the CPU
    assert metrics["test_loss"] == pytest.approx(history["test_loss"].iloc[-1], rel=FIRST_EPOCH)
