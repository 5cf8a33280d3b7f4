"""Small grey and coloured images for the label-free models."""

import numpy as np


def blobs(count=32, side=8, channels=None, seed=0):
    """Bright squares on black, uint8 (n, side, side) or (n, side, side, channels)."""
    rng = np.random.default_rng(seed)
    images = np.zeros((count, side, side), np.uint8)
    for image, (row, column) in zip(images, rng.integers(0, side - 2, (count, 2)), strict=True):
        image[row : row + 3, column : column + 3] = rng.integers(100, 256)
    if channels is None:
        return images
    return (images[..., None] * np.linspace(1, 0.5, channels)).astype(np.uint8)


def noisy(count=32, side=8, seed=0):
    """Pixels of every grey, uint8 (n, side, side)."""
    return np.random.default_rng(seed).integers(0, 256, (count, side, side), dtype=np.uint8)
