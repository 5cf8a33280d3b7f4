"""Table of probes of encoders and of controls."""

import dataclasses
from typing import Any

import keras
import numpy as np

from tl_keras.checks import InputError, check_number
from tl_keras.data.classes import check_same_names
from tl_keras.data.dataset import ImageDataset
from tl_keras.evaluation.encoders.clusters import (
    adjusted_mutual_information,
    cluster_features,
    purity,
)
from tl_keras.evaluation.encoders.probes import extract_features, knn_probe, linear_probe, unit_rows
from tl_keras.models.backbones.untrained import untrained_copy
from tl_keras.models.signature import image_shape
from tl_keras.training.fine_tuning.inputs import random_part

PCA_COMPONENTS = 50
_FITTED = 5000  # images used to fit PCA
_MEASURED = 512  # images used for the statistics of an untrained network


@dataclasses.dataclass(frozen=True)
class FeatureSet:
    """Features of the training and test images from one source.

    Attributes:
        name: name in the table.
        train, test: float32 (n, d) and (m, d).
    """

    name: str
    train: np.ndarray
    test: np.ndarray


def probe_table(
    encoders: dict[str, keras.Model | str],
    train: Any,
    test: Any,
    *,
    unlabelled: Any = None,
    controls: bool = True,
    k: int = 20,
    batch_size: int = 128,
    seed: int = 0,
) -> list[dict]:
    """Evaluates encoders and controls in the same way, one row each.

    The features of a row are probed with the labels of `train` (a linear probe, nearest
    neighbours). They are also clustered without labels: k-means on the features of the test images,
    scaled to length 1, with as many clusters as classes.

    Args:
        encoders: dict of name and encoder, see `extract_features`.
        train, test: labelled `ImageDataset`s.
        unlabelled: `ImageDataset` used in addition to fit PCA and the statistics of untrained
            networks; None for `train` alone.
        controls: whether to add controls: each network with random weights, PCA of the pixels (50
            components) and the pixels themselves.
        k: int, neighbours.
        batch_size: images per batch.
        seed: int, seed of all random numbers.

    Returns:
        A list of dicts ready for JSON: "features" (a name), "dimensions", "linear_probe" and
        "knn_probe" (as those functions return them), "purity" and "ami"
        (see `adjusted_mutual_information`).

    Raises:
        InputError: labels are missing, of one class only, or do not fit.
    """
    check_number("k", k, minimum=1, integer=True)
    for part in (train, test):
        if not isinstance(part, ImageDataset) or part.labels is None or not len(part):
            raise InputError("Expected labelled ImageDatasets to probe with; received another.")
    check_same_names(train, test, "test")
    if not encoders:
        raise InputError("Expected at least one encoder; received none.")
    seen = train if unlabelled is None else unlabelled
    return [
        _row(features, train.labels, test.labels, k, seed)
        for features in _all_features(encoders, train, test, seen, controls, batch_size, seed)
    ]


def pixel_features(
    train: ImageDataset,
    test: ImageDataset,
    seen: ImageDataset,
    image_size: tuple[int, int],
    *,
    components: int = PCA_COMPONENTS,
    seed: int = 0,
) -> list[FeatureSet]:
    """Returns the features without a network: PCA of the pixels, and the pixels themselves.

    Args:
        train, test: `ImageDataset`s.
        seen: `ImageDataset` used to fit the components, at most 5,000 of its images.
        image_size: (height, width) to which the images are resized.
        components: int, limited by the number of images and pixels.
        seed: int, seed of the choice among `seen` and of the solver of PCA.

    Returns:
        [`FeatureSet`, `FeatureSet`]
    """
    from sklearn.decomposition import PCA

    fitted = pixel_rows(random_part(seen, _FITTED, seed), image_size)
    pca = PCA(min(components, *fitted.shape), random_state=seed).fit(fitted)
    pixels = [pixel_rows(part, image_size) for part in (train, test)]
    return [
        FeatureSet("PCA of pixels", *(pca.transform(x) for x in pixels)),
        FeatureSet("pixels", *pixels),
    ]


def _all_features(encoders, train, test, seen, controls, batch_size, seed):
    """Yields a `FeatureSet` for each row; only one is in memory at a time."""
    for name, encoder in encoders.items():
        encoder = getattr(encoder, "encoder", encoder)
        yield _encoded(name, encoder, train, test, batch_size)
        if controls:
            *size, channels = image_shape(encoder)
            some = random_part(seen, _MEASURED, seed)
            images = next(iter(some.pipeline(len(some), image_size=size, channels=channels)))
            images = images[0] if isinstance(images, tuple) else images
            untrained = untrained_copy(encoder, images, seed=seed)
            yield _encoded(f"{name}, untrained", untrained, train, test, batch_size)
    if controls:
        yield from pixel_features(train, test, seen, size, seed=seed)


def _encoded(name, encoder, train, test, batch_size):
    parts = (extract_features(encoder, part, batch_size=batch_size) for part in (train, test))
    return FeatureSet(name, *parts)


def _row(features, train_labels, test_labels, k, seed):
    data = (features.train, train_labels, features.test, test_labels)
    num_clusters = min(len(np.unique(train_labels)), len(features.test))
    found = cluster_features(unit_rows(features.test), num_clusters, seed=seed)
    return {
        "features": features.name,
        "dimensions": features.train.shape[1],
        "linear_probe": linear_probe(*data, seed=seed),
        "knn_probe": knn_probe(*data, k=k),
        "purity": purity(test_labels, found.numbers),
        "ami": adjusted_mutual_information(test_labels, found.numbers),
    }


def pixel_rows(dataset: ImageDataset, image_size: tuple[int, int]) -> np.ndarray:
    """Returns pixels from 0 to 1 as rows, float32 (n, h * w * c); grey images have one channel."""
    images = dataset.decoded(tuple(image_size))
    images = images[..., :1] if dataset.is_grayscale else images
    return images.reshape(len(images), -1).astype(np.float32) / 255
