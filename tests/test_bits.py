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
from conftest import REPOSITORY, Project, without_outputs

QEMU = shutil.which("qemu-x86_64")
OTHER_MAKER = "EPYC" if "GenuineIntel" in Path("/proc/cpuinfo").read_text() else "Haswell"

pytestmark = pytest.mark.skipif(
    bool(numerics.UNPINNED), reason=f"the numerics are not pinned here: {numerics.UNPINNED}"
)
needs_qemu = pytest.mark.skipif(not QEMU, reason="needs qemu-x86_64, of Debian's qemu-user")

CONTRARY = {
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_CBWR": "AUTO",
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
VERBOSE = {"MKL_VERBOSE": "1", "ONEDNN_VERBOSE": "1", "OPENBLAS_VERBOSE": "2"}
LIBRARIES = """
import os
from stages.core import numerics
import numpy, torch
print("threads of OpenBLAS:", len(os.listdir("/proc/self/task")))
numpy.show_runtime()
print("torch:", torch.backends.cpu.get_cpu_capability())
torch.ones(64, 64) @ torch.ones(64, 64)
torch.nn.functional.conv2d(torch.ones(16, 32, 32, 32), torch.ones(32, 32, 3, 3))
"""


def test_the_libraries_choose_what_is_pinned_whatever_the_environment_says() -> None:
    finished = Project(REPOSITORY).run("python", "-c", LIBRARIES, **CONTRARY | VERBOSE)
    for chosen in (
        "torch: AVX2",
        "CNR:COMPATIBLE",  # MKL
        "cpu,isa:Intel AVX2",  # oneDNN
        "Core: Haswell",  # OpenBLAS
        "threads of OpenBLAS: 1",
        "'found': ['X86_V3']",  # numpy
    ):
        assert chosen in finished.stdout + finished.stderr


@pytest.fixture
def umask() -> Iterator[None]:
    previous = os.umask(0o077)
    yield
    os.umask(previous)


@pytest.mark.usefixtures("umask")
def test_another_folder_home_and_umask_whatever_the_environment_says(
    reproduced: Project, tmp_path: Path
) -> None:
    """The home has settings of matplotlib in it that would change every figure."""
    settings = tmp_path / "home" / ".config" / "matplotlib"
    settings.mkdir(parents=True)
    (settings / "matplotlibrc").write_text("lines.linewidth: 9\nfont.size: 20\nbackend: svg\n")
    project = reproduced.copy(tmp_path / "a path with spaces é")
    runs = ("fashion_mlp-improved", "numpy_network-improved")
    stages = ("problem@l1_regression", "problem@softmax_jacobian", "gradient_check")
    stages += tuple(f"{stage}@{run}" for stage in ("train", "evaluate") for run in runs)
    commands = without_outputs(project, *stages, f"plot@{runs[1]}", "report")
    variables = {"HOME": str(tmp_path / "home"), "PYTHONPATH": str(project.folder)}
    project.run("python", "tests/chain.py", *commands, **variables, **CONTRARY)
    assert hashes(project.folder) == hashes(reproduced.folder)


THREADS = """
import json, sys
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


def test_any_number_of_threads(project: Project, reproduced: Project) -> None:
    runs = ("fashion_mlp-baseline", "fashion_mlp-improved", "numpy_network-improved")
    stages = [f"{stage}@{run}" for stage in ("train", "evaluate") for run in runs]
    finished = project.run("python", "-c", THREADS, *without_outputs(project, *stages))
    found = [json.loads(line) for line in finished.stdout.splitlines()]
    assert found == [hashes(reproduced.folder)] * 4


def test_without_the_pins_the_environment_changes_the_bits(project: Project) -> None:
    """This shows that the tests above can fail."""
    unpinned = "import numpy, runpy; runpy.run_path('tests/chain.py', run_name='__main__')"

    def weights(**variables: str) -> str:
        command = without_outputs(project, "train@numpy_network-baseline")
        project.run("python", "-c", unpinned, *command, **variables)
        return hashes(project.folder)["models/numpy_network-baseline.safetensors"]

    assert weights() != weights(OPENBLAS_CORETYPE="Nehalem")


@needs_qemu
@pytest.mark.parametrize(
    "stages",
    [
        ["train@numpy_network-improved"],
        pytest.param(
            ["problem@softmax_jacobian", "train@fashion_mlp-improved"], marks=pytest.mark.slow(80)
        ),
        pytest.param(["report"], marks=pytest.mark.slow(60)),
    ],
    ids=["a training", "a problem and PyTorch", "the report"],
)
def test_another_processor(project: Project, reproduced: Project, stages: list[str]) -> None:
    start = (QEMU, "-cpu", OTHER_MAKER, sys.executable, "tests/chain.py")
    project.run(*start, *without_outputs(project, *stages), PYTHONPATH=".")
    assert hashes(project.folder) == hashes(reproduced.folder)


PRODUCTS = """
from stages.core import numerics
import json, numpy, torch
factor = numpy.random.default_rng(1).normal(size=(64, 64))
tensor = torch.from_numpy(factor)
print(json.dumps([numerics.UNPINNED, *(factor @ factor)[0], *(tensor @ tensor)[0].tolist()]))
"""


@needs_qemu
@pytest.mark.slow(40)
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
