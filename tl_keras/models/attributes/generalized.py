"""Accuracies of seen and unseen classes, and their harmonic mean."""

import numpy as np

_OFFSETS = 101
_SCALES = np.geomspace(0.1, 1000, 61)


def class_accuracy(predicted: np.ndarray, labels: np.ndarray) -> float:
    """Returns the mean over classes of the accuracy within each, which is usual in zero-shot.

    Args:
        predicted, labels: ints (n,).

    Reference:
        Xian et al. 2017, "Zero-shot learning - the good, the bad and the ugly", arXiv 1703.04394.
    """
    counts = np.bincount(labels)
    right = np.bincount(labels, weights=predicted == labels)
    return float((right[counts > 0] / counts[counts > 0]).mean())


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


def choose_calibration(folds: list[tuple]) -> tuple[float, float]:
    """Chooses the offset that is taken off the scores of seen classes.

    A classifier that learned from seen classes prefers them. The offset of the highest mean
    harmonic mean over the folds is chosen, in the middle where several are the highest.

    Args:
        folds: (scores, labels, is_seen) of each, as in `generalized_accuracies`, of images that
            were not fitted; the classes that play the unseen ones were held out.

    Returns:
        (the offset, in units of the scores; the mean harmonic mean at it).

    Reference:
        Calibrated stacking: Chao et al. 2016, arXiv 1605.04253.
    """
    parts = [_parts(*fold) for fold in folds]
    found = np.quantile(np.concatenate([lead for lead, *_ in parts]), np.linspace(0, 1, _OFFSETS))
    offsets = (found[1:] + found[:-1]) / 2  # between images, never at one
    means = np.mean([_harmonic_means(*part, offsets) for part in parts], axis=0)
    best = offsets[np.isclose(means, means.max(), atol=1e-9)]
    middle = (best[0] + best[-1]) / 2
    return float(best[np.argmin(abs(best - middle))]), float(means.max())


def _parts(scores, labels, is_seen):
    """Lead of the best seen class, and the share of each image in either accuracy, if right."""
    counts, of_seen = np.bincount(labels, minlength=len(is_seen)), is_seen[labels]
    lead, shares = np.zeros(len(labels)), []
    for sign, group in ((1, is_seen), (-1, ~is_seen)):
        own = scores[:, group]
        lead += sign * own.max(axis=1)
        right = np.flatnonzero(group)[own.argmax(axis=1)] == labels
        shares.append(right / counts[labels] / (counts[group] > 0).sum())
    return lead, shares[0] * of_seen, shares[1] * ~of_seen


def _harmonic_means(lead, seen_shares, unseen_shares, offsets):
    """Harmonic mean at each offset."""
    stays = (lead[:, None] > offsets).astype(np.float64)
    seen, unseen = seen_shares @ stays, unseen_shares @ (1 - stays)
    return 2 * seen * unseen / np.maximum(seen + unseen, np.finfo(np.float64).tiny)


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
