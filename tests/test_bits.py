"""The same bytes in other circumstances and on other processors, on a slice of the real data."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from stages.core import numerics
from stages.core.datasets import CLASSES, read_idx

import pytest
from conftest import IDX_FILES, REPOSITORY, Project, copy_of_repository, few_boxes, write_idx

TRAIN_IMAGES, TEST_IMAGES = 200, 100
QEMU = shutil.which("qemu-x86_64")
Hashes = dict[str, str]

pytestmark = pytest.mark.skipif(
    bool(numerics.UNPINNED), reason=f"the numerics are not pinned here: {numerics.UNPINNED}"
)
needs_qemu = pytest.mark.skipif(not QEMU, reason="needs qemu-x86_64, of Debian's qemu-user")


def sliced_project(folder: Path, real_data: Path) -> Project:
    """A copy of the project with a slice of the real data, and recipes that try every option."""
    project = copy_of_repository(folder)
    for dataset in CLASSES:
        raw = folder / "data" / dataset / "raw"
        raw.mkdir(parents=True)
        for name in IDX_FILES:
            count = TRAIN_IMAGES if name.startswith("train") else TEST_IMAGES
            write_idx(raw / name, read_idx(real_data / dataset / "raw" / name)[:count])
    few_boxes(project)
    # 25,000 weights take ten minutes there.
    few = "[16, *recipe.sizes[1:]], np"
    project.replace("stages/problems/gradient_check.py", "recipe.sizes, np", few)
    for network in ("fashion_mlp", "numpy_network"):
        project.set_param(network, "baseline", epochs=1)
        project.set_param(network, "improved", epochs=1, validation_images=50)
    project.set_param("fashion_mlp", "weight-decay", weight_decay=1e-4, batch_size=50)
    return project


def hashes(
    project: Project,
    *arguments: str,
    processor: str | None = None,
    **variables: str,
) -> Hashes:
    """Train, evaluate and plot in a process; return the SHA-256 of each output."""
    emulator = [QEMU, "-cpu", processor] if processor else []
    variables |= {"EMULATED": processor} if processor else {}
    command = [*emulator, sys.executable, "tests/chain.py", *arguments]
    finished = project.run(*command, PYTHONPATH=str(project.folder), **variables)
    return json.loads(finished.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def sliced(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> Project:
    return sliced_project(tmp_path_factory.mktemp("sliced") / "project", real_data)


@pytest.fixture(scope="module")
def expected(sliced: Project, tmp_path_factory: pytest.TempPathFactory) -> Hashes:
    """The hashes here, in ordinary circumstances. The other runs must not inherit these outputs."""
    found = hashes(sliced.copy(tmp_path_factory.mktemp("expected") / "project"))
    # model, history, predictions and metrics of five runs, the figures of four, report, HTML,
    # model card, first epochs and three comparisons a network; figures and numbers of three
    # problems, the tables of two and the gradient check
    assert len(found) == 5 * 4 + 4 * 8 + 4 + 2 * 3 + (4 + 6 + 1) + 3 + 2 + 1
    return found


@pytest.fixture
def copy(sliced: Project, tmp_path: Path) -> Project:
    return sliced.copy(tmp_path / "project")


@pytest.mark.parametrize("threads", ["1", "2", "3", "4"])
def test_any_number_of_threads(copy: Project, expected: Hashes, threads: str) -> None:
    assert hashes(copy, threads) == expected


def test_another_folder_with_spaces(sliced: Project, expected: Hashes, tmp_path: Path) -> None:
    assert hashes(sliced.copy(tmp_path / "a path with spaces é")) == expected


@pytest.fixture
def umask() -> Iterator[None]:
    previous = os.umask(0o077)
    yield
    os.umask(previous)


@pytest.mark.usefixtures("umask")
def test_another_home_locale_time_zone_umask_and_hash_seed(
    copy: Project, expected: Hashes, tmp_path: Path
) -> None:
    """The home has settings of matplotlib in it that would change every figure."""
    settings = tmp_path / "home" / ".config" / "matplotlib"
    settings.mkdir(parents=True)
    (settings / "matplotlibrc").write_text("lines.linewidth: 9\nfont.size: 20\nbackend: svg\n")
    variables = {
        "HOME": str(tmp_path / "home"),
        "LC_ALL": "POSIX",  # with the next two, Python reads and writes ASCII
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "TZ": "Pacific/Kiritimati",
        "PYTHONHASHSEED": "12345",
    }
    assert hashes(copy, **variables) == expected


@pytest.mark.parametrize(
    "variables",
    [
        {
            "ATEN_CPU_CAPABILITY": "default",
            "MKL_CBWR": "AUTO",
            "ONEDNN_MAX_CPU_ISA": "SSE41",
            "OPENBLAS_CORETYPE": "Nehalem",
            "OPENBLAS_NUM_THREADS": "3",
            "OPENBLAS_L2_SIZE": "64",
            "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3",
            "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-AVX2",
        },
        {
            "NPY_ENABLE_CPU_FEATURES": "AVX2",
            "NPY_DISABLE_CPU_FEATURES": "",
            "MKL_NUM_THREADS": "3",
            "OMP_NUM_THREADS": "3",
            "MKL_DYNAMIC": "FALSE",
            "DNNL_MAX_CPU_ISA": "SSE41",
            "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
            "ONEDNN_DEFAULT_FPMATH_MODE": "BF16",
            "OPENBLAS_MAIN_FREE": "1",
        },
    ],
    ids=["the pins", "other names"],
)
def test_whatever_the_environment_already_says(
    copy: Project, expected: Hashes, variables: Hashes
) -> None:
    assert hashes(copy, **variables) == expected


def unpin(project: Project) -> None:
    project.replace(
        "stages/core/numerics.py", "UNPINNED = why_unpinned()", 'UNPINNED = "for a test"'
    )


def test_without_the_pins_the_environment_changes_the_bits(copy: Project) -> None:
    """This shows that the tests above can fail."""
    unpin(copy)
    ordinary = hashes(copy)
    other = hashes(copy, OPENBLAS_CORETYPE="Nehalem", ATEN_CPU_CAPABILITY="default")
    for network in ("fashion_mlp", "numpy_network"):
        model = f"models/{network}-baseline.safetensors"
        assert ordinary[model] != other[model]


@pytest.fixture
def other_processor() -> str:
    """The emulator's name for a processor of the other maker: AMD if this is Intel's."""
    return "EPYC" if "GenuineIntel" in Path("/proc/cpuinfo").read_text() else "Haswell"


@needs_qemu
def test_another_processor(copy: Project, expected: Hashes, other_processor: str) -> None:
    assert hashes(copy, processor=other_processor) == expected


@needs_qemu
def test_without_the_pins_processors_differ(copy: Project, other_processor: str) -> None:
    unpin(copy)
    command = [sys.executable, "-m", "stages.train", "fashion_mlp", "baseline", "FashionMNIST"]
    weights = set()
    for emulator in ([], [QEMU, "-cpu", other_processor]):
        # One thread: how an emulated process ends several is not under test.
        copy.run(*emulator, *command, OMP_NUM_THREADS="1")
        weights.add((copy.folder / "models/fashion_mlp-baseline.safetensors").read_bytes())
    assert len(weights) == 2


@needs_qemu
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
