"""The learning rate of every step."""

from stages.core.params import TrainingRecipe

import numpy as np


def learning_rates(recipe: TrainingRecipe, epoch: int, steps: int) -> list[float]:
    """Return the learning rate of each of the steps of an epoch, which counts from zero.

    With schedule `constant` it is the recipe's `learning_rate` in all steps. With `linear` it is
    linear warmup, from zero to that in the first `warmup_fraction` of all steps of the training,
    and linear decay to zero in the rest (for warmup: Goyal et al., "Accurate, large minibatch SGD",
    2017). A step has the rate at its midpoint.
    """
    if recipe.schedule == "constant":
        return [recipe.learning_rate] * steps
    progress = (np.arange(epoch * steps, (epoch + 1) * steps) + 0.5) / (recipe.epochs * steps)
    factors = np.interp(progress, [0, recipe.warmup_fraction, 1], [0, 1, 0])
    return (recipe.learning_rate * factors).tolist()
