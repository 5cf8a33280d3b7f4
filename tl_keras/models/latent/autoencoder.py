"""The autoencoder: images through a bottleneck and back."""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from tl_keras.checks import check_number
from tl_keras.models.latent.latent_model import LatentModel
from tl_keras.models.steps.random_numbers import draw_binary, next_seed


@keras.saving.register_keras_serializable(package="tl_keras")
class Autoencoder(LatentModel):
    """Learns to reconstruct each image from a code of `latent_dim` dimensions, without labels.

    The loss is the mean squared error between the image and its reconstruction, for pixels on a
    scale from 0 to 1. With `noise` it is a denoising autoencoder: in training the encoder sees
    images with some pixels set to black, and the target is the original image.

    Example:
        model = Autoencoder((28, 28), 32)
        model.compile("adam")
        model.fit(x_train, epochs=20, batch_size=128, validation_data=(x_val,))
        errors = model.reconstruction_error(x_test)  # high for outliers

    Args:
        input_shape: (h, w), (h, w, 1) or (h, w, 3).
        latent_dim: int, dimensions of the code, at least 1. Defaults to 32.
        architecture: str. Defaults to "dense".
            "dense": flattened pixels and Dense layers of `hidden_units`, mirrored in the decoder.
            "conv": a 4x4 convolution of stride 2 for each of `filters`, transposed in the decoder.
                Each convolution must be able to halve the sides of its input.
        hidden_units: ints, widths of the encoder's Dense layers; the decoder reverses them.
            Defaults to (64, 32) for "dense", to none for "conv".
        filters: ints, channels of the convolutions. Defaults to (32, 64).
        activation: str, activation of every hidden layer. Defaults to "relu".
        noise: float in [0, 1), share of the pixels that are set to black. Defaults to 0.
        encoder: Functional model (b, h, w, c) 0-255 -> features, instead of the preset. A Dense
            layer turns the features into the code.
        decoder: Functional model (b, latent_dim) -> (b, h, w, c) logits, instead of the preset.
        seed: int or None, seed of the noise.
        **kwargs: `name`, `dtype` and `trainable` of `keras.Model`.

    Attributes:
        encoder: Functional model (b, h, w, 3) RGB 0-255 -> code (b, latent_dim), with the layers of
            this model. As the backbone of `build_classifier` it shares these layers with the
            classifier.
        decoder: Functional model (b, latent_dim) -> logits (b, h, w, c).

    Input: (b, h, w), (b, h, w, 1) or (b, h, w, 3), pixels 0-255, uint8 or float.
    Output: reconstructions, float32 (b, h, w, c), 0-255.

    Raises:
        InputError: an argument or the shape of the images is invalid.

    Reference:
        Hinton and Salakhutdinov 2006, "Reducing the dimensionality of data with neural networks".
        Denoising: Vincent et al. 2008, "Extracting and composing robust features".
    """

    dense_units = (64, 32)

    def __init__(
        self,
        input_shape: tuple[int, ...],
        latent_dim: int = 32,
        architecture: str = "dense",
        *,
        noise: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(input_shape, latent_dim, architecture, **kwargs)
        self.noise = check_number("noise", noise, minimum=0, below=1)
        self._set_encoder("code")

    def losses_of(self, pixels: tf.Tensor, training: bool) -> dict[str, tf.Tensor]:
        seen = pixels
        if training and self.noise:
            kept = draw_binary(
                ops.full_like(pixels, 255.0 * (1.0 - self.noise)), next_seed(self.seeds)
            )
            seen = pixels * kept
        logits = self.decoder(self._code(seen, training), training=training)
        shown = ops.sigmoid(ops.cast(logits, "float32"))
        return {"loss": ops.mean(ops.square(shown - pixels / 255.0), axis=(1, 2, 3))}

    def get_config(self) -> dict:
        return {**super().get_config(), "noise": self.noise}
