"""Images changed at random, so that a network sees others in each epoch, and their views."""

import numpy as np


def shifted(images: np.ndarray, pixels: int, generator: np.random.Generator) -> np.ndarray:
    """The images, each moved by up to so many pixels across and along, at random.

    They have the shape (n, rows, columns), and so has the result, of the same type. What moves in
    from outside is background, 0.
    """
    padded = np.pad(images, ((0, 0), (pixels, pixels), (pixels, pixels)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, images.shape[1:], axis=(1, 2))
    rows, columns = generator.integers(0, 2 * pixels + 1, (2, len(images)))
    return windows[np.arange(len(images)), rows, columns]


def mirrored(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The images, (n, rows, columns), each left as it is or mirrored, left for right, at random."""
    chosen = generator.integers(0, 2, (len(images), 1, 1), dtype=bool)
    return np.where(chosen, images[:, :, ::-1], images)


def views(images: np.ndarray, pixels: int, mirror: bool) -> list[np.ndarray]:
    """What `shifted` and `mirrored` may make of the images, without the corners.

    As they are and moved by so many pixels, if any, down, up, right and left; with `mirror`, all of
    these mirrored as well. Each view has the images' shape, (n, rows, columns).
    """
    padded = np.pad(images, ((0, 0), (pixels, pixels), (pixels, pixels)))
    rows, columns = images.shape[1:]
    moves = {(0, 0), (pixels, 0), (-pixels, 0), (0, pixels), (0, -pixels)}
    moved = [
        padded[:, pixels - down :, pixels - right :][:, :rows, :columns]
        for down, right in sorted(moves)
    ]
    return moved + [view[:, :, ::-1] for view in moved] if mirror else moved
