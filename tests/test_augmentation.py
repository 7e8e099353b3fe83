"""Data augmentation: random translations and flips, and the views at test time."""

from stages.networks.common.augmentation import flipped, translated
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


def test_flipped_images_are_the_images_or_their_mirror_images() -> None:
    generator = np.random.default_rng(11)
    images = generator.integers(1, 256, (200, 6, 6), dtype=np.uint8)
    changed = flipped(images, generator)
    as_they_are = (changed == images).all(axis=(1, 2))
    from_the_right = (changed == np.flip(images, axis=2)).all(axis=(1, 2))
    assert (as_they_are | from_the_right).all()
    assert 60 < from_the_right.sum() < 140  # five standard deviations are 35


def test_views_are_the_images_moved_in_four_directions_and_flipped() -> None:
    images = np.arange(1, 10, dtype=np.uint8).reshape(1, 3, 3)
    moved = ["123456789", "000123456", "456789000", "012045078", "230560890"]
    flips = ["321654987", "000321654", "654987000", "210540870", "032065098"]

    def text(found: list[np.ndarray]) -> list[str]:
        return sorted("".join(map(str, view.flatten())) for view in found)

    assert text(views(images, 1, flip=True)) == sorted(moved + flips)
    assert text(views(images, 1, flip=False)) == sorted(moved)
    assert text(views(images, 0, flip=True)) == [moved[0], flips[0]]
    assert text(views(images, 0, flip=False)) == [moved[0]]
