"""Callback that measures the features of an encoder in each epoch."""

import keras
import numpy as np

from tl_keras.checks import InputError, check_number
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.unlabelled import as_unlabelled
from tl_keras.evaluation.encoders.leave_one_out import knn_left_out, ridge_left_out
from tl_keras.evaluation.encoders.probes import NEIGHBOURS, feature_function, features_of, unit_rows
from tl_keras.models.signature import image_shape
from tl_keras.one_thread import one_thread
from tl_keras.training.fine_tuning.inputs import random_part

_BATCH_SIZE = 100


def feature_spread(features: np.ndarray) -> float:
    """Returns the spread of the directions of features: 0 if all are equal, 1 if uniform.

        sqrt(d) * mean over dimensions of the standard deviation of z / |z|

    A collapsed network returns nearly the same features for each image. Non-negative features, as
    after a ReLU, stay below 1 for any spread.

    Args:
        features: float (n, d).

    Returns:
        float, 0-1.

    Reference:
        Chen and He 2021, "Exploring simple Siamese representation learning" (arXiv:2011.10566),
        section 4.1.
    """
    deviations = unit_rows(features).std(0, dtype=np.float64)
    return float(deviations.mean() * np.sqrt(len(deviations)))


class EmbeddingWatch(keras.callbacks.Callback):
    """Adds metrics of the encoder's features to the logs of an epoch.

    The metrics are measured on a fixed set of images: "feature_spread" and, with at least two
    classes of labels, "knn_accuracy" and "linear_accuracy". Each image is classified by the others
    (see `leave_one_out`). The linear classifier is a ridge classifier, which has a closed form, not
    the logistic regression of `linear_probe`. Labels serve for evaluation only. Skipped epochs
    repeat the previous metrics.

    The encoder runs in inference mode. Moving statistics lag in the first few hundred steps, and so
    do the metrics. A measurement takes one pass of 1,000 images through the encoder. An epoch of
    two views of 50,000 images takes 100,000 forward and backward.

    Args:
        images: `ImageDataset`, array of images, or a pair (images, labels). Images with the label
            -1, from `join_unlabelled`, are not classified.
        every: int, epochs between measurements; the first and the last epoch are always measured.
            Defaults to 1.
        most: int, maximum number of images, drawn at random. Defaults to 1,000.
        k: int, neighbours. Defaults to 20.
        seed: int, seed of the draw.

    Raises:
        InputError: there are fewer than two images. Or, when training begins, the model has no
            encoder.
    """

    state_names = ("_figures",)

    def __init__(
        self,
        images: ImageDataset | tuple[np.ndarray, np.ndarray],
        *,
        every: int = 1,
        most: int = 1000,
        k: int = NEIGHBOURS,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.every = check_number("every", every, minimum=1, integer=True)
        self.k = check_number("k", k, minimum=1, integer=True)
        check_number("most", most, minimum=2, integer=True)
        self.images = random_part(as_unlabelled(images), most, seed)
        if len(self.images) < 2:
            raise InputError(f"Expected two images or more to watch; received {len(self.images)}.")
        labels = self.images.labels
        self._labelled = np.zeros(len(self.images), bool) if labels is None else labels >= 0
        self._judges = self._labelled.any() and len(np.unique(labels[self._labelled])) > 1
        self._figures = {}

    def on_train_begin(self, logs: dict | None = None) -> None:
        encoder = getattr(self.model, "encoder", None)
        if encoder is None:
            raise InputError(
                "Expected a model with an encoder, such as SimCLR or a VAE; received "
                f"{type(self.model).__name__}, which has none."
            )
        *size, channels = image_shape(encoder)
        self._run = feature_function(encoder)
        self._batches = self.images.pipeline(_BATCH_SIZE, image_size=size, channels=channels)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        last = epoch + 1 == (self.params or {}).get("epochs")
        if epoch % self.every == 0 or last or not self._figures:
            self._figures = self.measure()
        if logs is not None:
            logs.update(self._figures)

    def measure(self) -> dict[str, float]:
        """Returns the metrics of the current encoder, a dict of floats."""
        features = features_of(self._batches, self._run)
        if not np.isfinite(features).all():
            features = np.zeros_like(features)  # the model has diverged, which training reports
        figures = {"feature_spread": feature_spread(features)}
        if self._judges:
            features, labels = features[self._labelled], self.images.labels[self._labelled]
            with one_thread():
                figures["knn_accuracy"] = knn_left_out(features, labels, k=self.k)
                figures["linear_accuracy"] = ridge_left_out(features, labels)
        return figures
