"""Base class for methods that learn from two random views of each image."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from tl_keras.checks import check_widths
from tl_keras.data.array_checks import check_pixels
from tl_keras.data.inspection.first_batch import input_errors
from tl_keras.models.precision import layers_in
from tl_keras.models.steps.encoder_model import EncoderModel
from tl_keras.models.steps.own_loss import check_unweighted
from tl_keras.models.steps.replicas import gather_replicas
from tl_keras.models.two_views.embedding_spread import SpreadWatch, embedding_spread
from tl_keras.models.two_views.view_inputs import BATCH_SIZE, paired, training_batches

_AT_ONCE = 256  # images


class TwoViewModel(EncoderModel):
    """Base class for methods that learn from two random views of each image.

    The model has an encoder and a projection head. A subclass computes its losses in
    `losses_between`; training and validation share this method. The encoder is the result. The head
    is needed for training only.

    Args:
        encoder: see `EncoderModel`.
        projection_units: ints, widths of the head's Dense layers. Batch normalisation and ReLU
            follow all but the last, which is the embedding.
        **kwargs: `seed` of the random views in `fit`, and those of `EncoderModel`. `dtype` applies
            to the head and to an encoder given by name. An encoder given as a model keeps its own.

    Attributes:
        encoder: the encoder.

    Input: (b, h, w), (b, h, w, 1) or (b, h, w, 3), pixels 0-255, uint8 or float.
    Output: embeddings, float32 (b, projection_units[-1]).

    Metrics: `loss` and `embedding_spread`, see `models.two_views.embedding_spread`.
    """

    uses_labels = False
    recipe = {"lr": 2e-3, "weight_decay": 1e-4, "augment": "auto", "batch_size": BATCH_SIZE}

    def __init__(
        self,
        encoder: keras.Model,
        *,
        projection_units: Sequence[int],
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, **kwargs)
        self.projection_units = check_widths("projection_units", projection_units)
        self.projector = self.build_head(
            self.features.output_shape[-1], self.projection_units, "projector"
        )
        self.trackers.append(keras.metrics.Mean("embedding_spread"))

    def build_head(self, inputs: int, units: Sequence[int], name: str) -> keras.Model:
        """Returns a `perceptron` that computes with the `dtype` of this model."""
        with layers_in(self.dtype_policy):
            return perceptron(inputs, units, name)

    def losses_between(
        self, first: tf.Tensor, second: tf.Tensor, labels: tf.Tensor | None, training: bool
    ) -> dict[str, tf.Tensor]:
        """Returns the losses of a batch by `loss_names`, as values per image or their means.

        Args:
            first, second: float32 (b, d), embeddings of the two views.
            labels: (b,) or one-hot (b, num_classes); None without labels.
            training: bool.
        """
        raise NotImplementedError

    def losses_of(self, batch: tuple, training: bool) -> dict[str, tf.Tensor]:
        views, labels = batch
        # One call for both: half the overhead, and moments over twice as many images.
        embeddings = self.call(ops.concatenate(views), training=training)
        first, second = ops.split(embeddings, 2)
        losses = self.losses_between(first, second, labels, training)
        every = gather_replicas(ops.stop_gradient(first))
        return {**losses, "embedding_spread": embedding_spread(every)}

    def batch_of(self, data: Any) -> tuple:
        views, labels = paired(self, data)
        return tuple(self._as_rgb(view) for view in views), labels

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> tf.Tensor:
        """Returns the mean loss; on a replica, its share of the whole.

        Args:
            x: a pair of views, or images, which then serve as both views.
            y: labels, or None.
            y_pred, sample_weight: ignored.
            training: bool.
        """
        views = x if isinstance(x, tuple | list) else (x, x)
        return super().compute_loss(tuple(views), y, training=training)

    def call(self, inputs: Any, training: bool | None = None) -> tf.Tensor:
        features = self.features(self._as_rgb(inputs), training=training)
        return ops.cast(self.projector(features, training=training), "float32")

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_data: Any = None,
        augment: str = "auto",
        validation_batch_size: int | None = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Trains on views of images, which are created here; otherwise like Keras's `fit`.

        Epochs are counted over all calls, and saved. Each epoch has views and an order of its own.

        Args:
            x: array of images (n, h, w), (n, h, w, 1) or (n, h, w, 3), pixels 0-255; or an
                `ImageDataset`. Or a `tf.data.Dataset` of batches of images, with or without labels.
                Or one of pairs of views (view_1, view_2) or ((view_1, view_2), labels).
            y: labels, which only some methods use.
            batch_size: int, at least 2. An incomplete last batch is dropped from the epoch.
                Defaults to 256, or all images if they are fewer. A `tf.data.Dataset` has its own.
            epochs, verbose, callbacks, **kwargs: as in Keras.
            validation_data: like `x`, or a pair of arrays (x, y).
            augment: "auto" or one of `augmentation_presets.VIEWS`.
            validation_batch_size: int, at least 2. Defaults to `batch_size`.

        Raises:
            InputError: the images are invalid, or fewer than a batch.
            DivergedError: the loss became NaN; the model has the weights of the last good epoch.
        """
        check_unweighted(self, x, validation_data=validation_data, **kwargs)
        options = {"augment": augment, "batch_size": batch_size}
        batches = training_batches(self, x, y, training=True, **options)
        if validation_data is not None:
            held_out = validation_data if isinstance(validation_data, tuple) else (validation_data,)
            own_size = isinstance(held_out[0], tf.data.Dataset)
            options["batch_size"] = validation_batch_size or (None if own_size else batch_size)
            validation_data = training_batches(self, *held_out, training=False, **options)
        return super().fit(
            batches,
            epochs=epochs,
            verbose=verbose,
            callbacks=self.guarded(callbacks),
            validation_data=validation_data,
            shuffle=False,  # the batches are shuffled already
            **kwargs,
        )

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        augment: str = "auto",
        **kwargs: Any,
    ) -> Any:
        """Evaluates on views that are the same in each call; see `fit` for the arguments."""
        check_unweighted(self, x, **kwargs)
        batches = training_batches(
            self, x, y, training=False, augment=augment, batch_size=batch_size
        )
        with input_errors():
            return super().evaluate(batches, **kwargs)

    def guards(self) -> list[keras.callbacks.Callback]:
        return [*super().guards(), SpreadWatch()]

    def encode(self, x: Any) -> np.ndarray:
        """Returns features, float32 (n, d), of images (n, h, w) or (n, h, w, 1 or 3) 0-255."""
        x = check_pixels(x)
        parts = [x[i : i + _AT_ONCE] for i in range(0, len(x), _AT_ONCE)]
        features = [self.features(self._as_rgb(part), training=False) for part in parts]
        return np.concatenate([np.asarray(part, np.float32) for part in features])

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "projection_units": list(self.projection_units),
        }


def perceptron(inputs: int, units: Sequence[int], name: str) -> keras.Model:
    """Builds Dense layers, all but the last followed by batch normalisation and ReLU.

    Args:
        inputs: int, dimensions of the input.
        units: ints, widths.
        name: str.

    Returns:
        Functional model (b, inputs) -> (b, units[-1]).
    """
    x = features = keras.Input((inputs,), name="features")
    for number, width in enumerate(units[:-1], 1):
        x = layers.Dense(width, use_bias=False, name=f"dense_{number}")(x)
        x = layers.BatchNormalization(momentum=0.9, synchronized=True, name=f"bn_{number}")(x)
        x = layers.ReLU(name=f"relu_{number}")(x)
    # float32 under every policy, like all outputs of a model.
    x = layers.Dense(units[-1], dtype="float32", name="embedding")(x)
    return keras.Model(features, x, name=name)
