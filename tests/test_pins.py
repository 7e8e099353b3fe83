"""The pins take effect in the libraries."""

import re

from stages.core import numerics

import numpy as np
import pytest
import torch

pytestmark = pytest.mark.skipif(
    bool(numerics.UNPINNED), reason=f"the numerics are not pinned here: {numerics.UNPINNED}"
)


def test_torch_uses_its_avx2_kernels() -> None:
    assert torch.backends.cpu.get_cpu_capability() == "AVX2"


def test_numpy_uses_no_avx512(capsys: pytest.CaptureFixture[str]) -> None:
    np.show_runtime()
    found = re.search(r"'found': \[(.*?)\]", capsys.readouterr().out, re.DOTALL)
    assert "AVX512" not in found[1]
    assert "X86_V4" not in found[1]
