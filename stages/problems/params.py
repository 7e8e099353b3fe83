"""The parameters of problems 1 to 3."""

from typing import Annotated

from stages.core.params import Block, Seed

from pydantic import Field


class L1Regression(Block):
    """The points of problem 1, and how many iterations IRLS runs."""

    points: Annotated[int, Field(ge=2, le=1000)]  # the linear program is a dense matrix
    outlier_fraction: Annotated[float, Field(ge=0, le=1)]
    slope: Annotated[float, Field(ge=-1000, le=1000)]
    intercept: Annotated[float, Field(ge=-1000, le=1000)]
    noise: Annotated[float, Field(ge=0, le=1000)]
    iterations: Annotated[int, Field(gt=0, le=10_000)]
    seed: Seed


class BoxNetwork(Block):
    """The single box of problem 2, and the numbers of boxes that approximate functions."""

    height: Annotated[float, Field(ge=0.001, le=1000)]
    width: Annotated[float, Field(ge=0.001, le=1000)]
    boxes: Annotated[list[Annotated[int, Field(gt=0, le=1000)]], Field(min_length=1, max_length=10)]


class SoftmaxJacobian(Block):
    """The logits and temperatures of problem 3."""

    logits: Annotated[
        list[Annotated[float, Field(ge=-50, le=50)]], Field(min_length=2, max_length=10)
    ]
    temperatures: Annotated[
        list[Annotated[float, Field(ge=0.01, le=100)]], Field(min_length=1, max_length=6)
    ]
    vectors: Annotated[int, Field(gt=0, le=10_000)]
    seed: Seed


class Problems(Block):
    """Their blocks in params.yaml."""

    l1_regression: L1Regression
    box_network: BoxNetwork
    softmax_jacobian: SoftmaxJacobian
