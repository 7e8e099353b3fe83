"""The parameters in params.yaml, checked before anything is computed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from stages.core.datasets import PIXELS
from stages.core.paths import PARAMS
from stages.core.stage import StageError

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

# Beyond float32 there is no arithmetic to diverge in.
Float32 = Annotated[float, Field(ge=0, le=1e38)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
BelowOne = Annotated[float, Field(ge=0, lt=1)]


class Block(BaseModel):
    """A block of params.yaml: no unknown names, no conversion between types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    def changed(self, changes: Mapping[str, Any], source: str = "a change") -> Self:
        """Return a copy with other values.

        Raises StageError, which names their source, if one is unknown or impossible.
        """
        return checked(type(self), {**self.model_dump(), **changes}, source)


class NetworkRecipe(Block):
    """The hyperparameters that every network has."""

    seed: Seed
    # The upper bounds are far beyond use: a typing error is reported and does not fill memory.
    epochs: Annotated[int, Field(gt=0, le=100_000)]
    validation_images: Annotated[int, Field(ge=0, lt=60_000)]


class TrainingRecipe(NetworkRecipe):
    """The hyperparameters that fashion_mlp and numpy_network share."""

    batch_size: Annotated[int, Field(gt=0, le=1_000_000)]
    learning_rate: Annotated[Float32, Field(gt=0)]
    schedule: Literal["constant", "linear"]
    warmup_fraction: BelowOne
    weight_decay: Float32
    max_translation: Annotated[int, Field(ge=0, le=28)]
    hidden_sizes: Annotated[list[Annotated[int, Field(gt=0, le=10_000)]], Field(max_length=10)]

    @property
    def sizes(self) -> list[int]:
        """The sizes of the input, the hidden layers and the output."""
        return [PIXELS, *self.hidden_sizes, 10]


AnyBlock = TypeVar("AnyBlock", bound=Block)


def load_params(model: type[AnyBlock], *place: str) -> AnyBlock:
    """Read the block at a place in params.yaml, such as "fashion_mlp", "baseline".

    Raises StageError that names every value that is unknown, missing or impossible.
    """
    block = read_yaml(PARAMS)
    for name in place:
        if not isinstance(block, dict) or name not in block:
            there = f"; it has {', '.join(block)}" if isinstance(block, dict) else ""
            raise StageError(f"{PARAMS} has no {'.'.join(place)}{there}")
        block = block[name]
    return checked(model, block, PARAMS, *place)


def read_yaml(path: Path) -> Any:
    """Read a YAML file. Raises StageError if it is missing or not YAML."""
    try:
        # DVC's own parser: PyYAML would take 1e-3 for a string.
        return YAML(typ="safe").load(path)
    except FileNotFoundError:
        raise StageError(f"{path} is missing; `git checkout {path}` restores it") from None
    except YAMLError as error:
        raise StageError(f"{path} is not YAML: {' '.join(str(error).split())}") from None


def checked(model: type[AnyBlock], values: object, source: object, *place: str) -> AnyBlock:
    """Return the values as a block.

    Raises StageError that names their source and all that is wrong, with its place.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        faults = "; ".join(plain(fault, place) for fault in error.errors())
        raise StageError(f"{source}: {faults}") from None


def plain(fault: ErrorDetails, above: tuple[str, ...]) -> str:
    """Say in a few words what pydantic found, with the place and the value."""
    location = [str(part) for part in (*above, *fault["loc"]) if part != "[key]"]
    place = ".".join(location) or "the file"
    if fault["type"] == "extra_forbidden":
        return f"{place}: there is no such parameter"
    if fault["type"] == "missing":
        return f"{place} is missing"
    if fault["type"] == "model_type":
        return f"{place} is not a block of parameters (it is {fault['input']!r})"
    if fault["type"] == "less_than_equal":  # pydantic writes all digits of 1e38
        return f"{place}: Input should be at most {fault['ctx']['le']:g} (it is {fault['input']!r})"
    if fault["type"] == "value_error":
        return f"{place}: {fault['ctx']['error']}"
    return f"{place}: {fault['msg']} (it is {fault['input']!r})"
