"""Random translation of the training images (data augmentation)."""

import numpy as np


def translated(
    images: np.ndarray, max_translation: int, generator: np.random.Generator
) -> np.ndarray:
    """Translate each image at random, by up to `max_translation` pixels along both axes.

    `images` and the result have the shape (n, rows, columns) and the same type. Pixels that enter
    from outside are background, 0.
    """
    margin = (max_translation, max_translation)
    padded = np.pad(images, ((0, 0), margin, margin))
    windows = np.lib.stride_tricks.sliding_window_view(padded, images.shape[1:], axis=(1, 2))
    rows, columns = generator.integers(0, 2 * max_translation + 1, (2, len(images)))
    return windows[np.arange(len(images)), rows, columns]
