"""Distance of features to the nearest training images, relative to the distances among these.

In Keras's own layers, so that a saved model and every export of it compute the same.
"""

import dataclasses

import keras
import numpy as np

from tl_keras.checks import InputError

MOST_REFERENCES = 4096  # training images that a model holds; of more, a random part
NEIGHBOURS = 5  # of a training image, whose mean distance is its scale
NEAREST = 3  # relative distances that are averaged
_LEAST_SCALE = 0.02  # cosine distance; copies of one image would have none
_LEAST_DEVIATION = 1e-3
_BLOCK = 1024  # rows at once


@dataclasses.dataclass(frozen=True, eq=False)
class LocalDistance:
    """Relative distance to the nearest references.

    Features have length 1. Each reference r_i has the mean cosine distance s_i to its 5 nearest
    others. The distance of u is the mean of the 3 smallest values of

        (1 - u . r_i) / s_i

    It is standardised by its mean and deviation over the references themselves.

    Attributes:
        references: float32 (n, d), of length 1.
        scales: float32 (n,), s_i.
        mean, deviation: of the distance of each reference to the others.

    Reference:
        A relative of the local outlier factor: Breunig, Kriegel, Ng & Sander (2000). Without the
        scales: Sun, Ming, Zhu & Li (2022), arXiv:2204.06507.
    """

    references: np.ndarray
    scales: np.ndarray
    mean: float
    deviation: float

    def model(self, name: str = "distance") -> keras.Model:
        """Returns a Functional model from features (b, d) to distances (b,)."""
        number, dimensions = self.references.shape
        features = keras.Input((dimensions,), name="features")
        unit = keras.layers.UnitNormalization(dtype="float32", name="unit")(features)
        dense = keras.layers.Dense(number, trainable=False, dtype="float32", name="references")
        closeness = dense(unit)
        # -(1 - u . r_i) / s_i
        dense.set_weights([(self.references / self.scales[:, None]).T, -1 / self.scales])
        largest, _ = keras.ops.top_k(closeness, min(NEAREST, number))
        mean = keras.ops.mean(largest, axis=-1)
        distance = (-mean - self.mean) / self.deviation
        return keras.Model(features, distance, name=name)


def fit_local_distance(features: np.ndarray) -> LocalDistance:
    """Returns the `LocalDistance` to training images.

    Args:
        features: float (n, d), those of `held_rows`.

    Raises:
        InputError: there are fewer than 3 images, or features are not finite.
    """
    features = np.asarray(features, np.float32)
    if len(features) < NEAREST:
        raise InputError(
            f"Expected at least {NEAREST} training images for the novelty of others; received "
            f"{len(features)}."
        )
    if not np.isfinite(features).all():
        raise InputError(
            "Expected finite features; received NaN or infinity. The backbone's weights are "
            "damaged or too large."
        )
    unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-6)
    nearest = [_mean_of_least(part, NEIGHBOURS) for part in _distances(unit)]
    scales = np.maximum(np.concatenate(nearest), _LEAST_SCALE)
    relative = np.concatenate([_mean_of_least(part / scales, NEAREST) for part in _distances(unit)])
    deviation = max(float(relative.std()), _LEAST_DEVIATION)
    return LocalDistance(unit, scales, float(relative.mean()), deviation)


def held_rows(labels: np.ndarray, seed: int = 0) -> np.ndarray:
    """Returns sorted rows of at most 4,096 images, as many of each class as its share.

    Args:
        labels: ints (n,).
        seed: of the choice among more images. Defaults to 0.
    """
    if len(labels) <= MOST_REFERENCES:
        return np.arange(len(labels))
    mixed = np.random.default_rng([seed, 5]).permutation(len(labels))
    by_class = mixed[np.argsort(labels[mixed], kind="stable")]
    places = np.linspace(0, len(labels), MOST_REFERENCES, endpoint=False).astype(int)
    return np.sort(by_class[places])


def _mean_of_least(distances, number):
    """Mean (n,) of the smallest distances of each row, where that to itself is infinite."""
    number = min(number, distances.shape[1] - 1)
    return np.partition(distances, number - 1, axis=1)[:, :number].mean(axis=1)


def _distances(unit):
    """Cosine distances (some rows, n) at a time; that of an image to itself is infinite."""
    for start in range(0, len(unit), _BLOCK):
        part = 1 - unit[start : start + _BLOCK] @ unit.T
        part[np.arange(len(part)), start + np.arange(len(part))] = np.inf
        yield part
