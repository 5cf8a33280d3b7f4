"""Linear and nearest-neighbour classifiers on fixed features."""

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tl_keras.checks import InputError, check_number
from tl_keras.data.inspection.first_batch import input_errors
from tl_keras.data.unlabelled import as_unlabelled
from tl_keras.evaluation.classifiers.classification import accuracy_interval
from tl_keras.evaluation.encoders.distances import row_blocks
from tl_keras.models.inference import traced
from tl_keras.models.signature import image_shape
from tl_keras.one_thread import one_thread

# Values of scikit-learn's C; smaller ones regularise more.
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
NEIGHBOURS = 20
TEMPERATURE = 0.07
_MANY = 5000  # above this number of images, one fifth is held out once instead of five times
_FOLDS = 5
_UNCHOSEN = 1e-2
_BLOCK = 256


def extract_features(encoder: keras.Model, images: Any, *, batch_size: int = 128) -> np.ndarray:
    """Returns the features of each image, in the order of the images.

    Args:
        encoder: built model from images (b, h, w, 1 or 3), 0-255, to features (b, d). Features (b,
            h', w', d) are averaged over positions. Or a model with `.encoder`.
        images: `ImageDataset`, or array (n, h, w), (n, h, w, 1) or (n, h, w, 3), 0-255. Files are
            decoded once at the encoder's size.
        batch_size: images per batch. Defaults to 128.

    Returns:
        float32 (n, d).

    Raises:
        InputError: the model does not take images or return features, or there is no image.
    """
    encoder = getattr(encoder, "encoder", encoder)
    *size, channels = image_shape(encoder)
    batches = as_unlabelled(images).pipeline(batch_size, image_size=size, channels=channels)
    return features_of(batches, feature_function(encoder))


@input_errors()
def features_of(batches: Iterable, run: Callable) -> np.ndarray:
    """Returns features, float32 (n, d), of batches of images; `run` is from `feature_function`."""
    images = (batch[0] if isinstance(batch, tuple) else batch for batch in batches)
    return np.concatenate([run(batch).numpy() for batch in images])


def feature_function(encoder: keras.Model) -> Callable:
    """Returns a compiled function from float32 images (b, h, w, c) to float32 (b, d).

    It reads the encoder's weights at each call, so it stays correct during training.
    """
    rank = len(encoder.output_shape) if isinstance(encoder.output_shape, tuple) else 0
    if rank not in (2, 4):
        raise InputError(
            "Expected an encoder that returns features (b, d) or (b, h, w, d); received "
            f"{encoder.name!r} with output shape {encoder.output_shape}."
        )

    def pooled(images):
        features = tf.cast(encoder(images, training=False), tf.float32)
        return tf.reduce_mean(features, (1, 2)) if rank == 4 else features

    return traced(pooled, [image_shape(encoder)])


