"""Check params.yaml, all of it, and that it fits dvc.yaml."""

import re
from typing import Annotated, Any

from stages.core.files import replacing
from stages.core.networks import load_runs, network_names, recipe_of
from stages.core.params import Block, checked, read_yaml
from stages.core.paths import PARAMS, PARAMS_CHECKED, PIPELINE, Run
from stages.core.stage import StageError, run_stage
from stages.problems.params import Problems

from pydantic import AfterValidator, create_model

CHAPTERS = {Run("fashion_mlp", "baseline"), Run("numpy_network", "baseline")}  # of the report


def _name(name: str) -> str:
    # It is part of command lines, of file names and of DVC's names of parameters and stages.
    if not re.fullmatch(r"\w[\w-]*", name, re.ASCII):
        raise ValueError("a recipe's name has letters, digits, _ and -, and does not begin with -")
    return name


Name = Annotated[str, AfterValidator(_name)]


def main() -> None:
    """Name every value in params.yaml that is unknown, missing or impossible.

    Name also a recipe that no run uses, and one that a run or the report needs and that is missing.
    """
    params = checked(params_model(), read_yaml(PARAMS), PARAMS)
    recipes = {Run(name, recipe) for name in network_names() for recipe in getattr(params, name)}
    runs = set(load_runs())
    faults = [
        *(f"{run.block}, a run in {PIPELINE}, is missing" for run in runs - recipes),
        *(f"{run.block}, a chapter of the report, is missing" for run in CHAPTERS - recipes - runs),
        *(f"{run.block} needs a run in {PIPELINE}: a line in `runs`" for run in recipes - runs),
    ]
    if faults:
        raise StageError(f"{PARAMS}: {'; '.join(sorted(faults))}")
    with replacing(PARAMS_CHECKED) as partial:
        partial.write_text(f"{PARAMS} is checked.\n")  # always the same: else all would be stale


def params_model() -> type[Block]:
    """Make the model of params.yaml: a block per problem, a dictionary of recipes per network."""
    recipes: dict[str, Any] = {
        name: (dict[Name, recipe_of(name)], ...)  # type: ignore[misc]  # only known when it runs
        for name in network_names()
    }
    return create_model("Params", __base__=Problems, **recipes)


if __name__ == "__main__":
    run_stage(main)
