"""Images from a trained generator."""

import keras
import numpy as np

from tl_keras.checks import InputError, check_number
from tl_keras.models.gan.inputs import to_pixels

_BATCH_SIZE = 256


class GeneratorSampling:
    """Mixin with the sampling methods of `GAN`, which defines the networks."""

    def draw_latent(self, n, seed=None):
        """Draws latent points, float32 (n, latent_dim), from the standard normal distribution.

        Args:
            n: int, at least 1.
            seed: int, for reproducible points. None, the default, draws new points in each call.
        """
        check_number("n", n, minimum=1, integer=True)
        seed = self.sample_seeds if seed is None else seed
        return np.asarray(keras.random.normal((n, self.latent_dim), seed=seed))

    def sample(self, n, labels=None, seed=None):
        """Generates `n` images.

        Args:
            n: int, at least 1.
            labels: class of each image, an int or (n,) ints, with num_classes only. Defaults to
                0, 1, 2, ..., repeated.
            seed: int, for reproducible images. None, the default, draws new images in each call.

        Returns:
            uint8 (n, h, w, c), 0-255.

        Raises:
            InputError: an argument is out of range, or labels are given without num_classes.
        """
        return self.generate(self.draw_latent(n, seed), labels)

    def interpolate(self, a, b, n=8, labels=None):
        """Generates images between one latent point and another.

        The path is the arc of a circle. Points on the straight line between two draws are nearer to
        zero than any draw, and the generator was not trained on such points.

        Args:
            a, b: latent points, (latent_dim,).
            n: int, at least 2, number of images including both ends. Defaults to 8.
            labels: as in `sample`. Defaults to class 0 for all.

        Returns:
            uint8 (n, h, w, c), 0-255.

        Reference:
            White 2016, arXiv 1609.04468.
        """
        check_number("n", n, minimum=2, integer=True)
        points = spherical(self._latent(a)[0], self._latent(b)[0], n)
        return self.generate(points, 0 if self.num_classes and labels is None else labels)

    def generate(self, latent, labels=None, *, average=True):
        """Generates the images of given latent points.

        Args:
            latent: (n, latent_dim).
            labels: as in `sample`.
            average: bool, whether to use the average of the generator's weights. Defaults to True.

        Returns:
            uint8 (n, h, w, c), 0-255.
        """
        latent = self._latent(latent)
        classes = self._class_rows(len(latent), labels)
        network = self.average_generator if average else self.generator
        parts = []
        for start in range(0, len(latent), _BATCH_SIZE):
            rows = slice(start, start + _BATCH_SIZE)
            inputs = latent[rows] if classes is None else [latent[rows], classes[rows]]
            parts.append(to_pixels(network(inputs, training=False)))
        return np.concatenate(parts)

    def _latent(self, points):
        points = np.atleast_2d(np.asarray(points, np.float32))
        if points.ndim != 2 or points.shape[1] != self.latent_dim or not len(points):
            raise InputError(
                f"Expected latent points of length {self.latent_dim}; received shape "
                f"{points.shape}. Draw some with draw_latent(n)."
            )
        return points

    def _class_rows(self, count, labels):
        """Returns one-hot classes, float32 (count, num_classes), or None without classes."""
        if not self.num_classes:
            if labels is None:
                return None
            raise InputError(
                "Expected no labels for a GAN without num_classes; received some. Build it with "
                "num_classes and train it on (x, y)."
            )
        labels = np.arange(count) % self.num_classes if labels is None else np.asarray(labels)
        whole = np.issubdtype(labels.dtype, np.integer) and labels.shape in ((), (count,))
        if not whole or labels.min() < 0 or labels.max() >= self.num_classes:
            raise InputError(
                f"Expected labels as an int or {count} ints from 0 to {self.num_classes - 1}; "
                f"received {labels.dtype} of shape {labels.shape}."
            )
        return np.eye(self.num_classes, dtype=np.float32)[np.broadcast_to(labels, (count,))]


def spherical(a, b, n):
    """Returns `n` points from `a` to `b`, (d,) each, as float32 (n, d).

    Directions rotate at constant speed and lengths change linearly. Both ends are exact.
    """
    lengths = np.linalg.norm(a), np.linalg.norm(b)
    cosine = np.dot(a, b) / max(lengths[0] * lengths[1], 1e-12)
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    part = np.linspace(0.0, 1.0, n)[:, None]
    if np.sin(angle) < 1e-6:  # no plane of rotation
        return ((1 - part) * a + part * b).astype(np.float32)
    turned = np.sin((1 - part) * angle) * a / lengths[0] + np.sin(part * angle) * b / lengths[1]
    length = (1 - part) * lengths[0] + part * lengths[1]
    return (length * turned / np.sin(angle)).astype(np.float32)
