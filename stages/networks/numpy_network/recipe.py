"""The parameters of numpy_network."""

from stages.core.params import BelowOne, TrainingRecipe


class Recipe(TrainingRecipe):
    """How numpy_network is trained."""

    scale_pixels: bool
    shuffle: bool
    momentum: BelowOne
