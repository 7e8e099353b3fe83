"""The same bytes in other circumstances and on other processors."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from stages.core import numerics

import pytest
from chain import hashes
from conftest import REPOSITORY, Project, locked

QEMU = shutil.which("qemu-x86_64")
OTHER_MAKER = "EPYC" if "GenuineIntel" in Path("/proc/cpuinfo").read_text() else "Haswell"
THREADS = """
import sys
from stages.core import numerics
import torch
sys.path.insert(0, "tests")
from chain import *
for threads in 1, 2, 3, 4:
    torch.set_num_threads(threads)
    for command in sys.argv[1:]:
        run(command)
    print(json.dumps(hashes(Path.cwd())))
"""

EACH = (
    *("problem@l1_regression", "problem@box_network", "problem@softmax_jacobian"),
    *("gradient_check", "train@fashion_mlp-improved", "train@numpy_network-improved"),
    *("evaluate@fashion_mlp-improved", "evaluate@numpy_network-improved"),
    *("plot@numpy_network-improved", "report"),
)

pytestmark = pytest.mark.skipif(
    bool(numerics.UNPINNED), reason=f"the numerics are not pinned here: {numerics.UNPINNED}"
)
needs_qemu = pytest.mark.skipif(not QEMU, reason="needs qemu-x86_64, of Debian's qemu-user")


def commands(project: Project, *stages: str) -> list[str]:
    """The commands of stages, which wait until their outputs are removed."""
    entries = locked(project.folder)
    for stage in stages:
        for out in entries[stage]["outs"]:
            path = project.folder / out["path"]
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return [entries[stage]["cmd"] for stage in stages]


def chain(project: Project, *stages: str, processor: str = "", **variables: str) -> dict[str, str]:
    """Run stages, by default one of each that computes; return the SHA-256 of each file."""
    emulator = [QEMU, "-cpu", processor] if processor else []
    command = [*emulator, sys.executable, "tests/chain.py", *commands(project, *stages or EACH)]
    finished = project.run(*command, PYTHONPATH=str(project.folder), **variables)
    return json.loads(finished.stdout.splitlines()[-1])


def test_any_number_of_threads(project: Project, reproduced: Project) -> None:
    runs = ("fashion_mlp-baseline", "fashion_mlp-improved", "numpy_network-improved")
    stages = [f"{stage}@{run}" for stage in ("train", "evaluate") for run in runs]
    expected = hashes(reproduced.folder)
    finished = project.run("python", "-c", THREADS, *commands(project, *stages))
    assert [json.loads(line) for line in finished.stdout.splitlines()] == [expected] * 4


@pytest.fixture
def umask() -> Iterator[None]:
    previous = os.umask(0o077)
    yield
    os.umask(previous)


CONTRARY = {
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "AUTO",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "OPENBLAS_CORETYPE": "Nehalem",
    "OPENBLAS_NUM_THREADS": "3",
    "OPENBLAS_L2_SIZE": "64",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-AVX2",
    "LC_ALL": "POSIX",  # with the next two, Python reads and writes ASCII
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
    "TZ": "Pacific/Kiritimati",
    "PYTHONHASHSEED": "12345",
}
OTHERS = {
    "NPY_ENABLE_CPU_FEATURES": "AVX2",
    "NPY_DISABLE_CPU_FEATURES": "",
    "MKL_NUM_THREADS": "3",
    "OMP_NUM_THREADS": "3",
    "MKL_DYNAMIC": "FALSE",
    "DNNL_MAX_CPU_ISA": "SSE41",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    "ONEDNN_DEFAULT_FPMATH_MODE": "BF16",
    "OPENBLAS_MAIN_FREE": "1",
    "SOURCE_DATE_EPOCH": "",
}


@pytest.mark.parametrize(
    "variables",
    [CONTRARY, pytest.param(OTHERS, marks=pytest.mark.slow(30))],
    ids=["pins", "others"],
)
@pytest.mark.usefixtures("umask")
def test_another_folder_home_and_umask_whatever_the_environment_says(
    reproduced: Project, tmp_path: Path, variables: dict[str, str]
) -> None:
    """The home has settings of matplotlib in it that would change every figure."""
    settings = tmp_path / "home" / ".config" / "matplotlib"
    settings.mkdir(parents=True)
    (settings / "matplotlibrc").write_text("lines.linewidth: 9\nfont.size: 20\nbackend: svg\n")
    project = reproduced.copy(tmp_path / "a path with spaces é")
    found = chain(project, HOME=str(tmp_path / "home"), **variables)
    assert found == hashes(reproduced.folder)


UNPINNED = "import runpy, torch; runpy.run_path('tests/chain.py', run_name='__main__')"


def unpinned(project: Project, run: str, *emulator: str, **variables: str) -> str:
    """Train a network where torch is loaded first; return the SHA-256 of its weights."""
    command = [*emulator, sys.executable, "-c", UNPINNED, *commands(project, f"train@{run}")]
    finished = project.run(*command, PYTHONPATH=str(project.folder), **variables)
    return json.loads(finished.stdout.splitlines()[-1])[f"models/{run}.safetensors"]


@pytest.mark.parametrize(
    "run",
    ["numpy_network-baseline", pytest.param("fashion_mlp-baseline", marks=pytest.mark.slow(15))],
)
def test_without_the_pins_the_environment_changes_the_bits(project: Project, run: str) -> None:
    """This shows that the tests above can fail."""
    other = {"OPENBLAS_CORETYPE": "Nehalem", "ATEN_CPU_CAPABILITY": "default"}
    assert unpinned(project, run) != unpinned(project, run, **other, MKL_CBWR="COMPATIBLE")


@needs_qemu
@pytest.mark.parametrize(
    "stages",
    [
        ["train@numpy_network-improved"],
        pytest.param(
            [
                "problem@softmax_jacobian",
                *("train@fashion_mlp-improved", "evaluate@fashion_mlp-improved"),
                *("plot@fashion_mlp-improved", "report"),
            ],
            marks=pytest.mark.slow(150),
        ),
    ],
    ids=["a training", "the others"],
)
def test_another_processor(project: Project, reproduced: Project, stages: list[str]) -> None:
    assert chain(project, *stages, processor=OTHER_MAKER) == hashes(reproduced.folder)


@needs_qemu
@pytest.mark.slow(60)
def test_without_the_pins_processors_differ(project: Project) -> None:
    run = "fashion_mlp-baseline"
    assert unpinned(project, run) != unpinned(project, run, QEMU, "-cpu", OTHER_MAKER)


@needs_qemu
@pytest.mark.slow(60)
def test_a_processor_without_avx2_is_recognised(tmp_path: Path) -> None:
    """The emulator shows the process the flags of a Nehalem, which under the pins would die."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "cpuinfo").write_text("flags\t\t: fpu sse4_2 popcnt\n")
    code = (
        "from stages.core import numerics; import numpy, torch;"
        "assert 'OPENBLAS_CORETYPE' not in numerics.os.environ;"
        "print(numerics.UNPINNED, float(torch.ones(64, 64).mm(torch.ones(64, 64)).sum()),"
        " float((numpy.ones((64, 64)) @ numpy.ones((64, 64))).sum()))"
    )
    finished = Project(REPOSITORY).run(
        QEMU, "-L", str(tmp_path), "-cpu", "Nehalem", sys.executable, "-c", code
    )
    missing = "avx2, bmi1, bmi2, f16c, fma, movbe"
    assert finished.stdout == f"the processor lacks {missing} 262144.0 262144.0\n"
