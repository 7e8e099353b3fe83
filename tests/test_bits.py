"""The same bytes in other circumstances and on other processors."""

import json
import shutil
import sys
from pathlib import Path

from stages.core.paths import figures_folder, problem_folder

import pytest
from conftest import REPOSITORY, Project, hashes, needs_pins, without_outputs

QEMU = shutil.which("qemu-x86_64")
OTHER_MAKER = "EPYC" if "GenuineIntel" in Path("/proc/cpuinfo").read_text() else "Haswell"

pytestmark = needs_pins
needs_qemu = pytest.mark.skipif(not QEMU, reason="needs qemu-x86_64, of Debian's qemu-user")

USING_TORCH = ["train@fashion_mlp-improved", "problem@softmax_jacobian", "report"]
CONTRARY = {
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "SSE4_2",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "OPENBLAS_CORETYPE": "Nehalem",
    "OPENBLAS_NUM_THREADS": "3",
    "OPENBLAS_L2_SIZE": "64",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3",
    "NPY_ENABLE_CPU_FEATURES": "AVX2",
    # no pins
    "OPENBLAS_MAIN_FREE": "1",
    "MKL_NUM_THREADS": "3",
    "MKL_DYNAMIC": "FALSE",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    "OMP_NUM_THREADS": "3",
    "DNNL_MAX_CPU_ISA": "SSE41",
    "ONEDNN_DEFAULT_FPMATH_MODE": "BF16",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-AVX2",
    "LC_ALL": "POSIX",  # with the next two, Python reads and writes ASCII
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONHASHSEED": "12345",
    "SOURCE_DATE_EPOCH": "",
    "TZ": "Pacific/Kiritimati",
}


def test_another_folder_home_umask_and_environment(reproduced: Project, tmp_path: Path) -> None:
    """Settings of matplotlib, which would change every figure or stop it, lie in three folders."""
    project = reproduced.copy(tmp_path / "a path with spaces é")
    settings = tmp_path / "home/.config/matplotlib"
    (settings / "stylelib").mkdir(parents=True)
    (settings / "matplotlibrc").write_text("lines.linewidth: 9\nfont.size: 20\nbackend: svg\n")
    for path in (project.folder / "matplotlibrc", settings / "stylelib/own.mplstyle"):
        path.write_bytes(b"font.size: 20 # \xff\n")
    (tmp_path / "matplotlibrc").write_text("backend: nonsense\n")
    variables = {
        "HOME": str(tmp_path / "home"),
        "MATPLOTLIBRC": str(tmp_path),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",  # as Jupyter exports it
        "PYTHONPATH": str(project.folder),
    }
    runs = ("fashion_mlp-improved", "numpy_network-improved")
    stages = ("problem@l1_regression", "problem@softmax_jacobian", "gradient_check")
    stages += tuple(f"{stage}@{run}" for stage in ("train", "evaluate") for run in runs)
    commands = without_outputs(project, *stages, f"plot@{runs[1]}", "report")
    start = ("sh", "-c", 'umask 077; exec python tests/chain.py "$@"', "sh")
    project.run(*start, *commands, **variables, **CONTRARY)
    assert hashes(project.folder) == hashes(reproduced.folder)


@pytest.mark.parametrize("name", ["l1_regression", "box_network", "softmax_jacobian"])
def test_results_of_problems_are_those_in_git(reproduced: Project, name: str) -> None:
    for folder in (problem_folder(name), figures_folder(name)):
        for path in (REPOSITORY / folder).iterdir():
            assert path.read_bytes() == (reproduced.folder / folder / path.name).read_bytes(), path


@needs_qemu
@pytest.mark.parametrize(
    "stages",
    [["train@numpy_network-improved"], pytest.param(USING_TORCH, marks=pytest.mark.slow(120))],
)
def test_another_processor(project: Project, reproduced: Project, stages: list[str]) -> None:
    start = (QEMU, "-cpu", OTHER_MAKER, sys.executable, "tests/chain.py")
    project.run(*start, *without_outputs(project, *stages), PYTHONPATH=".")
    assert hashes(project.folder) == hashes(reproduced.folder)


PRODUCTS = """
from stages.core import numerics
import json, numpy
factor = numpy.random.default_rng(1).normal(size=(64, 64))
print(json.dumps([numerics.UNPINNED, *(factor @ factor)[0]]))
"""


@needs_qemu
@pytest.mark.slow(10)
def test_a_processor_without_avx2_computes_other_bits_and_is_recognised(tmp_path: Path) -> None:
    """The emulator shows the process the flags of a Nehalem, which under the pins would die."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "cpuinfo").write_text("flags\t\t: fpu sse4_2 popcnt\n")
    emulator = (QEMU, "-L", str(tmp_path), "-cpu", "Nehalem")
    (reason, *found), (_, *expected) = (
        json.loads(Project(REPOSITORY).run(*start, sys.executable, "-c", PRODUCTS).stdout)
        for start in (emulator, ())
    )
    assert reason == "the processor lacks avx2, bmi1, bmi2, f16c, fma, movbe"
    assert found == pytest.approx(expected)
    assert found != expected
