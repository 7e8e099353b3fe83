"""Images changed at random."""

import numpy as np

from stages.lib.augmentation import mirrored, shifted


def test_shifted_images_are_the_images_moved() -> None:
    generator = np.random.default_rng(10)
    images = generator.integers(1, 256, (200, 6, 6), dtype=np.uint8)
    moves = set()
    for image, moved in zip(images, shifted(images, 1, generator), strict=True):
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


def test_mirrored_images_are_the_images_or_their_mirrors() -> None:
    generator = np.random.default_rng(11)
    images = generator.integers(1, 256, (200, 6, 6), dtype=np.uint8)
    changed = mirrored(images, generator)
    as_they_are = (changed == images).all(axis=(1, 2))
    from_the_right = (changed == np.flip(images, axis=2)).all(axis=(1, 2))
    assert (as_they_are | from_the_right).all()
    assert 60 < from_the_right.sum() < 140  # five standard deviations are 35
