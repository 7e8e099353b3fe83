"""Networks, which the stages import by name.

A network is a folder stages/networks/NAME with three modules: `recipe`, whose `Recipe` is the
pydantic model of its blocks in params.yaml, `training` and `inference`, as below.
"""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, cast

from stages.core.params import NetworkRecipe, load_params, read_yaml
from stages.core.paths import PIPELINE, Run
from stages.core.stage import StageError

import numpy as np

FOLDER = Path(__file__).parents[1] / "networks"


class Training(Protocol):
    """What a network's module `training` defines."""

    def make_network(self, recipe: Any) -> Any:
        """Make the network that a recipe describes."""

    def train(
        self, network: Any, recipe: Any, training_set: tuple[np.ndarray, np.ndarray]
    ) -> Iterator[tuple[float, float]]:
        """Train a network, as `make_network` makes it, by a recipe.

        The training set is its images, uint8 of shape (n, 28, 28), and their labels, (n,). Yields
        the mean training loss in nats and the training accuracy: of the untrained network, then of
        each epoch, after which the network may be used.
        """


class Inference(Protocol):
    """What a network's module `inference` defines. Images are uint8 of shape (n, 28, 28)."""

    def predict(self, network: Any, images: np.ndarray, recipe: Any) -> np.ndarray:
        """Return the log-probabilities, (n, classes), of images."""

    def save(self, network: Any, path: Path, dataset: str) -> None:
        """Write the weights as safetensors, with `stages.core.numerics.provenance` as metadata."""

    def load(self, path: Path, recipe: Any) -> Any:
        """Read a network that `save` wrote. Raises ValueError or RuntimeError if it is another."""


def training_of(network: str) -> Training:
    """Import a network's module `training`. Raises StageError if there is no such network."""
    return cast(Training, _module(network, "training"))


def inference_of(network: str) -> Inference:
    """Import a network's module `inference`. Raises StageError if there is no such network."""
    return cast(Inference, _module(network, "inference"))


def recipe_of(network: str) -> type[NetworkRecipe]:
    """Return the model of a network's recipes. Raises StageError if there is no such network."""
    return cast(type[NetworkRecipe], _module(network, "recipe").Recipe)


def _module(network: str, module: str) -> ModuleType:
    names = network_names()
    if network not in names:
        raise StageError(f"there is no network {network!r}; there are {', '.join(names)}")
    return import_module(f"stages.networks.{network}.{module}")


def network_names() -> list[str]:
    """Name the networks that there are."""
    return sorted(path.parent.name for path in FOLDER.glob("*/recipe.py"))


def load_recipe(run: Run) -> NetworkRecipe:
    """Read the recipe of a run from params.yaml.

    Raises StageError that names every value that is unknown, missing or impossible.
    """
    return load_params(recipe_of(run.network), run.network, run.recipe)


def load_runs() -> dict[Run, str]:
    """Read the runs in dvc.yaml, each with the name of its data set."""
    variables = read_yaml(PIPELINE)["vars"]
    runs = [run for each in variables for run in each.get("runs", {}).values()]
    return {Run(run["network"], run["recipe"]): run["dataset"] for run in runs}
