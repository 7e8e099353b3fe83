"""Random translation of the training images (data augmentation)."""

import numpy as np


def translated(
    images: np.ndarray, max_translation: int, generator: np.random.Generator
) -> np.ndarray:
    """Translate each image at random, by up to `max_translation` pixels along both axes.

    `images` and the result have the shape (n, rows, columns) and the same type. Pixels that enter
    from outside are background, 0.
    """
    count, height, width = images.shape
    m = max_translation
    padded = np.zeros((count, height + 2 * m, width + 2 * m), images.dtype)
    padded[:, m : m + height, m : m + width] = images
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))
    rows, columns = generator.integers(0, 2 * m + 1, (2, count))
    return windows[np.arange(count), rows, columns]
