"""The parameters in study/params.yaml, checked before anything is computed."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PositiveInt

from stages.lib.params import Block, read_params

PARAMS = Path("study/params.yaml")
Changes = dict[str, dict[str, Any]]  # a variant's name, and what it changes in the recipe


class Ablation(Block):
    """What is taken away from a recipe, one technique at a time."""

    seeds: PositiveInt
    validation: Annotated[int, Field(gt=0, lt=60_000)]
    fashion_mlp: Changes
    numpy_network: Changes


class StudyParams(Block):
    """All of study/params.yaml."""

    seeds: Annotated[int, Field(ge=2)]
    ablation: Ablation


def load_study_params() -> StudyParams:
    """Read study/params.yaml. Raises StageError that names what is wrong in it."""
    return read_params(PARAMS, StudyParams)
