"""Callback that saves image grids during training and a film strip at the end."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
from PIL import Image

from tl_keras.checks import InputError, check_number
from tl_keras.files import replacing
from tl_keras.reports.figures.image_grids import film_strip, image_grid

_COLUMNS = 8
_MOST_MOMENTS = 12  # rows of a film strip
_SEED = 0


class ImageGrids(keras.callbacks.Callback):
    """Saves images from an `Autoencoder`, `VAE` or `GAN`, always from the same starting points.

    It writes `epoch_0000.png` before training, then `epoch_0005.png` and so on. When training ends
    it writes `film_strip.png`, a row for each of at most twelve epochs, the earliest on top.

    Example:
        gan.fit(x, epochs=20, callbacks=[ImageGrids("runs/gan/grids", every=5)])

    Args:
        folder: str or Path; created if missing.
        every: int, epochs between grids. Defaults to 1.
        n: int, images per grid. Defaults to 64.
        images: (m, h, w) or (m, h, w, c), 0-255, to show beside the results of
            `reconstruct`. None, the default, shows `sample(n, seed=...)`.
        scale: int, factor of enlargement. Defaults to 2.

    Raises:
        InputError: a number is below 1, the model lacks the method, or the folder cannot be
            written.
    """

    state_names = ("_moments",)

    def __init__(
        self,
        folder: str | Path,
        every: int = 1,
        n: int = 64,
        *,
        images: np.ndarray | None = None,
        scale: int = 2,
    ) -> None:
        super().__init__()
        self.folder = Path(folder)
        self.every = check_number("every", every, minimum=1, integer=True)
        self.n = check_number("n", n, minimum=1, integer=True)
        self.scale = check_number("scale", scale, minimum=1, integer=True)
        self.images = None if images is None else np.asarray(images)[: self.n]

    def on_train_begin(self, logs: dict | None = None) -> None:
        method = "sample" if self.images is None else "reconstruct"
        if not hasattr(self.model, method):
            raise InputError(
                f"Expected a model with {method}() for the image grids; received "
                f"{type(self.model).__name__}. An Autoencoder needs images=... to reconstruct."
            )
        self._moments = []
        self._show("epoch_0000.png")

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if (epoch + 1) % self.every == 0:
            self._show(f"epoch_{epoch + 1:04}.png")

    def on_train_end(self, logs: dict | None = None) -> None:
        count = len(self._moments)
        chosen = np.unique(np.linspace(0, count - 1, min(count, _MOST_MOMENTS)).round().astype(int))
        rows = [self._moments[moment] for moment in chosen]
        if self.images is not None:
            rows.append(as_images(self.images[:_COLUMNS]))  # the originals, below
        self._write("film_strip.png", film_strip(rows, columns=_COLUMNS, scale=self.scale))

    def _show(self, name):
        if self.images is None:
            made = as_images(self.model.sample(self.n, seed=_SEED))
            grid, columns = made, None
        else:
            made = as_images(self.model.reconstruct(self.images))
            grid, columns = beside(as_images(self.images), made), _COLUMNS
        self._moments.append(made[:_COLUMNS].copy())
        self._write(name, image_grid(grid, columns, scale=self.scale))

    def _write(self, name, image):
        with replacing(self.folder / name) as path:
            Image.fromarray(image).save(path)


def as_images(images: Any) -> np.ndarray:
    """Returns images 0-255 of any number type as uint8 (n, h, w, c)."""
    images = np.asarray(images)
    images = np.clip(np.round(images), 0, 255).astype(np.uint8)
    return images[..., None] if images.ndim == 3 else images


def beside(originals: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Returns originals and others in alternation, (2n, h, w, c): pairs in a grid of even width."""
    return np.stack([originals, others], 1).reshape(-1, *originals.shape[1:])
