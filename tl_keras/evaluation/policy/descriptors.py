"""Figures of a labelled training set, from its images and their frozen features."""

import numpy as np

from tl_keras.data.dataset import ImageDataset
from tl_keras.evaluation.encoders.leave_one_out import knn_left_out
from tl_keras.evaluation.encoders.probes import unit_rows
from tl_keras.evaluation.policy.logme import logme
from tl_keras.training.fine_tuning.linear_start import fit_linear_start

NAMES = (
    *("classes", "images", "labels_per_class", "rarest", "side", "grey"),
    *("linear_accuracy", "linear_loss", "knn_accuracy", "prototype_accuracy", "logme"),
)
_LOOKED_AT = 32  # images whose size and colours are read
_NEIGHBOURS = 5


def describe(dataset: ImageDataset, features: np.ndarray, *, seed: int = 0) -> dict[str, float]:
    """Returns the descriptors of a training set, {name of `NAMES`: number}.

    Only these images are used. linear_accuracy and linear_loss are those of the linear start on
    images that its folds hold out, and NaN with one image of each class. knn_accuracy and
    prototype_accuracy leave out one image at a time. Images of a group are left out together.

    Args:
        dataset: labelled training images, with groups or without; each class has one at least.
        features: float (n, d), of a frozen backbone.
        seed: of the folds.
    """
    labels = np.asarray(dataset.labels)
    counts = np.bincount(labels, minlength=dataset.num_classes)
    return {
        "classes": float(dataset.num_classes),
        "images": float(len(labels)),
        "labels_per_class": len(labels) / dataset.num_classes,
        "rarest": float(counts.min()),
        **_of_pixels(dataset),
        **of_features(features, labels, dataset.num_classes, seed=seed, groups=dataset.groups),
    }


def of_features(
    features: np.ndarray,
    labels: np.ndarray,
    num_classes: int,
    *,
    seed: int = 0,
    groups: np.ndarray | None = None,
) -> dict[str, float]:
    """Returns those descriptors that come from features (n, d), labels and groups (n,) alone."""
    start = fit_linear_start(features[None], labels, num_classes, seed=seed, groups=groups)
    accuracy, loss = held_out_figures(start.probabilities, labels)
    return {
        "linear_accuracy": accuracy,
        "linear_loss": loss,
        "knn_accuracy": knn_left_out(features, labels, k=_NEIGHBOURS, groups=groups),
        "prototype_accuracy": prototype_left_out(features, labels, groups),
        "logme": logme(unit_rows(features), labels),
    }


def held_out_figures(probabilities: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Returns accuracy and mean log loss of the rows that were held out; NaN for none."""
    held = ~np.isnan(probabilities[:, 0])
    if not held.any():
        return float("nan"), float("nan")
    own, rows = labels[held], probabilities[held]
    right = rows[np.arange(len(own)), own].astype(np.float64)
    loss = -np.log(np.maximum(right, np.finfo(np.float32).tiny)).mean()
    return float(np.mean(rows.argmax(axis=1) == own)), float(loss)


def prototype_left_out(
    features: np.ndarray, labels: np.ndarray, groups: np.ndarray | None = None
) -> float:
    """Returns the accuracy of the nearest prototype with each image left out of its own.

    The images of its group, ints (n,), are left out with it where they are of its class. A class in
    one group is not asked for, and without groups a class of one image. NaN if no class is left.
    """
    rows = unit_rows(features).astype(np.float64)
    counts = np.bincount(labels)
    out, places = _left_out(labels, groups)
    asked = np.flatnonzero(counts[labels] > out[places])
    if not len(asked):
        return float("nan")
    sums, left = np.zeros((len(counts), rows.shape[1])), np.zeros((len(out), rows.shape[1]))
    np.add.at(sums, labels, rows)
    np.add.at(left, places, rows)
    means = sums / np.maximum(counts, 1)[:, None]
    scores = rows @ means.T - np.square(means).sum(axis=1) / 2
    scores[:, counts == 0] = -np.inf
    own = sums[labels] - left[places]
    own /= np.maximum(counts[labels] - out[places], 1)[:, None]
    scores[np.arange(len(rows)), labels] = (rows * own).sum(1) - np.square(own).sum(1) / 2
    return float(np.mean(scores[asked].argmax(axis=1) == labels[asked]))


def _left_out(labels, groups):
    """Returns (sizes of the sets of images left out together, set of each image (n,))."""
    if groups is None:
        return np.ones(len(labels), int), np.arange(len(labels))
    pairs = np.stack([labels, groups], axis=1)
    _, places, sizes = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    return sizes, places.reshape(-1)


def _of_pixels(dataset):
    """Median side in pixels and share of grey images, of some that are spread evenly."""
    rows = np.unique(np.linspace(0, len(dataset) - 1, min(_LOOKED_AT, len(dataset))).astype(int))
    images = [dataset.load(row) for row in rows]
    grey = [(image[..., :1] == image).all() for image in images]
    return {
        "side": float(np.median([min(image.shape[:2]) for image in images])),
        "grey": float(np.mean(grey)),
    }
