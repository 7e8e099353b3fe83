"""Where the results lie, and how they are written and read."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError

from stages.lib.stage import StageError

DATASETS = {"fashion_mlp": "FashionMNIST", "numpy_network": "MNIST"}
REPORT = Path("reports/report.md")


@dataclass(frozen=True)
class Run:
    """One network trained by one recipe; its paths are relative to the repository's root.

    Raises StageError if there is no such network.
    """

    network: str
    recipe: str

    def __post_init__(self) -> None:  # noqa: D105
        if self.network not in DATASETS:
            raise StageError(f"there is no network {self.network}; there are {', '.join(DATASETS)}")

    @property
    def name(self) -> str:
        """The run's name, of which its paths are made."""
        return f"{self.network}-{self.recipe}"

    @property
    def dataset(self) -> str:
        """The data set that the network is trained on."""
        return DATASETS[self.network]

    @property
    def model(self) -> Path:
        """The trained weights, as safetensors."""
        return Path(f"models/{self.name}.safetensors")

    @property
    def history(self) -> Path:
        """The table over the epochs."""
        return Path(f"reports/history/{self.name}.csv")

    @property
    def predictions(self) -> Path:
        """One row a test image."""
        return Path(f"reports/predictions/{self.name}.csv")

    @property
    def metrics(self) -> Path:
        """The few final numbers."""
        return metrics_file(self.name)

    @property
    def figures(self) -> Path:
        """The folder of the run's figures."""
        return figures_folder(self.name)


def metrics_file(name: str) -> Path:
    """The metrics of a run, or of a problem without one."""
    return Path(f"reports/metrics/{name}.json")


def figures_folder(name: str) -> Path:
    """The figures of a run, or of a problem without one."""
    return Path(f"reports/figures/{name}")


def table_file(name: str) -> Path:
    """The table of a problem without runs."""
    return Path(f"reports/tables/{name}.csv")


def write_metrics(path: Path, metrics: Mapping[str, float]) -> None:
    """Write metrics as JSON, floats to twelve decimals: what is only rounding reads as zero."""
    rounded = {
        name: value if isinstance(value, int) else round(float(value), 12) + 0.0
        for name, value in metrics.items()
    }
    with replacing(path) as partial:
        partial.write_text(json.dumps(rounded, indent=2) + "\n")


def read_metrics(path: Path) -> dict[str, float]:
    """Read metrics that `write_metrics` wrote."""
    with reading(path):
        return json.loads(path.read_text())


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raise StageError if the block finds that `path`, which it reads, is not what it should be."""
    try:
        yield
    except (LookupError, RuntimeError, SafetensorError, ValueError):
        raise StageError(
            f"{path} is damaged or something else; `dvc repro` makes it anew"
        ) from None


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path beside `path`; what the block wrote there, a file or a folder, becomes `path`.

    A block that fails, or a process that is killed, leaves nothing half-written under `path`.
    """
    partial = path.with_name(f"{path.name}.partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove(partial)
    try:
        yield partial
        if path.is_dir():
            _remove(path)
        partial.replace(path)
    finally:
        _remove(partial)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
