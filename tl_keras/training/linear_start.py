"""Logistic regression on frozen features: the start of fine-tuning, and its honest opponent."""

import dataclasses
import time
import warnings

import keras
import numpy as np

from tl_keras.checks import InputError
from tl_keras.one_thread import one_thread
from tl_keras.training.class_weights import image_weights

# Strengths C of scikit-learn: a small one holds the weights closer to zero.
STRENGTHS = tuple(10.0 ** (power / 2) for power in range(-10, 3))
# Smallest strength times images. Of twenty images no fit at all may have the lowest loss by chance.
SOFTEST = 0.3
# At 0, plain standardisation, log loss at five labels a class was higher on all six tasks tried.
FLOOR = 1.0
_FOLDS = 5
_MANY = 20_000  # rows from which on one fold alone is held out
_ITERATIONS = 500
_WORSE = 2  # strengths in a row with a higher loss, after which the search ends


@dataclasses.dataclass(frozen=True, eq=False)
class LinearStart:
    """A fitted logistic regression.

    Attributes:
        kernel: float32 (d, num_classes), for features as they are.
        bias: float32 (num_classes,).
        strength: scikit-learn's C, chosen by cross-validation; None if nothing could be held out.
        probabilities: float32 (n, num_classes), of each training image by a fit without it; NaN
            for an image that was never held out.
        seconds: of the whole search and the last fit.
    """

    kernel: np.ndarray
    bias: np.ndarray
    strength: float | None
    probabilities: np.ndarray
    seconds: float

    def predict(self, features):
        """Probabilities (views, n, num_classes) for features (views, n, d)."""
        import scipy.special

        logits = np.stack([view @ self.kernel for view in features]) + self.bias
        return scipy.special.softmax(logits, axis=-1)


