"""Check params.yaml, all of it."""

from importlib import import_module
from pathlib import Path

from stages.core.networks import module_of, network_names
from stages.core.params import Block, checked, read_yaml
from stages.core.paths import PARAMS
from stages.core.stage import run_stage

from pydantic import create_model


def main() -> None:
    """Name every value in params.yaml that is unknown, missing or impossible."""
    checked(params_model(), read_yaml(PARAMS), PARAMS)


def params_model() -> type[Block]:
    """Make the model of params.yaml: a block per problem, a dictionary of recipes per network."""
    problems = {
        path.parent.name: import_module(f"stages.problems.{path.parent.name}.params").Params
        for path in sorted(Path(__file__).parent.glob("problems/*/params.py"))
    }
    recipes = {name: dict[str, module_of(name, "recipe").Recipe] for name in network_names()}
    fields = {name: (model, ...) for name, model in (problems | recipes).items()}
    return create_model("Params", __base__=Block, **fields)


if __name__ == "__main__":
    run_stage(main)
