"""The parameters of fashion_mlp."""

from typing import Literal, Self

from stages.core.params import BelowOne, TrainingRecipe

from pydantic import model_validator


class Recipe(TrainingRecipe):
    """How fashion_mlp is trained."""

    device: Literal["cpu", "auto"]
    optimizer: Literal["sgd", "adam", "adamw"]
    horizontal_flip: bool
    test_time_augmentation: bool
    dropout: BelowOne
    label_smoothing: BelowOne

    @model_validator(mode="after")
    def _momentum_is_of_sgd(self) -> Self:
        if self.optimizer != "sgd" and self.momentum:
            raise ValueError(f"momentum is of sgd only; set it to 0.0 with {self.optimizer}")
        return self
