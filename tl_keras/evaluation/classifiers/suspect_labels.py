"""Labels that are probably wrong, found from the probabilities of images that were held out."""

import dataclasses

import numpy as np

from tl_keras.checks import InputError

_SHARPNESSES = np.geomspace(0.25, 8, 31)  # powers of the probabilities
LEAST_SHARE = 0.01  # of wrong labels; published test sets have some three in a hundred
_SHARES = np.geomspace(LEAST_SHARE, 0.5, 30)
_RIGHT = 20  # labels as if seen to be right: of a few, most cannot be said to be wrong
_LEAST = 1e-12  # probability


@dataclasses.dataclass(frozen=True, eq=False)
class SuspectLabels:
    """Labels and how probably each of them is wrong.

    Attributes:
        wrong: float64 (n,), probability that the label is wrong; 0 where nothing is known.
        guesses: int64 (n,), the most probable class.
        given: float64 (n,), probability of the label by the images of the other folds.
        share: estimated share of wrong labels, at least `LEAST_SHARE`; 0 if nothing is known.
    """

    wrong: np.ndarray
    guesses: np.ndarray
    given: np.ndarray
    share: float

    @property
    def rows(self) -> np.ndarray:
        """Rows of the labels that are more probably wrong than right, the surest first."""
        order = np.argsort(-self.wrong, kind="stable")
        return order[self.wrong[order] > 0.5]


def find_suspect_labels(probabilities: np.ndarray, labels: np.ndarray) -> SuspectLabels:
    """Estimates how probably each label is wrong.

    A label is right with probability 1 - e, or else one of the other classes, each as probable.
    A classifier that saw wrong labels is too unsure, so its probabilities p are sharpened to
    q = p^a / sum(p^a). The share e and the power a maximise the likelihood of all labels; then

        P(wrong) = e (1 - q_y) / (K - 1) / ((1 - e) q_y + e (1 - q_y) / (K - 1))

    by Bayes' rule, with y the label and K the number of classes. Twenty labels more are taken to be
    right, which counts among few labels only.

    Args:
        probabilities: float (n, K), of images that the classifier was not fitted on; NaN for an
            image that was never held out.
        labels: ints (n,), 0 to K - 1.

    Returns:
        `SuspectLabels`.

    Raises:
        InputError: the shapes do not fit, or there are fewer than two classes.

    Reference:
        Northcutt, Jiang and Chuang 2021, "Confident Learning" (arXiv:1911.00068), has thresholds
        and counts per class in the place of the likelihood. `docs/check.md` compares both.
    """
    probabilities, labels = _checked(probabilities, labels)
    known = np.isfinite(probabilities).all(axis=1)
    wrong, given = np.zeros(len(labels)), np.full(len(labels), np.nan)
    guesses = labels.copy()
    if not known.any():
        return SuspectLabels(wrong, guesses, given, 0.0)
    p = np.maximum(probabilities[known], _LEAST)
    p /= p.sum(axis=1, keepdims=True)
    guesses[known] = p.argmax(axis=1)
    given[known] = p[np.arange(len(p)), labels[known]]
    own, share = _fitted(p, labels[known])
    wrong[known] = _wrong(own, share, p.shape[1])
    return SuspectLabels(wrong, guesses, given, share)


def _checked(probabilities, labels):
    probabilities = np.asarray(probabilities, np.float64)
    labels = np.asarray(labels, np.int64)
    shape = probabilities.shape
    fits = len(shape) == 2 and shape[1] >= 2 and labels.shape == shape[:1]
    if fits and ((labels >= 0) & (labels < shape[1])).all():
        return probabilities, labels
    raise InputError(
        "Expected probabilities (n, classes) of two classes or more and a label below that number "
        f"for each row; received shapes {shape} and {labels.shape}."
    )


def _fitted(p, labels):
    """Returns (sharpened probability of each label, share of wrong labels) of most likelihood."""
    best = -np.inf
    for power in _SHARPNESSES:
        own = _sharpened(p, labels, power)
        for share in _SHARES:
            likelihood = np.log(_seen(own, share, p.shape[1])).sum() + _RIGHT * np.log(1 - share)
            if likelihood > best:
                best, found = likelihood, (own, float(share))
    return found


def _sharpened(p, labels, power):
    logs = power * np.log(p)
    logs -= logs.max(axis=1, keepdims=True)
    q = np.exp(logs)
    return q[np.arange(len(q)), labels] / q.sum(axis=1)


def _seen(own, share, classes):
    """Probability of the label that was seen."""
    return (1 - share) * own + share * (1 - own) / (classes - 1)


def _wrong(own, share, classes):
    return share * (1 - own) / (classes - 1) / _seen(own, share, classes)
