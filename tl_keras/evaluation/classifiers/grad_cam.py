"""Heatmaps of the parts of an image that speak for a class: Grad-CAM."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from tl_keras.checks import InputError, check_number
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.inspection.first_batch import input_errors
from tl_keras.models.answers.answering_model import classifier_of
from tl_keras.models.feature_maps import cut_at_feature_map
from tl_keras.models.inference import traced
from tl_keras.models.signature import image_shape

_TINY = 1e-12


@input_errors()
def grad_cam(
    model: keras.Model,
    images: np.ndarray | ImageDataset,
    class_index: int | Sequence[int] | None = None,
    *,
    batch_size: int = 32,
) -> np.ndarray:
    """Returns heatmaps of the parts of images that speak for a class.

    With A_k the channels of the last feature map and z_c the logit of class c, before softmax,

        heat = relu(sum_k a_k A_k),  a_k = mean over positions of d z_c / d A_k

    It is enlarged to the size of the image and divided by its largest value. A map of zeros means
    that nothing speaks for the class.

    Args:
        model: any classifier of this package, or another Functional or Sequential one.
        images: `ImageDataset`, or array (n, h, w, c), or (n, h, w) for one channel, 0-255, at the
            size that the model takes.
        class_index: int, or ints (n,). Defaults to None, the predicted class of each image; of a
            model that averages several networks that of `classifier_of(model)`.
        batch_size: images per step. Defaults to 32.

    Returns:
        float32 (n, h, w), 0 to 1.

    Raises:
        InputError: the model has no feature map (an MLP or RNN), the images have another size, or a
            class does not exist.

    Reference:
        Selvaraju, Cogswell, Das, Vedantam, Parikh and Batra 2017, "Grad-CAM: visual explanations
        from deep networks via gradient-based localization", arXiv:1610.02391.
    """
    return GradCAM(model)(images, class_index, batch_size=batch_size)


class GradCAM:
    """Heatmaps of one model, which is prepared once; see `grad_cam`."""

    def __init__(self, model: keras.Model) -> None:
        model = classifier_of(model)
        self.shape = image_shape(model)
        self.parts = cut_at_feature_map(model)
        self.num_classes = self.parts.above.output_shape[-1]
        self._run = traced(self._maps, [self.shape, ()])

    def __call__(
        self,
        images: np.ndarray | ImageDataset,
        class_index: int | Sequence[int] | None = None,
        *,
        batch_size: int = 32,
    ) -> np.ndarray:
        """Returns float32 (n, h, w); arguments are those of `grad_cam`."""
        check_number("batch_size", batch_size, minimum=1, integer=True)
        classes = self._classes(class_index, len(images))
        heat = np.zeros((len(images), *self.shape[:2]), np.float32)
        starts = range(0, len(images), batch_size)
        for start, batch in zip(starts, self._batches(images, batch_size), strict=True):
            rows = slice(start, start + batch_size)
            heat[rows] = self._run(batch, classes[rows])
        return heat

    def _maps(self, images, classes):
        features = self.parts.below(images, training=False)
        with tf.GradientTape() as tape:
            tape.watch(features)
            logits = tf.cast(self.parts.above(features, training=False), tf.float32)
            chosen = tf.where(classes < 0, tf.argmax(logits, axis=1), tf.cast(classes, tf.int64))
            score = tf.gather(logits, chosen, axis=1, batch_dims=1)
        gradients = tf.cast(tape.gradient(score, features), tf.float32)
        weights = tf.reduce_mean(gradients, axis=(1, 2), keepdims=True)
        heat = tf.nn.relu(tf.reduce_sum(weights * tf.cast(features, tf.float32), axis=-1))
        heat = tf.image.resize(heat[..., None], self.shape[:2])[..., 0]
        return heat / tf.maximum(tf.reduce_max(heat, axis=(1, 2), keepdims=True), _TINY)

    def _batches(self, images, batch_size):
        if not isinstance(images, ImageDataset):
            images = self._checked(images)
            for start in range(0, len(images), batch_size):
                yield images[start : start + batch_size]
        elif len(images):
            *size, channels = self.shape
            for batch in images.pipeline(batch_size, image_size=tuple(size), channels=channels):
                yield tf.cast(batch[0] if isinstance(batch, tuple) else batch, tf.float32)

    def _checked(self, images):
        images = np.asarray(images)
        images = images[..., None] if images.ndim == 3 else images
        if images.ndim != 4 or images.shape[1:] != self.shape:
            raise InputError(
                f"Expected images (n, {', '.join(map(str, self.shape))}), as the model takes them; "
                f"received shape {images.shape}. Resize them."
            )
        return images.astype(np.float32)

    def _classes(self, class_index, count):
        """Returns a class for each image as float32, -1 for the predicted one."""
        if class_index is None:
            return np.full(count, -1, np.float32)
        classes = np.broadcast_to(class_index, count) if np.ndim(class_index) == 0 else class_index
        classes = np.asarray(classes)
        whole = np.issubdtype(classes.dtype, np.integer) and classes.shape == (count,)
        if not whole or (count and not 0 <= classes.min() <= classes.max() < self.num_classes):
            raise InputError(
                f"Expected class_index to be an integer from 0 to {self.num_classes - 1}, or one "
                f"for each of {count} images; received {class_index!r:.100}."
            )
        return classes.astype(np.float32)
