"""The parameters in params.yaml, checked before anything is computed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML, YAMLError

from stages.lib.artifacts import Run
from stages.lib.stage import StageError

PARAMS = Path("params.yaml")
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Shift = Annotated[int, Field(ge=0, le=28)]
BelowOne = Annotated[float, Field(ge=0, lt=1)]
Schedule = Literal["constant", "one_cycle"]
# Far beyond what is of use; so a slip is told instead of filling the memory.
BatchSize = Annotated[int, Field(gt=0, le=1_000_000)]
Epochs = Annotated[int, Field(gt=0, le=100_000)]
HiddenSizes = Annotated[list[Annotated[int, Field(gt=0, le=10_000)]], Field(max_length=10)]


class Block(BaseModel):
    """A block of params.yaml: no unknown names, no conversion between types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    def changed(self, changes: Mapping[str, Any], source: str = "a change") -> Self:
        """A copy with other values. Raises StageError, which names their source, if one is unknown
        or impossible.
        """
        return checked(type(self), self.model_dump() | changes, source)


AnyBlock = TypeVar("AnyBlock", bound=Block)


class L1Regression(Block):
    """The points of problem 1 and how long the iterative method runs."""

    points: Annotated[int, Field(ge=2, le=1000)]  # the linear program is a dense matrix
    outlier_share: Annotated[float, Field(ge=0, le=1)]
    slope: Annotated[float, Field(ge=-1000, le=1000)]
    intercept: Annotated[float, Field(ge=-1000, le=1000)]
    noise: Annotated[float, Field(ge=0, le=1000)]
    iterations: Annotated[int, Field(gt=0, le=10_000)]
    seed: Seed


class BoxNetwork(Block):
    """The box of problem 2, and the numbers of boxes to recreate functions from."""

    height: Annotated[float, Field(ge=0.001, le=1000)]
    width: Annotated[float, Field(ge=0.001, le=1000)]
    boxes: Annotated[list[Annotated[int, Field(gt=0, le=1000)]], Field(min_length=1, max_length=10)]


class SoftmaxJacobian(Block):
    """The logits of problem 3."""

    logits: Annotated[
        list[Annotated[float, Field(ge=-50, le=50)]], Field(min_length=2, max_length=10)
    ]
    temperatures: Annotated[
        list[Annotated[float, Field(ge=0.01, le=100)]], Field(min_length=1, max_length=6)
    ]
    vectors: Annotated[int, Field(gt=0, le=10_000)]
    seed: Seed


class FashionMLPRecipe(Block):
    """How fashion_mlp is trained."""

    device: Literal["cpu", "auto"]
    hidden_sizes: HiddenSizes
    shift: Shift
    mirror: bool
    test_time_augmentation: bool
    dropout: BelowOne
    label_smoothing: BelowOne
    batch_size: BatchSize
    epochs: Epochs
    optimizer: Literal["sgd", "adam", "adamw"]
    learning_rate: PositiveFloat
    schedule: Schedule
    warm_up: BelowOne
    momentum: BelowOne
    weight_decay: NonNegativeFloat
    seed: Seed

    @model_validator(mode="after")
    def _momentum_is_of_sgd(self) -> "FashionMLPRecipe":
        if self.optimizer != "sgd" and self.momentum:
            raise ValueError(f"momentum is of sgd only; set it to 0.0 with {self.optimizer}")
        return self


class NumpyNetworkRecipe(Block):
    """How numpy_network is trained."""

    hidden_sizes: HiddenSizes
    scale_pixels: bool
    shift: Shift
    batch_size: BatchSize
    shuffle: bool
    epochs: Epochs
    learning_rate: PositiveFloat
    schedule: Schedule
    warm_up: BelowOne
    momentum: BelowOne
    weight_decay: NonNegativeFloat
    seed: Seed


class Params(Block):
    """All of params.yaml: a block a problem; those of the networks hold their recipes by name."""

    l1_regression: L1Regression
    box_network: BoxNetwork
    softmax_jacobian: SoftmaxJacobian
    fashion_mlp: dict[str, FashionMLPRecipe]
    numpy_network: dict[str, NumpyNetworkRecipe]

    def recipe(self, run: Run) -> FashionMLPRecipe | NumpyNetworkRecipe:
        """The recipe of a run. Raises StageError if params.yaml has none of that name."""
        recipes = getattr(self, run.network)
        if run.recipe not in recipes:
            raise StageError(
                f"{PARAMS} has no {run.network}.{run.recipe}; it has {', '.join(recipes)}"
            )
        return recipes[run.recipe]


def load_params() -> Params:
    """Read params.yaml and check all of it, not only what one stage needs, so that a slip in one
    block is told before another block's network is trained.

    Raises StageError that names every value that is unknown, missing or impossible.
    """
    return read_params(PARAMS, Params)


def read_params(path: Path, model: type[AnyBlock]) -> AnyBlock:
    """Read a file of parameters. Raises StageError that names every value that is not as it may."""
    try:
        # DVC's own parser: PyYAML would take 1e-3 for a string.
        return checked(model, YAML(typ="safe").load(path), path)
    except FileNotFoundError:
        raise StageError(f"{path} is missing; `git checkout {path}` brings it back") from None
    except YAMLError as error:
        raise StageError(f"{path} is not YAML: {' '.join(str(error).split())}") from None


def checked(model: type[AnyBlock], values: object, source: object) -> AnyBlock:
    """The values as a block. Raises StageError that names the source and what is wrong in it."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        faults = "; ".join(map(plain, error.errors()))
        raise StageError(f"{source}: {faults}") from None


def plain(fault: ErrorDetails) -> str:
    """What pydantic found, in a few words that name the place and the value."""
    place = ".".join(map(str, fault["loc"])) or "the file"
    if fault["type"] == "extra_forbidden":
        return f"{place}: there is no such parameter"
    if fault["type"] == "missing":
        return f"{place} is missing"
    if fault["type"] == "value_error":
        return f"{place}: {fault['ctx']['error']}"
    return f"{place}: {fault['msg']} (it is {fault['input']!r})"
