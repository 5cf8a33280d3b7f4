"""Accuracies among unseen classes and among all, for files, lines and page."""

import dataclasses

import numpy as np

from tl_keras.evaluation.classifiers.classification import accuracy_interval
from tl_keras.jobs.few_labels.zero_shot.described_images import DescribedImages
from tl_keras.models.attributes.class_scores import ClassScores


@dataclasses.dataclass(frozen=True, eq=False)
class ZeroShotPredictions:
    """Predictions of the test images of a zero-shot run.

    Attributes:
        labels: ints (n,), rows of the descriptions.
        among_all: float32 (n, num_classes), probabilities with all classes as candidates.
        among_unseen: float32 (n, num_classes), with the unseen ones; 0 for the others.
        attributes: float (n, columns), predicted attributes.
    """

    labels: np.ndarray
    among_all: np.ndarray
    among_unseen: np.ndarray
    attributes: np.ndarray


def predict_test(
    classifier: ClassScores, features: np.ndarray, labels: np.ndarray
) -> ZeroShotPredictions:
    """Returns the predictions of test images."""
    unseen = np.flatnonzero(~classifier.seen)
    among = np.zeros((len(labels), len(classifier.seen)), np.float32)
    among[:, unseen] = classifier.predict(features, classes=unseen.tolist())
    return ZeroShotPredictions(
        labels, classifier.predict(features), among, classifier.predict_attributes(features)
    )


def figures_of(
    classifier: ClassScores,
    features: np.ndarray,
    images: DescribedImages,
    found: ZeroShotPredictions,
) -> dict:
    """Returns the figures of metrics.json, without times."""
    names, labels = np.array(images.descriptions.class_names, object), images.test.labels
    rows = images.unseen[labels]
    accuracy = classifier.evaluate(features, labels, generalized=False)["accuracy"]
    return {
        "unseen_classes": names[images.unseen].tolist(),
        "seen_classes": names[~images.unseen].tolist(),
        "accuracy_among_unseen": accuracy,
        "interval": list(accuracy_interval(accuracy, int(rows.sum()))),
        "by_chance": 1 / int(images.unseen.sum()),
        "generalized": classifier.evaluate(features, labels, generalized=True),
        "chosen": {name: choice._asdict() for name, choice in classifier.choices._asdict().items()},
        "attributes": _attributes(images, found),
        "pictures": {"train": len(images.train), "test": len(labels), "unseen": int(rows.sum())},
        "features": features.shape[1],
    }


def _attributes(images, found):
    """Share of the unseen classes' images whose attribute of two values is predicted right."""
    values = images.descriptions.values
    rows = images.unseen[images.test.labels]
    truth, predicted = values[images.test.labels[rows]], found.attributes[rows]
    shares = {}
    for column, name in enumerate(images.descriptions.columns):
        levels = np.unique(values[:, column])
        if len(levels) == 2 and np.isfinite(predicted[:, column]).all():
            right = (predicted[:, column] > levels.mean()) == (truth[:, column] > levels.mean())
            shares[name] = float(right.mean())
    return shares
