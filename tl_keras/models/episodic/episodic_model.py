"""Base class for models that learn from episodes and are then given a support set."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from tl_keras.checks import InputError, check_number
from tl_keras.data.array_checks import check_pixels
from tl_keras.data.inspection.first_batch import input_errors
from tl_keras.models.episodic.episode_inputs import as_episodes
from tl_keras.models.steps.encoder_model import EncoderModel
from tl_keras.models.steps.own_loss import check_unweighted, without_weights


class EpisodicModel(EncoderModel):
    """Base class for models that learn from episodes and are then given a support set.

    `fit` trains on episodes: small tasks of random classes, see `TaskSampler`. `fit_support` then
    takes a few labelled images of any classes, and `predict` recognises these classes.

    Two scores are kept apart. Inductive: each query is classified by itself. Transductive: batch
    normalisation has the moments of all queries that are classified together, which tells the model
    more than a single query does. Validation in `fit` is inductive.

    Args:
        encoder: see `EncoderModel`.
        n_way, k_shot, n_query: ints, see `TaskSampler`; those of the episodes that `fit` draws.
        **kwargs: `seed` of the episodes in `fit`, and those of `EncoderModel`.

    Attributes:
        encoder: the encoder.
        classes: labels of the support set, in the order of the columns of `predict_proba`.

    Metrics: `loss` and `accuracy` of the queries.
    """

    loss_names = ("loss", "accuracy")
    recipe = {"lr": 1e-3, "weight_decay": 0.0, "augment": "auto", "batch_size": 4}

    def __init__(
        self,
        encoder: keras.Model,
        *,
        n_way: int = 20,
        k_shot: int = 1,
        n_query: int = 5,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, **kwargs)
        self.n_way = check_number("n_way", n_way, minimum=2, integer=True)
        self.k_shot = check_number("k_shot", k_shot, minimum=1, integer=True)
        self.n_query = check_number("n_query", n_query, minimum=1, integer=True)
        self.classes: np.ndarray | None = None

    def outer_optimizer(self, rate: Any) -> keras.Optimizer | None:
        """Returns the optimizer of a recorded training that differs from Adam; None for Adam."""
        return None

    def batch_of(self, data: Any) -> tuple:
        x, _ = without_weights(self, data)
        if not isinstance(x, tuple | list) or len(x) != 2 or len(x[0].shape) < 5:
            raise InputError(
                "Expected episodes (support, query), each (episodes, n_way, images, h, w, c); "
                "received other images. Let fit draw them, or take episode_batches."
            )
        return tuple(x)

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_data: Any = None,
        groups: Sequence[str] | None = None,
        augment: Any = "auto",
        episodes_per_epoch: int = 100,
        validation_groups: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Trains on episodes of images, which are drawn here; otherwise like Keras's `fit`.

        Epochs are counted over all calls, and saved. Each epoch has episodes of its own.

        Args:
            x: array of images (n, h, w), (n, h, w, 1) or (n, h, w, 3), pixels 0-255; or a labelled
                `ImageDataset`; or a `tf.data.Dataset` of `episode_batches`.
            y: labels of an array.
            batch_size: int, episodes per step. Defaults to 4.
            epochs, verbose, callbacks, **kwargs: as in Keras.
            validation_data: like `x`, or a pair of arrays (x, y): other classes than in `x`.
            groups: name of the group of each class in `x`, see `TaskSampler.tasks`.
            augment: see `episode_batches`.
            episodes_per_epoch: int. Defaults to 100.
            validation_groups: those of the classes in `validation_data`.

        Raises:
            InputError: the images are invalid, or too few for an episode.
            DivergedError: the loss became NaN; the model has the weights of the last good epoch.
        """
        check_unweighted(self, x, validation_data=validation_data, **kwargs)
        options = {"batch_size": batch_size, "episodes_per_epoch": episodes_per_epoch}
        batches = as_episodes(self, x, y, training=True, groups=groups, augment=augment, **options)
        if validation_data is not None:
            held_out = validation_data if isinstance(validation_data, tuple) else (validation_data,)
            if isinstance(held_out[0], tf.data.Dataset):
                options = {}
            validation_data = as_episodes(
                self, *held_out, training=False, groups=validation_groups, **options
            )
        return super().fit(
            batches,
            epochs=epochs,
            verbose=verbose,
            callbacks=self.guarded(callbacks),
            validation_data=validation_data,
            shuffle=False,  # the episodes are drawn at random already
            **kwargs,
        )

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        groups: Sequence[str] | None = None,
        episodes_per_epoch: int = 100,
        **kwargs: Any,
    ) -> Any:
        """Evaluates on episodes that are the same in each call; see `fit` for the arguments."""
        check_unweighted(self, x, **kwargs)
        options = {"batch_size": batch_size, "episodes_per_epoch": episodes_per_epoch}
        if isinstance(x, tf.data.Dataset):
            options = {}
        batches = as_episodes(self, x, y, training=False, groups=groups, **options)
        with input_errors():
            return super().evaluate(batches, **kwargs)

    def fit_support(self, images: Any, labels: Any) -> "EpisodicModel":
        """Learns classes from a few labelled images; `predict` then recognises them.

        Args:
            images: (n, h, w), (n, h, w, 1) or (n, h, w, 3), pixels 0-255.
            labels: (n,), of at least one class; each class may have another number of images.

        Returns:
            The model itself.

        Raises:
            InputError: images and labels do not fit together or to the model.
        """
        images = check_pixels(images)
        labels = np.asarray(labels)
        if labels.shape != (len(images),) or not len(labels):
            raise InputError(
                f"Expected one label for each of {len(images)} support images; received labels of "
                f"shape {labels.shape}."
            )
        classes, numbers = np.unique(labels, return_inverse=True)
        self.learn_support(self._as_rgb(images), tf.constant(numbers, tf.int32), len(classes))
        self.classes = classes
        return self

    def predict(self, queries: Any, *, transductive: bool = False) -> np.ndarray:
        """Returns the label of each query (m,), one of those given to `fit_support`.

        Args:
            queries: (m, h, w), (m, h, w, 1) or (m, h, w, 3), pixels 0-255.
            transductive: bool, whether the moments of all queries serve batch normalisation.
                Defaults to False: the answer for a query does not depend on the others.
        """
        probabilities = self.predict_proba(queries, transductive=transductive)
        return self.classes[probabilities.argmax(axis=1)]

    def predict_proba(self, queries: Any, *, transductive: bool = False) -> np.ndarray:
        """Returns the probability of each class of the support, float32 (m, num_classes)."""
        if self.classes is None:
            raise InputError(
                "Expected a support set before queries; received none. Call "
                "fit_support(images, labels) first."
            )
        images = self._as_rgb(check_pixels(queries))
        return np.asarray(ops.softmax(self.query_scores(images, transductive)), np.float32)

    def learn_support(self, images: tf.Tensor, numbers: tf.Tensor, num_classes: int) -> None:
        """Learns from a support set.

        Args:
            images: float32 (n, h, w, c), 0-255.
            numbers: int32 (n,), class numbers from 0.
            num_classes: int.
        """
        raise NotImplementedError

    def query_scores(self, images: tf.Tensor, transductive: bool) -> tf.Tensor:
        """Returns the logits of queries, (m, num_classes)."""
        raise NotImplementedError

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "n_way": self.n_way,
            "k_shot": self.k_shot,
            "n_query": self.n_query,
        }

    def _flat(self, images):
        """Returns the images of episodes (..., h, w, c) as (n, h, w, c) for the encoder."""
        return self._as_rgb(ops.reshape(images, (-1, *images.shape[-3:])))


def query_losses(scores: tf.Tensor, numbers: tf.Tensor) -> dict[str, tf.Tensor]:
    """Returns mean cross-entropy and accuracy of logits (..., m, num_classes)."""
    losses = keras.losses.sparse_categorical_crossentropy(numbers, scores, from_logits=True)
    right = ops.equal(ops.argmax(scores, axis=-1), ops.cast(numbers, "int32"))
    return {"loss": ops.mean(losses), "accuracy": ops.mean(ops.cast(right, losses.dtype))}
