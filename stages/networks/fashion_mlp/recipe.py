"""The parameters of fashion_mlp."""

from typing import Literal

from stages.core.params import TrainingRecipe


class Recipe(TrainingRecipe):
    """How fashion_mlp is trained."""

    device: Literal["cpu", "auto"]
    optimizer: Literal["sgd", "adamw"]
