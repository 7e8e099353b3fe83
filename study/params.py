"""The parameters in study/params.yaml, checked before anything is computed."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from stages.lib.artifacts import DATASETS, Run
from stages.lib.params import Block, load_params, read_params

PARAMS = Path("study/params.yaml")
Seeds = Annotated[int, Field(ge=2)]  # one has no spread
Changes = dict[str, dict[str, Any]]  # a variant's name, and what it changes in the recipe


class Ablation(Block):
    """What is taken away from a recipe, one technique at a time."""

    seeds: Seeds
    validation: Annotated[int, Field(gt=0, lt=60_000)]
    fashion_mlp: Changes
    numpy_network: Changes


class StudyParams(Block):
    """All of study/params.yaml."""

    seeds: Seeds
    ablation: Ablation


def load_study_params() -> StudyParams:
    """Read study/params.yaml and check all of it, the variants of each recipe too.

    Raises StageError that names what is wrong in it.
    """
    params, recipes = read_params(PARAMS, StudyParams), load_params()
    for network in DATASETS:
        improved = recipes.recipe(Run(network, "improved"))
        for name, changes in getattr(params.ablation, network).items():
            improved.changed(changes, f"{PARAMS}: ablation.{network}.{name}")
    return params
