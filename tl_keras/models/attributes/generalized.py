"""Accuracies of seen and unseen classes, and their harmonic mean."""

import numpy as np

_OFFSETS = 201
_SCALES = np.geomspace(0.1, 1000, 61)


def class_accuracy(predicted: np.ndarray, labels: np.ndarray) -> float:
    """Returns the mean over classes of the accuracy within each, which is usual in zero-shot.

    Args:
        predicted, labels: ints (n,).

    Reference:
        Xian et al. 2017, "Zero-shot learning - the good, the bad and the ugly", arXiv 1703.04394.
    """
    right = predicted == labels
    return float(np.mean([right[labels == label].mean() for label in np.unique(labels)]))


def harmonic_mean(seen: float, unseen: float) -> float:
    """Returns 2 s u / (s + u), which is 0 if either accuracy is."""
    return 2 * seen * unseen / (seen + unseen) if seen + unseen else 0.0


def generalized_accuracies(
    scores: np.ndarray, labels: np.ndarray, is_seen: np.ndarray
) -> dict[str, float]:
    """Returns "seen", "unseen" and "harmonic_mean" where every class is a candidate.

    Args:
        scores: float (n, num_classes), the highest wins.
        labels: ints (n,).
        is_seen: bool (num_classes,).
    """
    predicted, of_seen = scores.argmax(axis=1), is_seen[labels]
    seen = class_accuracy(predicted[of_seen], labels[of_seen])
    unseen = class_accuracy(predicted[~of_seen], labels[~of_seen])
    return {"seen": seen, "unseen": unseen, "harmonic_mean": harmonic_mean(seen, unseen)}


def choose_calibration(folds: list[tuple]) -> float:
    """Chooses the offset that is taken off the scores of seen classes.

    A classifier that learned from seen classes prefers them. The offset of the highest mean
    harmonic mean over the folds is chosen, in the middle where several are the highest.

    Args:
        folds: (scores, labels, is_seen) of each, as in `generalized_accuracies`, of images that
            were not fitted; the classes that play the unseen ones were held out.

    Returns:
        The offset, in units of the scores.

    Reference:
        Calibrated stacking: Chao et al. 2016, arXiv 1605.04253.
    """
    ahead = [_lead(*fold) for fold in folds]
    offsets = np.quantile(np.concatenate(ahead), np.linspace(0, 1, _OFFSETS))
    means = [_mean_harmonic(folds, offset) for offset in offsets]
    best = np.flatnonzero(np.isclose(means, max(means), atol=1e-9))
    return float(offsets[best[len(best) // 2]])


def _lead(scores, _, is_seen):
    """Best score of a seen class less that of an unseen class, of each image."""
    return scores[:, is_seen].max(axis=1) - scores[:, ~is_seen].max(axis=1)


def _mean_harmonic(folds, offset):
    found = (generalized_accuracies(s - offset * seen, y, seen) for s, y, seen in folds)
    return np.mean([each["harmonic_mean"] for each in found])


def choose_scale(parts: list[tuple]) -> float:
    """Chooses the factor on the scores that gives their softmax the lowest log loss.

    Args:
        parts: (scores, labels) of images that were not fitted.

    Reference:
        Guo et al. 2017, "On calibration of modern neural networks", arXiv 1706.04599.
    """
    unit = np.mean([scores.std() for scores, _ in parts]) or 1.0
    losses = [np.mean([_log_loss(s * f / unit, y) for s, y in parts]) for f in _SCALES]
    return float(_SCALES[np.argmin(losses)] / unit)


def _log_loss(logits, labels):
    logits = logits - logits.max(axis=1, keepdims=True)
    return np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(labels)), labels])
