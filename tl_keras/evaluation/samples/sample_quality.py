"""Metrics of generated images in the features of a small classifier."""

from typing import Any

import keras
import numpy as np

from tl_keras.checks import InputError, check_number
from tl_keras.data.array_checks import check_pixels
from tl_keras.evaluation.samples.frechet import frechet_distance
from tl_keras.evaluation.samples.manifolds import precision_and_recall
from tl_keras.models.baselines.cnn import CNN
from tl_keras.models.signature import image_shape
from tl_keras.training.fine_tuning.inputs import labelled, random_part
from tl_keras.training.whole.from_scratch import fit_from_scratch

_MOST = 10_000  # maximum rows per set
_BATCH_SIZE = 256


def fit_sample_classifier(
    train: Any, *, epochs: int = 3, limit: int = 20_000, seed: int = 0
) -> keras.Model:
    """Trains the classifier whose features are used to evaluate samples: `CNN` "small".

    Args:
        train: labelled images, see `fit_from_scratch`.
        epochs: int. Defaults to 3.
        limit: int, maximum number of training images, drawn at random. Defaults to 20,000.
        seed: int, seed of the draw and of the order. Defaults to 0. For reproducible initial
            weights call `keras.utils.set_random_seed`.

    Returns:
        Trained `CNN`.

    Raises:
        InputError: there are no labels.
    """
    check_number("limit", limit, minimum=1, integer=True)
    train = random_part(labelled(train, None, split="train"), limit, seed)
    model = CNN(max(train.num_classes, 2), "small")
    fit_from_scratch(model, train, epochs=epochs, seed=seed, augment="none")
    return model


def classifier_features(
    classifier: keras.Model, images: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the features and predicted classes of images.

    Args:
        classifier: built `CNN`, `MLP` or other baseline of this project.
        images: (n, h, w) or (n, h, w, c), 0-255, at its input size.

    Returns:
        (float32 (n, d), inputs of its last layer; int64 (n,), the most probable classes).
    """
    features, classes = [], []
    images = np.asarray(images)
    for start in range(0, len(images), _BATCH_SIZE):
        batch = images[start : start + _BATCH_SIZE].astype(np.float32)
        features.append(np.asarray(classifier.features(batch), np.float32))
        classes.append(np.asarray(classifier.predictions(features[-1])).argmax(1))
    return np.concatenate(features), np.concatenate(classes)


def evaluate_samples(
    samples: np.ndarray,
    real: np.ndarray,
    classifier: keras.Model,
    *,
    held_out: np.ndarray | None = None,
    k: int = 3,
) -> dict[str, Any]:
    """Compares samples with real images, and held-out real images in the same way.

    Distances are between features of `classifier`. They are comparable for one classifier and one
    number of samples only, and are not the "FID". The floor is the result of real images that are
    not in `real`. No generator can be expected to have a lower Fréchet distance. Every figure
    depends on the number of images, so equal numbers of samples and held-out images are used. Of
    the larger set a fixed random part is used.

    Args:
        samples: (n, h, w, c), 0-255, at least k + 1.
        real: training images of the generator, (m, h, w, c) or (m, h, w), 0-255. Of any set at most
            10,000 images are used.
        classifier: see `fit_sample_classifier`.
        held_out: other real images, at least k + 1 and preferably as many as samples; None for no
            floor.
        k: int, neighbours for precision and recall. Defaults to 3.

    Returns:
        dict: "num_samples" (used), "num_real"; "frechet_distance"; "precision", "recall";
        "class_shares" (list, num_classes), "classes_covered" (those with at least one sample),
        "smallest_share"; and "floor", a dict of the same for `held_out`, or None.

    Raises:
        InputError: there are too few images, or their size or scale does not fit the classifier.
    """
    real = _rows("real", real, classifier, k)
    reference, _ = classifier_features(classifier, real)
    samples = _rows("samples", samples, classifier, k)
    floor = None
    if held_out is not None:
        held_out = _rows("held_out", held_out, classifier, k)
        most = min(len(samples), len(held_out))
        samples, held_out = _some(samples, most), _some(held_out, most)
        floor = _measure(held_out, reference, classifier, k)
    return {**_measure(samples, reference, classifier, k), "floor": floor}


def class_shares(classes: np.ndarray, num_classes: int) -> np.ndarray:
    """Returns the share of each class, float64 (num_classes,), in class numbers (n,)."""
    return np.bincount(classes, minlength=num_classes) / len(classes)


def _measure(images, reference, classifier, k):
    features, classes = classifier_features(classifier, images)
    # Equal numbers, because a larger set would span a larger manifold.
    most = min(len(features), len(reference))
    precision, recall = precision_and_recall(_some(features, most), _some(reference, most), k)
    shares = class_shares(classes, classifier.num_classes)
    return {
        "num_samples": len(features),
        "num_real": len(reference),
        "frechet_distance": frechet_distance(features, reference),
        "precision": precision,
        "recall": recall,
        "class_shares": shares.tolist(),
        "classes_covered": int(np.count_nonzero(shares)),
        "smallest_share": float(shares.min()),
    }


def _rows(name, images, classifier, k):
    """Returns checked images, at most 10,000."""
    images = np.asarray(images)
    images = images[..., None] if images.ndim == 3 else images
    if images.shape[1:] != tuple(image_shape(classifier)) or len(images) <= k:
        raise InputError(
            f"Expected more than {k} images of shape {image_shape(classifier)}, which the "
            f"classifier takes; received shape {images.shape}."
        )
    return _some(check_pixels(images, name), _MOST)


def _some(rows, most):
    """Returns at most `most` rows, drawn at random, because sorted rows may be of one class."""
    if len(rows) <= most:
        return rows
    return rows[np.sort(np.random.default_rng(0).permutation(len(rows))[:most])]
