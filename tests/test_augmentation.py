"""Data augmentation: random translations, and the views at test time."""

from stages.networks.common.augmentation import translated
from stages.networks.fashion_mlp.inference import views

import numpy as np


def test_translated_images_are_the_images_moved() -> None:
    generator = np.random.default_rng(10)
    images = generator.integers(1, 256, (200, 6, 6), dtype=np.uint8)
    moves = set()
    for image, moved in zip(images, translated(images, 1, generator), strict=True):
        padded = np.pad(image, 1)
        found = [
            (row, column)
            for row in range(3)
            for column in range(3)
            if (moved == padded[row : row + 6, column : column + 6]).all()
        ]
        assert len(found) == 1
        moves.add(found[0])
    assert len(moves) == 9


def test_views_are_the_images_in_all_translations() -> None:
    images = np.arange(1, 10, dtype=np.uint8).reshape(1, 3, 3)
    moved = ["123456789", "000123456", "456789000", "012045078", "230560890"]
    moved += ["000012045", "000230560", "045078000", "560890000"]

    def text(found: list[np.ndarray]) -> list[str]:
        return sorted("".join(map(str, view.flatten())) for view in found)

    assert text(views(images, 1)) == sorted(moved)
    assert text(views(images, 0)) == [moved[0]]
