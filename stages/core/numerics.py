"""The pins: which kernels numpy and torch compute with, so that the bits are always the same.

Importing this module sets the variables below, which numpy and torch read when they load: then
every x86-64 processor with AVX2 computes the same bits. So the first import of a program is from
`stages`; the order of imports that ruff checks does that.
"""

import json
import os
import platform
import re
import sys
from importlib.metadata import version
from pathlib import Path

REQUIREMENTS = (Path(__file__).parents[2] / "requirements.txt").read_text()
LOCKED = dict(re.findall(r"^([\w-]+)==([^\s;]+)", REQUIREMENTS, re.MULTILINE))
# The packages on whose versions bits depend.
COMPUTING = ("matplotlib", "numpy", "pandas", "pillow", "scipy", "torch")

PINS = {
    "ATEN_CPU_CAPABILITY": "avx2",  # torch's vectorised kernels
    "MKL_CBWR": "COMPATIBLE",  # what torch takes from MKL; under AVX2, Intel and AMD differ
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # what torch takes from oneDNN
    "OPENBLAS_CORETYPE": "Haswell",  # matrix multiplication in both networks, with the next two
    "OPENBLAS_NUM_THREADS": "1",
    "OPENBLAS_L2_SIZE": "512",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",  # numpy's exp, log and tanh
}
NEEDED = {"avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"}  # what Haswell brought, as Linux names it


def why_unpinned() -> str:
    """Why the numerics cannot be pinned here; empty where they can."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return f"{platform.system()} on {platform.machine()} is not Linux on x86-64"
    # Under the pins a processor without AVX2 would die of an illegal instruction.
    if missing := NEEDED - set(Path("/proc/cpuinfo").read_text().split()):
        return f"the processor lacks {', '.join(sorted(missing))}"
    inherited = PINS.items() <= os.environ.items()  # as in a process that a pinned one started
    if ("numpy" in sys.modules or "torch" in sys.modules) and not inherited:
        return "numpy or torch was imported before stages.core.numerics"
    return ""


UNPINNED = why_unpinned()


def other_versions() -> str:
    """Name the installed packages that are not those of requirements.txt; empty if there are none.

    A local version, such as PyTorch's `+cpu`, counts as the one that it is a build of.
    """
    installed = {name: version(name).partition("+")[0] for name in COMPUTING}
    others = [name for name in COMPUTING if installed[name] != LOCKED[name]]
    return ", ".join(f"{name} is {installed[name]}, not {LOCKED[name]}" for name in others)


def describe(device: str = "cpu") -> str:
    """Say what computes on a device here, as models record it: versions; "pinned" or why not."""
    versions = [f"{name} {version(name).partition('+')[0]}" for name in ("numpy", "torch")]
    reasons = [UNPINNED, other_versions(), "" if device == "cpu" else f"the device is {device}"]
    unpinned = "; ".join(filter(None, reasons))
    return ", ".join([*versions, f"not pinned: {unpinned}" if unpinned else "pinned"])


def provenance(dataset: str, device: str = "cpu") -> dict[str, str]:
    """Return the metadata of a model: the data set, and what computed on the device, as JSON.

    It is one entry, since safetensors writes several in random order.
    """
    return {"provenance": json.dumps({"dataset": dataset, "numerics": describe(device)})}


if version("numpy").split(".")[0] != LOCKED["numpy"].split(".")[0]:  # it would not load
    found = f"numpy is {version('numpy')}, not {LOCKED['numpy']}"
    sys.exit(f"error: {found}; is there another on PYTHONPATH?")
if not UNPINNED:
    os.environ.update(PINS)
    os.environ.pop("NPY_ENABLE_CPU_FEATURES", None)  # numpy does not load if both lists are given

# The bits do not depend on it. The networks are too small to gain from several threads, and where
# several processes compute, threads that wait for one another cost more than they gain.
os.environ.setdefault("OMP_NUM_THREADS", "1")

if not os.environ.get("SOURCE_DATE_EPOCH", "1"):
    del os.environ["SOURCE_DATE_EPOCH"]  # numpy takes an empty one for a number
