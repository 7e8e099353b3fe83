"""Networks, imported by name: a network is a folder stages/networks/NAME with three modules.

recipe.py     Recipe: the pydantic model of its blocks in params.yaml, with `epochs` and
                  `validation_images`
training.py   make_network(recipe) -> network
              train(network, recipe, (images, labels)) -> the training loss of the untrained
                  network, then of each epoch
inference.py  log_probabilities(network, images, recipe) -> those of the images as they are, for
                  the history
              predict(network, images, recipe) -> those of the predictions: the same, or with
                  test-time augmentation
              save(network, path), load(path, recipe) -> network
"""

from importlib import import_module
from pathlib import Path
from types import ModuleType

from stages.core.params import Block, load_params
from stages.core.paths import Run
from stages.core.stage import StageError

FOLDER = Path(__file__).parents[1] / "networks"


def module_of(network: str, module: str) -> ModuleType:
    """Import a module of a network's folder. Raises StageError if there is no such network."""
    names = network_names()
    if network not in names:
        raise StageError(f"there is no network {network!r}; there are {', '.join(names)}")
    return import_module(f"stages.networks.{network}.{module}")


def network_names() -> list[str]:
    """Name the networks that there are."""
    return sorted(path.parent.name for path in FOLDER.glob("*/recipe.py"))


def load_recipe(run: Run) -> Block:
    """Read the recipe of a run from params.yaml.

    Raises StageError that names every value that is unknown, missing or impossible.
    """
    return load_params(module_of(run.network, "recipe").Recipe, run.network, run.recipe)
