"""The parameters in study/params.yaml, checked before anything is computed."""

from typing import Annotated, Any

from stages.core.params import Block, checked, read_yaml
from study.training.paths import PARAMS

from pydantic import Field

Seeds = Annotated[int, Field(ge=2)]  # one has no standard deviation
Variants = dict[str, dict[str, Any]]  # what each changes in the recipe, by its name


class Ablation(Block):
    """How the ablation is done."""

    seeds: Seeds
    variants: dict[str, Variants]  # by network

    def of(self, network: str) -> dict[str, object]:
        """Return what concerns one network."""
        return self.model_dump() | {"variants": self.variants[network]}


class StudyParams(Block):
    """All of study/params.yaml."""

    seeds: Seeds
    ablation: Ablation


def load_study_params() -> StudyParams:
    """Read study/params.yaml. What a variant changes is checked when it is made of a recipe.

    Raises StageError that names every value that is unknown, missing or impossible.
    """
    return checked(StudyParams, read_yaml(PARAMS), PARAMS)
