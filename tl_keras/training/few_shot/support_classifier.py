"""Classifier that is fitted on a few labelled images, on the features of an encoder."""

import functools
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tl_keras.checks import InputError, check_choice, check_number
from tl_keras.data.pipelines.augmentation import AUGMENTATIONS, augment_images
from tl_keras.data.unlabelled import as_unlabelled
from tl_keras.models.backbones.backbone import build_backbone
from tl_keras.models.episodic.fitted_classifier import fitted_classifier
from tl_keras.models.inference import traced
from tl_keras.models.signature import image_shape
from tl_keras.settings.few_labels.few_shot import COSINE, METHODS, METRICS
from tl_keras.training.few_shot.rules import RULES, Scores, cosine_prototype
from tl_keras.training.fine_tuning.linear_start import stratified_folds
from tl_keras.training.temperature import fit_temperature

# Factors of the scores before a temperature is fitted. With them the log loss of other images was
# near its lowest at one and two labels, in the mean over the five tasks on which defaults were
# chosen (docs/few-shot.md). Logistic regression needs one only where it can choose no strength; its
# scores then grow with the number of features, which was 1280 there.
SHARPNESS = {"prototype": 12.0, "ridge": 8.0, "logistic": 10.0, "nearest": 5.0}
_FEATURES = 1280


