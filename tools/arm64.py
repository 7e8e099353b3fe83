"""Compute on an emulated ARM64 processor what has the committed bytes there too.

That is what no float32 product goes into: problems 1 to 3, the gradient check, the model card and
the initial weights of the networks. Figures, drawn from the committed results, may differ by one
level of a pixel, of 256: there matplotlib rounds once where it rounds twice on x86-64. Exits with
status 0 only if all agree.

The processor is emulated by qemu-aarch64, and runs Debian's Python, which apt-get downloads.
Nothing is installed: all is in a folder that is removed at the end.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path

from stages import core
from stages.core.networks import load_recipe, module_of
from stages.core.params import read_yaml
from stages.core.paths import PARAMS
from tools.comparison import compare_hashes, compared, runs_of
from tools.verify import REPOSITORY, clone_last_commit, conclude, environment, outputs, read_lock

import numpy as np
from PIL import Image
from safetensors.numpy import load_file

STAGES = ("l1_regression", "box_network", "softmax_jacobian", "gradient_check", "plot", "report")
OTHER_BYTES = "reports/report.md"  # which says that the numerics are not pinned
MODEL = "neoverse-n1"  # of the processor
# What PyTorch reads of it; without these files it crashes.
DESCRIPTION = {
    "proc/cpuinfo": "processor: 0\nFeatures: fp asimd aes pmull sha1 sha2 crc32 atomics cpuid\n"
    "CPU implementer: 0x41\nCPU architecture: 8\nCPU variant: 0x3\nCPU part: 0xd0c\n",
    "sys/devices/system/cpu/cpu0/regs/identification/midr_el1": "0x00000000413fd0c1\n",
}
# Packages with compiled code. Those in pure Python are taken from this environment.
COMPILED = (
    "contourpy", "kiwisolver", "markupsafe", "matplotlib", "numpy", "nvidia-cuda-cupti",
    "nvidia-cuda-runtime", "pandas", "pillow", "pydantic-core", "safetensors", "scipy", "torch",
)  # fmt: skip
SITE_PACKAGES = Path(sysconfig.get_path("purelib"))
PLATFORMS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_25", "manylinux_2_17")


def main() -> None:
    """Print the table and the verdict."""
    for command in ("apt-get", "dpkg-deb", "qemu-aarch64"):
        if not shutil.which(command):
            sys.exit(f"{command} is missing; this needs Debian with its package qemu-user")
    with tempfile.TemporaryDirectory(prefix="arm64-") as scratch:
        clone, root = Path(scratch) / "clone", Path(scratch) / "root"
        clone_last_commit(clone)
        committed = Path(scratch) / "committed"
        clone_last_commit(committed)
        expected = read_outputs(clone) | run_initial_weights(Path(sys.executable), clone)
        dvc = [sys.executable, "-m", "dvc"]
        run([*dvc, "config", "--local", "cache.dir", str(REPOSITORY / ".dvc/cache")], clone)
        run([*dvc, "checkout", "--quiet"], clone)  # what `make repro` has made
        print("Downloading 0.6 GB for ARM64: Debian's Python, PyTorch and others", flush=True)
        python = make_root(root)
        path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
        run([*dvc, "repro", "--force", "--single-item", *STAGES], clone, PATH=path)
        emulated = read_outputs(clone) | run_initial_weights(python, clone)
        figures = [path for path in expected if path.startswith("reports/figures/")]
        rows = [row for row in compare_hashes(expected, emulated) if row[0] not in figures]
        for path in figures:
            difference = max_pixel_difference(committed / path, clone / path)
            rows.append(compared(path, "max difference of a pixel", 1, difference))
    conclude(rows, [], "are the same", f"emulated {MODEL}")


def read_outputs(clone: Path) -> dict[str, str]:
    """Return the hash of each output that is compared, by path."""
    lock = read_lock(clone / "dvc.lock")
    compared = outputs({name: lock[name] for name in lock if name.partition("@")[0] in STAGES})
    del compared[OTHER_BYTES]
    return compared


def max_pixel_difference(one: Path, other: Path) -> float:
    """Return the max difference, from 0 to 255, of the figures in two folders."""
    differences = []
    for file in sorted(one.glob("*.png")):
        images = [np.asarray(Image.open(path), int) for path in (file, other / file.name)]
        differences.append(np.abs(images[0] - images[1]).max())
    return float(max(differences))


def make_root(root: Path) -> Path:
    """Fill a folder with what a Python for ARM64 needs; return a command that runs it."""
    (root / "apt/lists/partial").mkdir(parents=True)
    (root / "apt/archives/partial").mkdir(parents=True)
    (root / "apt/status").touch()
    options = {
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
        "APT::Sandbox::User": "root",
        "Debug::NoLocking": "1",
        "Dir::Cache": root / "apt",
        "Dir::State::lists": root / "apt/lists",
        "Dir::State::status": root / "apt/status",
    }
    apt = ["apt-get", "--quiet", "--quiet", *(f"--option={k}={v}" for k, v in options.items())]
    run([*apt, "update"], root)
    packages = ["python3", "libstdc++6"]
    run([*apt, "install", "--download-only", "--yes", "--no-install-recommends", *packages], root)
    for package in sorted(root.glob("apt/archives/*.deb")):
        run(["dpkg-deb", "--extract", str(package), "."], root)
    for name, text in DESCRIPTION.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    binary = next(root.glob("usr/bin/python3.??"))
    packages = root / "packages"
    install_packages(packages, binary.name.removeprefix("python"))

    command = root / "command/python"
    command.parent.mkdir()
    command.write_text(
        "#!/bin/sh\n"
        "export TORCH_USE_RTLD_GLOBAL=1\n"  # binds lazily: what stubs lack is not looked up
        f"export PYTHONPATH='{packages}:{SITE_PACKAGES}'\n"
        f"exec qemu-aarch64 -cpu {MODEL} -L '{root}' '{binary}' \"$@\"\n"
    )
    command.chmod(0o755)
    return command


def install_packages(folder: Path, python: str) -> None:
    """Install the compiled packages for a version of Python on ARM64 into a folder."""
    locked = re.split(r"^(?=[\w-]+==)", core.LOCK.read_text(), flags=re.MULTILINE)
    requirements = folder.with_suffix(".txt")
    requirements.write_text("".join(each for each in locked if each.partition("==")[0] in COMPILED))
    options = [*(f"--platform={each}_aarch64" for each in PLATFORMS), f"--python-version={python}"]
    options += ["--only-binary=:all:", "--no-deps", "--require-hashes", f"--target={folder}"]
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    run([*pip, *options, f"--requirement={requirements}"], folder.parent)
    # PyTorch's build loads CUDA's libraries. Of most, any library in their place will do.
    stub = next(folder.glob("markupsafe/*.so"))
    for library in SITE_PACKAGES.glob("nvidia/*/lib/*.so.*"):
        if not list(folder.glob(f"nvidia/*/lib/{library.name}")):
            shutil.copy(stub, folder.parent / "lib/aarch64-linux-gnu" / library.name)


def run_initial_weights(python: Path, clone: Path) -> dict[str, str]:
    """Return what `initial_weights` returns in a process of a Python."""
    code = "import json; from tools.arm64 import *; print(json.dumps(initial_weights()))"
    return json.loads(run([str(python), "-c", code], clone))


def initial_weights() -> dict[str, str]:
    """Return the hash of the initial weights and biases of each run."""
    nothing = np.zeros((1, 28, 28), np.uint8), np.zeros(1, np.int64)
    hashes = {}
    for each in runs_of(read_yaml(PARAMS)):
        recipe = load_recipe(each)
        training, inference = (module_of(each.network, name) for name in ("training", "inference"))
        network = training.make_network(recipe)
        next(training.train(network, recipe, nothing))  # which initialises numpy_network
        with tempfile.NamedTemporaryFile() as file:
            inference.save(network, Path(file.name))
            tensors = load_file(file.name)
        content = b"".join(tensors[name].tobytes() for name in sorted(tensors))
        hashes[f"initial weights of {each.name}"] = hashlib.md5(content).hexdigest()
    return hashes


def run(command: Sequence[str], folder: Path, **variables: str) -> str:
    """Run a command in a folder; return what it prints; end if it fails."""
    finished = subprocess.run(
        command,
        cwd=folder,
        env=environment(folder) | variables,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if finished.returncode:
        sys.exit(f"{command[0]} failed, see above")
    return finished.stdout


if __name__ == "__main__":
    main()