def linear_probe(
    train_features: np.ndarray,
    train_labels: np.ndarray,
    test_features: np.ndarray,
    test_labels: np.ndarray,
    *,
    max_iterations: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Measures the accuracy of a linear classifier on fixed features.

    The classifier is logistic regression on features standardised over the training images. Its
    regularisation is the one of `STRENGTHS` with the lowest log loss on held-out training features:
    five folds, or one fifth of more than 5,000 images. The test features are not used for any
    choice. If the rarest class has fewer images than folds, there are as many folds as images. The
    only image of a class is never held out. With one image of each class the strength is 0.01.

    Args:
        train_features, test_features: float (n, d) and (m, d), from `extract_features`.
        train_labels, test_labels: ints (n,) and (m,), from 0, with at least two classes in
            training. Gaps between the numbers are allowed.
        max_iterations: maximum number of iterations of the solver, L-BFGS. Defaults to 1,000.
        seed: int, seed of the choice of held-out images.

    Returns:
        A dict ready for JSON: "accuracy" on test; "interval", its 95% Wilson interval (low, high);
        "strength", the chosen C of scikit-learn; "converged"; "num_train" and "num_test". A
        warning is issued if the solver did not converge.

    Raises:
        InputError: features and labels do not fit each other, are not finite, or of one class.
    """
    from sklearn.preprocessing import StandardScaler

    check_number("max_iterations", max_iterations, minimum=1, integer=True)
    train, test = _checked(train_features, train_labels, test_features, test_labels)
    scaler = StandardScaler().fit(train[0])
    classes, y = np.unique(train[1], return_inverse=True)
    x = scaler.transform(train[0])
    with one_thread():
        strength = _choose_strength(x, y, max_iterations, seed)
        classifier, converged = _fit(x, y, strength, max_iterations)
    if not converged:
        warnings.warn(
            f"The linear probe did not converge in {max_iterations} iterations: its accuracy may "
            "be too low. Give more max_iterations.",
            stacklevel=2,
        )
    return {
        **_scored(classes[classifier.predict(scaler.transform(test[0]))], test[1], len(y)),
        "strength": strength,
        "converged": converged,
    }


def knn_probe(
    train_features: np.ndarray,
    train_labels: np.ndarray,
    test_features: np.ndarray,
    test_labels: np.ndarray,
    *,
    k: int = NEIGHBOURS,
    temperature: float = TEMPERATURE,
) -> dict[str, Any]:
    """Measures the accuracy of a nearest-neighbour classifier on fixed features.

    Each of the k nearest images by cosine similarity s votes for its class with weight exp(s /
    temperature). The lowest class number wins a tie. Nothing is fitted or chosen.

    Args:
        train_features, test_features: float (n, d) and (m, d), of `extract_features`.
        train_labels, test_labels: ints (n,) and (m,), from 0.
        k: int, neighbours; all if there are fewer. Defaults to 20.
        temperature: float above 0. Defaults to 0.07.

    Returns:
        A dict ready for JSON: "accuracy" on test; "interval", its 95% Wilson interval (low, high);
        "k", as used; "num_train" and "num_test".

    Raises:
        InputError: features and labels do not fit each other, are not finite, or of one class.

    Reference:
        Wu et al. 2018, "Unsupervised feature learning via non-parametric instance discrimination"
        (arXiv:1805.01978), with k = 200 on ImageNet; small datasets have few images per class.
    """
    check_number("k", k, minimum=1, integer=True)
    check_number("temperature", temperature, above=0)
    train, test = _checked(train_features, train_labels, test_features, test_labels)
    k = min(k, len(train[0]))
    predicted = vote(
        unit_rows(train[0]), train[1], unit_rows(test[0]), k=k, temperature=temperature
    )
    return {**_scored(predicted, test[1], len(train[0])), "k": k}


def vote(
    known: np.ndarray,
    labels: np.ndarray,
    asked: np.ndarray,
    *,
    k: int,
    temperature: float,
    groups: np.ndarray | None = None,
) -> np.ndarray:
    """Returns the class with most votes of the k nearest rows, see `knn_probe`.

    Args:
        known, asked: float (n, d) and (m, d), rows of length 1.
        labels: ints (n,), labels of `known`.
        k: int, 1 to n.
        temperature: float.
        groups: ints (n,) where `asked` is `known`; no row then votes for one of its group, and k is
            below n.

    Returns:
        ints (m,).
    """
    classes, numbers = np.unique(labels, return_inverse=True)
    one_hot = np.eye(len(classes))[numbers]
    winners = np.empty(len(asked), np.int64)
    for rows in row_blocks(len(asked), _BLOCK):
        similar = asked[rows] @ known.T
        if groups is not None:
            similar[groups[rows, None] == groups] = -np.inf
        nearest = np.argpartition(-similar, k - 1, axis=1)[:, :k]
        s = np.take_along_axis(similar, nearest, 1).astype(np.float64)
        # Relative to the nearest, because exp overflows at low temperatures.
        weights = np.exp((s - s.max(1, keepdims=True)) / temperature)
        winners[rows] = np.einsum("nk,nkc->nc", weights, one_hot[nearest]).argmax(1)
    return classes[winners]


def unit_rows(features: np.ndarray) -> np.ndarray:
    """Returns rows scaled to length 1; rows of zeros stay unchanged."""
    features = np.asarray(features, np.float32)
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)


def _choose_strength(x, y, max_iterations, seed):
    """Returns the one of `STRENGTHS` with the lowest log loss on held-out parts of x.

    The labels y are class numbers from 0 without gaps.
    """
    folds = _folds(y, seed)
    if not folds:
        return _UNCHOSEN
    losses = np.zeros(len(STRENGTHS))
    for fitted, held_out in folds[: 1 if len(x) > _MANY else None]:
        for number, strength in enumerate(STRENGTHS):
            classifier, _ = _fit(x[fitted], y[fitted], strength, max_iterations)
            losses[number] += _log_loss(classifier.predict_proba(x[held_out]), y[held_out])
    return STRENGTHS[int(losses.argmin())]


def _folds(y, seed):
    """Returns [(rows to fit, rows held out)] with every class among those to fit, possibly []."""
    from sklearn.model_selection import StratifiedKFold

    counts = np.bincount(y)
    alone = np.flatnonzero(counts[y] == 1)
    others = np.flatnonzero(counts[y] > 1)
    if not len(others):
        return []
    folds = StratifiedKFold(min(_FOLDS, counts[counts > 1].min()), shuffle=True, random_state=seed)
    parts = folds.split(others, y[others])
    return [(np.append(others[fitted], alone), others[held]) for fitted, held in parts]


def _log_loss(probabilities, y):
    """Returns the mean of -log p of the true class, for probabilities (n, classes)."""
    right = probabilities[np.arange(len(y)), y].astype(np.float64)
    return -np.log(np.maximum(right, np.finfo(probabilities.dtype).tiny)).mean()


def _fit(x, y, strength, max_iterations):
    """Returns (fitted LogisticRegression, whether its solver converged)."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    classifier = LogisticRegression(C=strength, max_iter=max_iterations)
    with warnings.catch_warnings(record=True) as noticed:
        warnings.simplefilter("always")
        classifier.fit(x, y)
    return classifier, not any(issubclass(w.category, ConvergenceWarning) for w in noticed)


def _scored(predicted, labels, num_train):
    accuracy = float(np.mean(predicted == labels))
    return {
        "accuracy": accuracy,
        "interval": accuracy_interval(accuracy, len(labels)),
        "num_train": num_train,
        "num_test": len(labels),
    }


def _checked(train_features, train_labels, test_features, test_labels):
    """Returns ((features float32, labels int) of train, those of test)."""
    parts = []
    for name, x, y in (
        ("training", train_features, train_labels),
        ("test", test_features, test_labels),
    ):
        x, y = np.asarray(x, np.float32), np.asarray(y)
        if x.ndim != 2 or not len(x) or y.shape != (len(x),) or y.dtype.kind not in "iu":
            raise InputError(
                f"Expected {name} features (n, d) and n integer labels, n above 0; received "
                f"{x.shape} and {y.shape} of type {y.dtype}."
            )
        if y.min() < 0:
            rows = np.flatnonzero(y < 0)
            raise InputError(
                f"Expected {name} class numbers from 0; received {y.min()} in {len(rows)} rows, "
                f"the first {rows[0]}. Remove the rows without a label."
            )
        if not np.isfinite(x).all():
            rows = np.flatnonzero(~np.isfinite(x).all(1))[:5].tolist()
            raise InputError(
                f"Expected finite {name} features; received NaN or infinity in rows {rows} and "
                "maybe more. The encoder has diverged: train it with a lower learning rate."
            )
        parts.append((x, y))
    (x, y), (other, _) = parts
    if x.shape[1] != other.shape[1]:
        raise InputError(
            f"Expected as many features in training as in test; received {x.shape[1]} and "
            f"{other.shape[1]}. Extract both with one encoder."
        )
    if len(np.unique(y)) < 2:
        raise InputError(
            "Expected training labels of two classes or more; received one class. Add labelled "
            "images of another class."
        )
    return parts
