"""The pins take effect in the libraries, which say themselves what they chose."""

from stages.core import numerics

import pytest
from conftest import REPOSITORY, Project

PROGRAM = """
import os
from stages.core import numerics
import numpy, torch
print("threads of OpenBLAS:", len(os.listdir("/proc/self/task")))
numpy.show_runtime()
print("torch:", torch.backends.cpu.get_cpu_capability())
torch.ones(64, 64) @ torch.ones(64, 64)
torch.nn.functional.conv2d(torch.ones(16, 32, 32, 32), torch.ones(32, 32, 3, 3))
"""
OTHERS = {
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "AUTO",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "OPENBLAS_CORETYPE": "Nehalem",
    "OPENBLAS_NUM_THREADS": "2",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3",
}
VERBOSE = {"MKL_VERBOSE": "1", "ONEDNN_VERBOSE": "1", "OPENBLAS_VERBOSE": "2"}


@pytest.mark.skipif(
    bool(numerics.UNPINNED), reason=f"the numerics are not pinned here: {numerics.UNPINNED}"
)
def test_the_libraries_choose_what_is_pinned_whatever_the_environment_says() -> None:
    finished = Project(REPOSITORY).run("python", "-c", PROGRAM, **OTHERS, **VERBOSE)
    for chosen in (
        "torch: AVX2",
        "CNR:COMPATIBLE",  # MKL
        "cpu,isa:Intel AVX2",  # oneDNN
        "Core: Haswell",  # OpenBLAS
        "threads of OpenBLAS: 1",
        "'found': ['X86_V3']",  # numpy
    ):
        assert chosen in finished.stdout + finished.stderr


def test_a_model_that_a_gpu_computed_is_not_called_pinned() -> None:
    assert "not pinned: " in numerics.describe("cuda")
    assert "the device is cuda" in numerics.describe("cuda")
