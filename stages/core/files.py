"""How results are written and read."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from stages.core.stage import StageError

from safetensors import SafetensorError


def write_numbers(path: Path, numbers: Mapping[str, float]) -> None:
    """Write numbers by name as JSON, floats as `without_rounding_errors` returns them."""
    rounded = {
        name: value if isinstance(value, int) else without_rounding_errors(float(value))
        for name, value in numbers.items()
    }
    with replacing(path) as partial:
        partial.write_text(json.dumps(rounded, indent=2) + "\n")


def without_rounding_errors(value: float) -> float:
    """Round a number to twelve decimals: a rounding error has other digits on another processor.

    So zero stands for up to 5e-13; it has no sign.
    """
    return round(value, 12) + 0.0


@contextmanager
def reading(path: Path, remedy: str = "dvc repro") -> Iterator[None]:
    """Raise StageError if the block finds that `path`, which it reads, is not what it should be.

    `remedy` is the command that makes it again.
    """
    try:
        yield
    except (LookupError, RuntimeError, SafetensorError, ValueError):
        raise StageError(
            f"{path} is damaged or has another format; `{remedy}` makes it again"
        ) from None


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path next to `path`; what the block wrote there, a file or a folder, becomes `path`.

    A block that fails, or a process that is killed, leaves nothing half-written under `path`. If
    `path` is a link to a folder, that folder is replaced: a user may keep it on another disk.

    Raises StageError if `path` is a link to nothing.
    """
    if path.is_symlink() and not path.exists():
        raise StageError(
            f"{path} is a link to {path.readlink()}, which is missing; make or unlink it"
        )
    if path.is_dir():
        path = path.resolve()
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