class SupportClassifier:
    """Classifier from a few labelled images, the support, on the features of an encoder.

    Example:
        classifier = SupportClassifier("mobilenet_v2").fit_support(images, labels)
        found = classifier.predict(queries)
        classifier.as_keras().save("classifier.keras")

    The probabilities have a temperature, fitted on support images that were held out. With one
    image of each class nothing can be held out, and it is a constant.

    Args:
        encoder: model, path or name, see `build_backbone`. None: images are features already.
        method: "prototype", "ridge", "logistic", "nearest", or "auto": prototype with the
            Euclidean metric, else logistic.
        metric: "cosine" scales features to length 1, as pretrained encoders need it; "euclidean"
            leaves them as they are, as a prototypical network was trained with.
        mirror: whether support and queries are seen mirrored too.
        copies: int, augmented copies of each support image to fit on as well. Queries have none.
        augment: preset of the copies, see `augment_images`.
        factor: of the scores before a temperature is fitted, as a prototypical network has learned
            it. Defaults to what suits the method.
        seed: int, of the copies, and of the images that are held out.

    Attributes:
        chosen: the method that was fitted.
        classes: labels of the support, in the order of the columns of `predict_proba`.
        scores: `Scores`, with the temperature in them.
        temperature: float by which scores were divided after the usual factor.
        out_of_fold: float32 (n, num_classes), probabilities of the support images by fits without
            them; NaN for one that was never held out.
        seconds: of the fit, without the features.
    """

    def __init__(
        self,
        encoder: keras.Model | str | None = None,
        *,
        method: str = "auto",
        metric: str = COSINE,
        mirror: bool = False,
        copies: int = 0,
        augment: str = "digits",
        factor: float | None = None,
        seed: int = 0,
    ):
        self.method = check_choice("method", method, METHODS)
        self.metric = check_choice("metric", metric, METRICS)
        self.seed = check_number("seed", seed, minimum=0, integer=True)
        self.encoder = None if encoder is None else build_backbone(encoder)
        self.mirror = mirror
        self.copies = check_number("copies", copies, minimum=0, integer=True)
        self.factor = factor if factor is None else check_number("factor", factor, above=0)
        self.augment = check_choice("augment", augment, AUGMENTATIONS)
        if (mirror or copies) and encoder is None:
            raise InputError(
                "Expected an encoder with mirror=True or copies; received features, which cannot "
                "be augmented. Give features (views, n, d) of each view of the images."
            )
        auto = "logistic" if metric == COSINE else "prototype"
        self.chosen = auto if method == "auto" else method
        self.scores: Scores | None = None
        self.classes = np.array(())

    def fit_support(
        self, images: Any, labels: Any, *, groups: np.ndarray | None = None
    ) -> "SupportClassifier":
        """Fits the classifier.

        Args:
            images: `ImageDataset`, or array (n, h, w, c), 0-255. Without an encoder features, float
                (n, d) or (views, n, d).
            labels: ints or texts (n,), of two classes or more.
            groups: ints (n,). Images of the same number, such as copies, are held out together.
                Default None: those of an `ImageDataset`, or none.

        Returns:
            The classifier itself.

        Raises:
            InputError: features or labels cannot be used.
        """
        features = self.features(images, copies=self.copies)
        self.classes, numbers = _checked(features, labels)
        groups = getattr(images, "groups", None) if groups is None else np.asarray(groups)
        started = time.monotonic()
        self._fit(features, numbers, len(self.classes), groups)
        self.seconds = time.monotonic() - started
        return self

    def _fit(self, features, labels, num_classes, groups):
        folds = stratified_folds(labels, self.seed, groups)
        rule, factor = self._rule(), self._factor(features.shape[-1])
        scores = rule(features, labels, num_classes, seed=self.seed, groups=groups)
        if folds and scores.probabilities is not None:  # by logistic regression itself
            held, factor = scores.probabilities[None], 1.0
        else:
            held = _held_out(rule, features, labels, num_classes, folds, factor)
            held = held[: len(held) // (1 + self.copies)]  # seen as queries are
        known = np.isfinite(held[0, :, 0])
        self.temperature = fit_temperature(held[:, known], labels[known])
        self.scores = scores.divided(self.temperature / factor)
        self.out_of_fold = _tempered(held, self.temperature)

    def _rule(self):
        is_cosine = self.metric == COSINE and self.chosen == "prototype"
        return cosine_prototype if is_cosine else RULES[self.chosen]

    def _factor(self, dimensions):
        """Returns the factor of the scores before a temperature is fitted."""
        if self.factor is not None:
            return self.factor
        if self.metric != COSINE and self.chosen in _DISTANCES:
            return 1.0  # the probabilities that a prototypical network is trained with
        factor = SHARPNESS[self.chosen]
        return factor * _FEATURES / dimensions if self.chosen == "logistic" else factor

    def predict(self, queries: Any) -> np.ndarray:
        """Returns the label of each image (n,), one of those given to `fit_support`."""
        return self.classes[self.predict_proba(queries).argmax(axis=1)]

    def predict_proba(self, queries: Any) -> np.ndarray:
        """Returns the probability of each class, float32 (n, num_classes), of images or features.

        It is the mean over the views of an image.
        """
        scores = self._fitted()
        return scores.predict(self.features(queries)).mean(axis=0)

    def features(self, images: Any, copies: int = 0) -> np.ndarray:
        """Returns features (views, n, d) as the rules take them: of length 1 with "cosine".

        The views are the images, mirrored ones, and so on for each copy.
        """
        views = _views(images) if self.encoder is None else self._encoded(images, copies)
        if self.metric != COSINE:
            return views
        lengths = np.linalg.norm(views, axis=-1, keepdims=True)
        return views / np.maximum(lengths, 1e-12)

    def as_keras(self) -> keras.Model:
        """Returns encoder and scores as one Keras model, which shares the encoder.

        It sees an image once. With mirror=True `predict_proba` of this class is the mean of its
        outputs for an image and its mirror image.
        """
        scores = self._fitted()
        if self.encoder is None:
            raise InputError("Expected an encoder for a Keras model; received features alone.")
        return fitted_classifier(
            self.encoder,
            scores.kernel,
            scores.bias,
            num_classes=scores.num_classes,
            unit=self.metric == COSINE,
        )

    def _fitted(self):
        if self.scores is None:
            raise InputError("Expected a fitted classifier; received none. Call fit_support first.")
        return self.scores

    def _encoded(self, images, copies):
        *size, channels = image_shape(self.encoder)
        batches = as_unlabelled(images).pipeline(32, image_size=tuple(size), channels=channels)
        parts, start = [], 0
        for batch in batches:
            pixels = tf.cast(batch[0] if isinstance(batch, tuple) else batch, tf.float32)
            seen = [pixels, *(self._copy(pixels, start, number) for number in range(copies))]
            parts.append(np.concatenate([self._run(view).numpy() for view in seen]))
            start += len(pixels)
        return np.concatenate(parts, axis=1)

    @functools.cached_property
    def _run(self):
        return traced(self._each_view, [image_shape(self.encoder)])

    def _copy(self, images, start, number):
        indices = tf.range(start, start + len(images), dtype=tf.int64)
        return augment_images(images, self.augment, seed=self.seed, epoch=number, indices=indices)

    def _each_view(self, images):
        seen = [images, tf.reverse(images, [2])] if self.mirror else [images]
        outputs = [tf.cast(self.encoder(view, training=False), tf.float32) for view in seen]
        rank = outputs[0].shape.rank
        return tf.stack([tf.reduce_mean(o, (1, 2)) if rank == 4 else o for o in outputs])


_DISTANCES = ("prototype", "nearest")


def _views(features):
    features = np.asarray(features, np.float32)
    return features[None] if features.ndim == 2 else features


def _held_out(rule, features, labels, num_classes, folds, factor):
    """Returns probabilities (views, n, num_classes) by fits without an image, NaN for no fit."""
    held = np.full((*features.shape[:2], num_classes), np.nan, np.float32)
    for fitted, out in folds:
        scores = rule(features[:, fitted], labels[fitted], num_classes).divided(1 / factor)
        held[:, out] = scores.predict(features[:, out])
    return held


def _tempered(held, temperature):
    powers = np.maximum(held, 1e-12) ** (1 / temperature)
    return (powers / powers.sum(axis=-1, keepdims=True)).mean(axis=0)


def _checked(features, labels):
    """Returns (classes, number of the class of each image); refuses what cannot be fitted on."""
    labels = np.asarray(labels)
    if features.ndim != 3 or not features.size or labels.shape != features.shape[1:2]:
        raise InputError(
            "Expected features (n, d) or (views, n, d) and n labels, n above 0; received "
            f"{features.shape} and {labels.shape}."
        )
    classes, numbers = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise InputError(
            f"Expected support images of two classes or more; received {str(classes[0])!r} alone. "
            "Add labelled images of another class."
        )
    if not np.isfinite(features).all():
        wrong = np.flatnonzero(~np.isfinite(features).all(axis=(0, 2)))
        raise InputError(
            f"Expected finite features; received NaN or infinity for {len(wrong)} images, the "
            f"first at {wrong[0]}. The encoder's weights are damaged or too large."
        )
    return classes, numbers