def fit_linear_start(features, labels, num_classes, *, seed=0, class_weights="none"):
    """Fits a logistic regression whose strength is chosen by cross-validated log loss.

    Views of one image are always in the same fold, and the probabilities of an image are the mean
    over its views. Features have their mean taken off and are divided by a scale, see `_moments`;
    both are folded into the weights that are returned.

    Args:
        features: float (views, n, d).
        labels: ints (n,), 0 to num_classes - 1; every class is there.
        num_classes: int, at least 2.
        seed: of the folds. Default 0.
        class_weights: "balanced" weighs each class the same, in the loss of the fits and in that
            by which the strength is chosen. Default "none".

    Returns:
        `LinearStart`.

    Raises:
        InputError: features are not finite or all the same, or a class has no image.
    """
    started = time.monotonic()
    labels = np.asarray(labels)
    _check(features, labels, num_classes)
    mean, scale = _moments(features)
    views = [(np.asarray(view, np.float32) - mean) / scale for view in features]
    folds = _folds(labels, seed)
    shares = image_weights(labels, class_weights)
    with one_thread():
        strength, probabilities = _search(views, labels, num_classes, folds, shares)
        weights, intercept = _fit(
            views, labels, strength or STRENGTHS[len(STRENGTHS) // 3], shares=shares
        )[1]
    kernel = weights.T / scale[:, None]
    bias = intercept - mean @ kernel
    seconds = time.monotonic() - started
    return LinearStart(
        kernel.astype(np.float32), bias.astype(np.float32), strength, probabilities, seconds
    )


def _check(features, labels, num_classes):
    missing = np.setdiff1d(np.arange(num_classes), labels)
    if len(missing):
        raise InputError(
            f"Expected training images of each of {num_classes} classes; received none of class "
            f"{', '.join(map(str, missing[:5]))}. Label some, or leave the class out."
        )
    for view in features:
        wrong = np.flatnonzero(~np.isfinite(np.asarray(view)).all(axis=1))
        if len(wrong):
            raise InputError(
                f"Expected finite features; received NaN or infinity for {len(wrong)} images, the "
                f"first at {wrong[0]}. The backbone's weights are damaged or too large."
            )


def _moments(features):
    """Mean and scale (d,) over views and images.

    The scale is sqrt(v + (FLOOR * r)^2), with v the variance of a feature and r^2 the mean of all
    variances: a feature that hardly varies in a few training images may vary widely in others, and
    its own deviation would blow it up.
    """
    count = sum(len(view) for view in features)
    mean = sum(np.sum(view, axis=0, dtype=np.float64) for view in features) / count
    squares = sum(
        np.sum(np.square(view, dtype=np.float64), axis=0, dtype=np.float64) for view in features
    )
    variance = np.maximum(squares / count - mean**2, 0)
    if (variance <= (1e-6 * mean) ** 2).all():
        raise InputError(
            "Expected features that differ between images; received the same for all. The images "
            "are alike, or the backbone's weights are random or damaged (linear_start=False "
            "trains it all the same)."
        )
    scale = np.sqrt(variance + FLOOR**2 * variance.mean())
    return mean.astype(np.float32), scale.astype(np.float32)


def _folds(labels, seed):
    """[(rows to fit, rows held out)]: stratified, the only image of a class is never held out."""
    from sklearn.model_selection import StratifiedKFold

    counts = np.bincount(labels)
    alone = np.flatnonzero(counts[labels] == 1)
    others = np.flatnonzero(counts[labels] > 1)
    number = min(_FOLDS, counts.max())
    if number < 2:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a class of fewer images than folds is in some of them
        splits = StratifiedKFold(number, shuffle=True, random_state=seed).split(
            others, labels[others]
        )
        folds = [(np.append(others[fitted], alone), others[held]) for fitted, held in splits]
    return folds[: 1 if len(labels) > _MANY else None]


def _search(views, labels, num_classes, folds, shares=None):
    """(the strength of the lowest log loss, probabilities of the images held out at it)

    From the weakest fit up, each begun at the solution before it; the loss has one minimum, so
    the search ends once it rises.
    """
    best, best_loss, worse = None, np.inf, 0
    probabilities = np.full((len(labels), num_classes), np.nan, np.float32)
    begun = [None] * len(folds)
    held = np.concatenate([rows for _, rows in folds]) if folds else []
    softest = min(SOFTEST / len(labels), STRENGTHS[-1])
    for strength in (each for each in STRENGTHS if folds and each >= softest):
        predicted = np.full_like(probabilities, np.nan)
        for number, (fitted, out) in enumerate(folds):
            some = [view[fitted] for view in views]
            weights = None if shares is None else shares[fitted]
            begun[number], solution = _fit(some, labels[fitted], strength, begun[number], weights)
            predicted[out] = _probabilities([view[out] for view in views], *solution)
        right = predicted[held, labels[held]].astype(np.float64)
        losses = -np.log(np.maximum(right, np.finfo(np.float32).tiny))
        loss = np.average(losses, weights=None if shares is None else shares[held])
        if loss < best_loss:
            best, best_loss, probabilities, worse = strength, loss, predicted, 0
        else:
            worse += 1
            if worse >= _WORSE:
                break
    return best, probabilities


def _fit(views, labels, strength, begun=None, shares=None):
    """(the estimator, to begin the next fit at; weights (num_classes, d) and biases)

    The strength counts images: two views of an image weigh as much as one. `shares` are the
    weights of the images in the loss, 1 in the mean; None for 1 each.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    if begun is None:
        begun = LogisticRegression(max_iter=_ITERATIONS, warm_start=True)
    begun.C = strength / len(views)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # no matter far from the best
        weights = None if shares is None else np.tile(shares, len(views))
        begun.fit(np.concatenate(views), np.tile(labels, len(views)), weights)
    weights, intercept = begun.coef_, begun.intercept_
    if len(weights) == 1:  # of two classes: the log odds of the second
        weights = np.concatenate([-weights, weights]) / 2
        intercept = np.concatenate([-intercept, intercept]) / 2
    return begun, (weights, intercept)


def _probabilities(views, weights, intercept):
    """Means over the views, (n, num_classes)."""
    import scipy.special

    logits = (view @ weights.T + intercept for view in views)
    return sum(scipy.special.softmax(each, axis=1) for each in logits) / len(views)


def last_dense(model):
    """Returns the last layer of a classifier if it is Dense and gives logits or their softmax."""
    last = model.layers[-1]
    if not isinstance(last, keras.layers.Dense) or not last.use_bias:
        return None
    softmax_or_none = (keras.activations.softmax, keras.activations.linear)
    return last if last.activation in softmax_or_none else None
