"""Base class of the autoencoder and the variational autoencoder."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from tl_keras.checks import InputError, check_choice, check_number, check_widths
from tl_keras.data.array_checks import check_images
from tl_keras.data.inspection.first_batch import check_first_batch, input_errors
from tl_keras.models.latent.image_networks import (
    ARCHITECTURES,
    build_decoder,
    build_encoder,
    check_network,
)
from tl_keras.models.precision import layers_in
from tl_keras.models.saving.saved_seeds import SavedSeeds
from tl_keras.models.steps.own_loss import OwnLossModel, check_unweighted, without_weights
from tl_keras.models.steps.rgb_inputs import chain_on_rgb, check_image_shape

_FILTERS = (32, 64)
_AT_ONCE = 256  # images


class LatentModel(SavedSeeds, OwnLossModel):
    """Base class for models with an encoder, a decoder and training without labels.

    A subclass names its heads in `_set_encoder` and computes its losses in `losses_of`. Training
    and validation share this method.

    Args:
        input_shape: (h, w), (h, w, 1) or (h, w, 3).
        latent_dim: int, at least 1.
        architecture: "dense" or "conv".
        hidden_units: ints, widths of the Dense layers before the code; the decoder reverses them.
            None for the default of the architecture.
        filters: ints, channels of the convolutions of "conv", each of which halves the sides.
        activation: str, activation of every hidden layer.
        encoder: Functional model (b, h, w, c) 0-255 -> features, instead of the preset. Encoder and
            decoder run in training mode in `fit` and in inference mode everywhere else.
        decoder: Functional model (b, latent_dim) -> (b, h, w, c) logits, instead of the preset.
        seed: int or None, seed of the random numbers of training.
        **kwargs: `name`, `dtype` and `trainable` of `keras.Model`.
    """

    dense_units = ()  # of the "dense" architecture; "conv" has none
    seed_names = ("seeds",)

    def __init__(
        self,
        input_shape: tuple[int, ...],
        latent_dim: int,
        architecture: str = "dense",
        *,
        hidden_units: Sequence[int] | None = None,
        filters: Sequence[int] = _FILTERS,
        activation: str = "relu",
        encoder: keras.Model | None = None,
        decoder: keras.Model | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        shape = check_image_shape(input_shape)
        self.input_shape = (None, *shape)
        self.latent_dim = check_number("latent_dim", latent_dim, minimum=1, integer=True)
        self.architecture = check_choice("architecture", architecture, ARCHITECTURES)
        if hidden_units is None:
            hidden_units = self.dense_units if architecture == "dense" else ()
        self.hidden_units = check_widths("hidden_units", hidden_units)
        self.filters = check_widths("filters", filters)
        self.activation = activation
        self.seed = seed
        self.seeds = keras.random.SeedGenerator(seed)
        self._own = (encoder is not None, decoder is not None)
        with layers_in(self.dtype_policy):
            self.network = self._encoder_network(encoder)
            self.decoder = self._decoder_network(decoder)
        self.trackers = [keras.metrics.Mean(name) for name in self.loss_names]

    def _encoder_network(self, encoder):
        shape = self.input_shape[1:]
        if encoder is None:
            options = {"hidden_units": self.hidden_units, "filters": self.filters}
            return build_encoder(shape, self.architecture, activation=self.activation, **options)
        return check_network("encoder", encoder, shape, None)

    def _decoder_network(self, decoder):
        shape = self.input_shape[1:]
        if decoder is None:
            options = {"hidden_units": self.hidden_units[::-1], "filters": self.filters[::-1]}
            options["activation"] = self.activation
            return build_decoder(self.latent_dim, shape, self.architecture, **options)
        return check_network("decoder", decoder, (self.latent_dim,), shape)

    def _set_encoder(self, *heads):
        """Adds a Dense layer per name to the encoder's features; the first one is the code."""
        features, image = self.network.output, self.network.input
        with layers_in(self.dtype_policy):
            if len(features.shape) > 2:
                features = layers.Flatten(name="features")(features)
            # float32 under every policy, like all outputs of a model.
            sizes = {"units": self.latent_dim, "dtype": "float32"}
            outputs = [layers.Dense(name=name, **sizes)(features) for name in heads]
            coder = keras.Model(image, outputs[0], name="encoder")
            self.encoder = chain_on_rgb(coder, is_row=not self._own[0])
        self._heads = keras.Model(image, outputs)
        self.built = True

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Trains on images alone and ignores labels; otherwise like Keras's `fit`.

        Args:
            x: array of images (n, h, w), (n, h, w, 1) or (n, h, w, 3) of the model's size, pixels
                0-255. Or a `tf.data.Dataset` or `keras.utils.PyDataset` of batches of them, with or
                without labels.
            y: ignored.
            batch_size, epochs, verbose, callbacks, **kwargs: as in Keras.

        Raises:
            InputError: the size or the pixels of the images are invalid.
            DivergedError: the loss became NaN; the model has the weights of the last good epoch.
        """
        check_unweighted(self, x, **kwargs)
        x = self._before_fit(x)
        kwargs.setdefault("shuffle", _is_array(x))
        held_out = kwargs.get("validation_data")
        if isinstance(held_out, tuple | list | np.ndarray):
            held_out = held_out if isinstance(held_out, np.ndarray) else held_out[0]
            kwargs["validation_data"] = (self._images(held_out),)
        elif isinstance(held_out, tf.data.Dataset):
            kwargs["validation_data"] = self._looked_at(held_out)
        return super().fit(
            x,
            batch_size=batch_size,
            epochs=epochs,
            verbose=verbose,
            callbacks=self.guarded(callbacks),
            **kwargs,
        )

    def evaluate(self, x: Any = None, y: Any = None, **kwargs: Any) -> Any:
        """Calls Keras's `evaluate`; see `fit` for `x`. Labels `y` are ignored."""
        check_unweighted(self, x, **kwargs)
        if isinstance(x, tf.data.Dataset):
            x = self._looked_at(x)
        elif _is_array(x) and not isinstance(x, tf.distribute.DistributedDataset):
            x = self._images(x)
        with input_errors():
            return super().evaluate(x, **kwargs)

    def _before_fit(self, x):
        """Returns `x` after checking it, or batches whose first one is checked when read."""
        if x is None:
            return x
        if _is_array(x):
            x = first = self._images(x)
        else:
            first = x[0] if isinstance(x, keras.utils.PyDataset) else next(iter(x.take(1)))
            first = first[0] if isinstance(first, tuple | list) else first
            first = self._images(first)
        self.look_at(first)
        return x

    def _looked_at(self, batches):
        return check_first_batch(batches, self._images, pixels_alone=False)

    def look_at(self, images: np.ndarray) -> None:
        """Sets what depends on the first images (n, h, w, c) of training."""

    def batch_of(self, data: Any) -> tf.Tensor:
        """Returns the images of a batch without its labels, float32 (b, h, w, c) 0-255."""
        x, _ = without_weights(self, data)
        return self._as_batch(x)

    def call(self, inputs: Any, training: bool | None = None) -> tf.Tensor:
        """Returns reconstructions of images (b, h, w, c) 0-255, float32 of the same shape."""
        code = self._code(self._as_batch(inputs), training)
        return self._shown(self.decoder(code, training=training))

    def reconstruct(self, x: Any) -> np.ndarray:
        """Returns reconstructions, float32 (n, h, w, c), of (n, h, w) or (n, h, w, 1 or 3)."""
        return self._by_parts(lambda part: self.call(part, training=False), self._images(x))

    def reconstruction_error(self, x: Any) -> np.ndarray:
        """Returns the mean squared error between each image and its reconstruction.

        Args:
            x: (n, h, w), (n, h, w, 1) or (n, h, w, 3), pixels 0-255.

        Returns:
            float32 array (n,), for pixels on a scale from 0 to 1.
        """

        def error(pixels):
            pixels = self._as_batch(pixels)
            shown = self.call(pixels, training=False)
            return ops.mean(ops.square((shown - pixels) / 255.0), axis=(1, 2, 3))

        return self._by_parts(error, self._images(x))

    def encode(self, x: Any) -> np.ndarray:
        """Returns codes, float32 (n, latent_dim), of (n, h, w) or (n, h, w, 1 or 3)."""
        return self._by_parts(
            lambda part: self._code(self._as_batch(part), training=False), self._images(x)
        )

    def decode(self, z: Any) -> np.ndarray:
        """Returns the images, float32 array (n, h, w, c) 0-255, of codes (n, latent_dim)."""
        z = np.asarray(z, "float32")
        if z.ndim != 2 or z.shape[1] != self.latent_dim:
            raise InputError(f"Expected codes of shape (n, {self.latent_dim}); received {z.shape}.")
        return self._by_parts(lambda part: self._shown(self.decoder(part, training=False)), z)

    def get_config(self) -> dict:
        encoder, decoder = self.network, self.decoder
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "input_shape": list(self.input_shape[1:]),
            "latent_dim": self.latent_dim,
            "architecture": self.architecture,
            "hidden_units": list(self.hidden_units),
            "filters": list(self.filters),
            "activation": self.activation,
            "encoder": serialize(encoder) if self._own[0] else None,
            "decoder": serialize(decoder) if self._own[1] else None,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict) -> keras.Model:
        config = dict(config)
        for name in ("encoder", "decoder"):
            if isinstance(config.get(name), dict):
                config[name] = keras.saving.deserialize_keras_object(config[name])
        return cls(**config)

    def _code(self, pixels, training):
        return keras.tree.flatten(self._heads(pixels, training=training))[0]

    def _as_batch(self, x):
        """Returns a batch of images in any supported form as float32 (b, h, w, c) 0-255."""
        return ops.reshape(ops.cast(x, "float32"), (-1, *self.input_shape[1:]))

    def _shown(self, logits):
        """Returns pixels 0-255 from the decoder's logits."""
        return 255.0 * ops.sigmoid(ops.cast(logits, "float32"))

    def _images(self, x):
        """Returns uint8 images (n, h, w, c) of the model's size, or raises an error."""
        x = check_images(np.asarray(x))
        shape = (*x.shape[1:], 1)[:3]
        if shape != self.input_shape[1:]:
            raise InputError(
                f"Expected images of shape {self.input_shape[1:]}, for which the model was "
                f"made; received {x.shape[1:]}. Resize them or make another model."
            )
        return x.reshape(-1, *shape)

    def _by_parts(self, function, x):
        """Applies `function` to a few rows of `x` at a time and returns one array."""
        parts = [x[i : i + _AT_ONCE] for i in range(0, len(x), _AT_ONCE)]
        return np.concatenate([ops.convert_to_numpy(function(part)) for part in parts])


def _is_array(x):
    return x is not None and not isinstance(x, tf.data.Dataset | keras.utils.PyDataset)
