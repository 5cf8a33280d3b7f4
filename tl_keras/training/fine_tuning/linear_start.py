"""Logistic regression on frozen features: the start of fine-tuning, and its honest opponent."""

import dataclasses
import os
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np

from tl_keras.checks import InputError
from tl_keras.data.array_store import release_pages
from tl_keras.one_thread import one_thread
from tl_keras.settings.fine_tune import ClassWeights
from tl_keras.training.class_weights import image_weights
from tl_keras.training.fine_tuning.logistic_regression import ROUGH, LogisticRegression

# Strengths C of scikit-learn: a small one holds the weights closer to zero.
STRENGTHS = tuple(10.0 ** (power / 2) for power in range(-10, 3))
# Smallest strength times images. Of twenty images no fit at all may have the lowest loss by chance.
SOFTEST = 0.3
# At 0, plain standardisation, log loss at five labels a class was higher on all six tasks tried.
FLOOR = 1.0
_FOLDS = 5
MANY = 20_000  # images by which the strength is chosen at most; of so many one fold is held out
_BLOCK = 1024  # rows at once
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

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Probabilities (views, n, num_classes) for features (views, n, d)."""
        import scipy.special

        logits = np.stack([view @ self.kernel for view in features]) + self.bias
        return scipy.special.softmax(logits, axis=-1)

    def figures_on(self, features: np.ndarray, labels: np.ndarray) -> dict[str, float]:
        """Accuracy and mean log loss for features (n, d), which are read in blocks."""
        right, losses = 0, 0.0
        for rows, start in _blocks([features]):
            probabilities = self.predict(rows[None])[0]
            own = labels[start : start + len(rows)]
            right += int((probabilities.argmax(axis=1) == own).sum())
            held = probabilities[np.arange(len(own)), own].astype(np.float64)
            losses -= float(np.log(np.maximum(held, np.finfo(np.float32).tiny)).sum())
        return {"accuracy": right / len(labels), "loss": losses / len(labels)}


def fit_linear_start(
    features: np.ndarray,
    labels: np.ndarray,
    num_classes: int,
    *,
    seed: int = 0,
    class_weights: ClassWeights = "none",
    groups: np.ndarray | None = None,
) -> LinearStart:
    """Fits a logistic regression whose strength is chosen by cross-validated log loss.

    Views of one image are always in the same fold, and the probabilities of an image are the mean
    over its views. Features have their mean taken off and are divided by a scale, see `_moments`;
    both are folded into the weights that are returned. Of more than 20,000 images the strength is
    chosen on so many. No copy of the features is made, see `LogisticRegression`.

    Args:
        features: float (views, n, d).
        labels: ints (n,), 0 to num_classes - 1; every class is there.
        num_classes: int, at least 2.
        seed: of the folds. Default 0.
        class_weights: "balanced" weighs each class the same, in the loss of the fits and in that
            by which the strength is chosen. Default "none".
        groups: ints (n,); images of the same number are in the same fold. Default None.

    Returns:
        `LinearStart`.

    Raises:
        InputError: features are not finite or all the same, or a class has no image.
    """
    started = time.monotonic()
    labels = np.asarray(labels)
    _check(features, labels, num_classes)
    scaling = _moments(features)
    shares = image_weights(labels, class_weights)
    with one_thread():
        regression = LogisticRegression(features, labels, num_classes, *scaling)
        strength, probabilities, begun = _search(regression, labels, seed, shares, groups)
        fitted = regression.fit(strength or STRENGTHS[len(STRENGTHS) // 3], shares, begun)
    seconds = time.monotonic() - started
    return LinearStart(fitted.kernel, fitted.bias, strength, probabilities, seconds)


def _check(features, labels, num_classes):
    missing = np.setdiff1d(np.arange(num_classes), labels)
    if len(missing):
        raise InputError(
            f"Expected training images of each of {num_classes} classes; received none of class "
            f"{', '.join(map(str, missing[:5]))}. Label some, or leave the class out."
        )
    wrong = np.zeros(len(labels), bool)
    for rows, start in _blocks(features):
        wrong[start : start + len(rows)] |= ~np.isfinite(rows).all(axis=1)
    if wrong.any():
        raise InputError(
            f"Expected finite features; received NaN or infinity for {wrong.sum()} images, the "
            f"first at {wrong.argmax()}. The backbone's weights are damaged or too large."
        )


def _blocks(features):
    """(some rows of a view, number of the first), until all were there."""
    for view in features:
        for start in range(0, len(view), _BLOCK):
            yield view[start : start + _BLOCK], start
            release_pages(view)


def _moments(features):
    """Mean and scale (d,) over views and images.

    The scale is sqrt(v + (FLOOR * r)^2), with v the variance of a feature and r^2 the mean of all
    variances: a feature that hardly varies in a few training images may vary widely in others, and
    its own deviation would blow it up.
    """
    count = sum(len(view) for view in features)
    mean = sum(rows.sum(axis=0, dtype=np.float64) for rows, _ in _blocks(features)) / count
    squares = sum(np.square(rows, dtype=np.float64).sum(axis=0) for rows, _ in _blocks(features))
    variance = np.maximum(squares / count - mean**2, 0)
    if (variance <= (1e-6 * mean) ** 2).all():
        raise InputError(
            "Expected features that differ between images; received the same for all. The images "
            "are alike, or the backbone's weights are random or damaged. Look at the images, or "
            "train all the same with linear_start=False (--no-linear-start)."
        )
    scale = np.sqrt(variance + FLOOR**2 * variance.mean())
    return mean.astype(np.float32), scale.astype(np.float32)


def stratified_folds(
    labels: np.ndarray, seed: int, groups: np.ndarray | None = None, *, every: bool = False
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Returns [(rows to fit, rows held out)]; the only image of a class is never held out.

    Of very many images there is one fold, unless `every` one is asked for. With groups, no group is
    divided; then the images of a class in one group are never held out.
    """
    most = None if every or len(labels) < MANY else 1
    if groups is not None and len(np.unique(groups)) < len(groups):
        return _grouped_folds(labels, seed, groups)[:most]
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
    return folds[:most]


