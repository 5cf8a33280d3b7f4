"""Linear classifier on features, fitted in milliseconds after each answer."""

import warnings

import numpy as np

from tl_keras.checks import InputError
from tl_keras.evaluation.encoders.clusters import check_features
from tl_keras.one_thread import one_thread

_DIRECTIONS = 128
_STRENGTH = 10.0  # scikit-learn's C, for rows of length 1


def unit_rows(features: np.ndarray, seed: int = 0) -> np.ndarray:
    """Returns features of length 1 about their mean, in at most 128 main directions.

    Args:
        features: float (n, d), finite.
        seed: int, of the search for the directions. Default 0.

    Returns:
        float32 (n, min(n, d, 128)).

    Raises:
        InputError: features are not (n, d) and finite.
    """
    from sklearn.decomposition import PCA

    rows = _of_length_1(check_features(features))
    rows = _of_length_1(rows - rows.mean(axis=0))
    with one_thread():
        if min(rows.shape) > _DIRECTIONS:
            return PCA(_DIRECTIONS, random_state=seed).fit_transform(rows)
        if rows.shape[1] > len(rows):  # so few rows lie in as few directions
            left, lengths, _ = np.linalg.svd(rows, full_matrices=False)
            return left * lengths
    return rows


def _of_length_1(rows):
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def head_probabilities(
    rows: np.ndarray, labels: np.ndarray, others: np.ndarray, num_classes: int
) -> np.ndarray:
    """Fits a logistic regression on labelled rows, and returns its probabilities for others.

    Args:
        rows: float (m, d), as from `unit_rows`.
        labels: ints (m,), 0 to num_classes - 1.
        others: float (n, d).
        num_classes: int. A class without a labelled row has probability 0.

    Returns:
        float (n, num_classes).

    Raises:
        InputError: there is no labelled row.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    present = np.unique(labels)
    if not len(present):
        raise InputError("Expected at least one labelled image; received none.")
    probabilities = np.zeros((len(others), num_classes))
    if len(present) == 1:
        probabilities[:, present[0]] = 1
        return probabilities
    with one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "The number of unique classes")  # few labels are usual
        head = LogisticRegression(C=_STRENGTH, max_iter=200).fit(rows, labels)
        probabilities[:, present] = head.predict_proba(others)
    return probabilities
