"""The parameters of problem 2."""

from typing import Annotated

from stages.core.params import Block

from pydantic import Field


class Params(Block):
    """The single box of problem 2, and the numbers of boxes that approximate functions."""

    height: Annotated[float, Field(ge=0.001, le=1000)]
    width: Annotated[float, Field(ge=0.001, le=1000)]
    boxes: Annotated[list[Annotated[int, Field(gt=0, le=1000)]], Field(min_length=1, max_length=10)]