def _grouped_folds(labels, seed, groups):
    from sklearn.model_selection import StratifiedGroupKFold

    own = [np.unique(groups[labels == label]) for label in range(labels.max() + 1)]
    alone = np.isin(groups, np.concatenate([each for each in own if len(each) == 1] or [[]]))
    fixed, others = np.flatnonzero(alone), np.flatnonzero(~alone)
    number = min(
        _FOLDS, max((len(each) for each in own), default=0), len(np.unique(groups[others]))
    )
    if number < 2:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a class in fewer groups than folds is in some of them
        splits = StratifiedGroupKFold(number, shuffle=True, random_state=seed).split(
            others, labels[others], groups[others]
        )
        folds = [(np.append(others[fitted], fixed), others[held]) for fitted, held in splits]
    return [fold for fold in folds if len(fold[1]) and np.isin(labels, labels[fold[0]]).all()]


def _search(regression, labels, seed, shares, groups):
    """(strength of the lowest log loss, probabilities of the images held out at it, a solution)

    From the weakest fit up, each begun at the solution before it; the loss has one minimum, so
    the search ends once it rises. The solution is that of a fold. All are None if nothing can be
    held out, but the probabilities, which are NaN.
    """
    probabilities = np.full((len(labels), regression.num_classes), np.nan, np.float32)
    rows = _some(labels, seed)
    folds = stratified_folds(labels[rows], seed, None if groups is None else groups[rows])
    if not folds:
        return None, probabilities, None
    own = labels[rows]
    shares = np.ones(len(labels)) if shares is None else shares
    regression = regression.of(rows)
    held = np.concatenate([out for _, out in folds])
    best, best_loss, worse = None, np.inf, 0
    begun = [None] * len(folds)
    softest = min(SOFTEST / len(labels), STRENGTHS[-1])
    for strength in (each for each in STRENGTHS if each >= softest):

        def fit(fold, strength=strength):
            (fitted, out), before = fold
            weights = np.zeros(len(rows))
            weights[fitted] = shares[rows[fitted]]
            solution = regression.fit(strength, weights, before, in_a_row=True, gradient=ROUGH)
            return solution, regression.predict(solution)[out]

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            begun, predicted = zip(*pool.map(fit, zip(folds, begun, strict=True)), strict=True)
        predicted = np.concatenate(predicted)
        right = predicted[np.arange(len(held)), own[held]].astype(np.float64)
        losses = -np.log(np.maximum(right, np.finfo(np.float32).tiny))
        loss = np.average(losses, weights=shares[rows[held]])
        if loss < best_loss:
            best, best_loss, kept, start, worse = strength, loss, predicted, begun[0], 0
        else:
            worse += 1
            if worse >= _WORSE:
                break
    probabilities[rows[held]] = kept
    return best, probabilities, start


def _some(labels, seed):
    """Sorted rows of at most `MANY` images, as many of each class as its share; 1 at least."""
    if len(labels) <= MANY:
        return np.arange(len(labels))
    counts = np.bincount(labels)
    mixed = np.random.default_rng([seed, 3]).permutation(len(labels))
    by_class = mixed[np.argsort(labels[mixed], kind="stable")]
    ranks = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    first = np.argsort(ranks / counts[labels[by_class]], kind="stable")[:MANY]
    return np.sort(by_class[first])


def last_dense(model: keras.Model) -> keras.layers.Dense | None:
    """Returns the last layer of a classifier if it is Dense and gives logits or their softmax."""
    last = model.layers[-1]
    if not isinstance(last, keras.layers.Dense) or not last.use_bias:
        return None
    softmax_or_none = (keras.activations.softmax, keras.activations.linear)
    return last if last.activation in softmax_or_none else None
