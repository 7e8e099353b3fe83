"""The parameters of problem 1."""

from typing import Annotated

from stages.core.params import Block, Seed

from pydantic import Field


class Params(Block):
    """The points of problem 1, and how many iterations IRLS runs."""

    points: Annotated[int, Field(ge=2, le=1000)]  # the linear program is a dense matrix
    outlier_fraction: Annotated[float, Field(ge=0, le=1)]
    slope: Annotated[float, Field(ge=-1000, le=1000)]
    intercept: Annotated[float, Field(ge=-1000, le=1000)]
    noise: Annotated[float, Field(ge=0, le=1000)]
    iterations: Annotated[int, Field(gt=0, le=10_000)]
    seed: Seed
