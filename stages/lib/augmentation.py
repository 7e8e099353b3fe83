"""Images changed at random, so that a network sees others in each epoch."""

import numpy as np


def shifted(images: np.ndarray, pixels: int, generator: np.random.Generator) -> np.ndarray:
    """The images, each moved by up to so many pixels across and along, at random.

    What moves in from outside is background, 0.
    """
    padded = np.pad(images, ((0, 0), (pixels, pixels), (pixels, pixels)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, images.shape[1:], axis=(1, 2))
    rows, columns = generator.integers(0, 2 * pixels + 1, (2, len(images)))
    return windows[np.arange(len(images)), rows, columns]


def mirrored(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The images, each left as it is or mirrored, left for right, at random."""
    chosen = generator.integers(0, 2, (len(images), 1, 1), dtype=bool)
    return np.where(chosen, images[:, :, ::-1], images)
