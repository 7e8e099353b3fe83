"""The parameters of problem 3."""

from typing import Annotated

from stages.core.params import Block, Seed

from pydantic import Field


class Params(Block):
    """The logits and temperatures of problem 3."""

    logits: Annotated[
        list[Annotated[float, Field(ge=-50, le=50)]], Field(min_length=2, max_length=10)
    ]
    temperatures: Annotated[
        list[Annotated[float, Field(ge=0.01, le=100)]], Field(min_length=1, max_length=6)
    ]
    vectors: Annotated[int, Field(gt=0, le=10_000)]
    seed: Seed
