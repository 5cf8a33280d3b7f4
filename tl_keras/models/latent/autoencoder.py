"""The autoencoder: images through a bottleneck and back."""

import keras
from keras import ops

from tl_keras.checks import check_number
from tl_keras.models.latent.latent_model import LatentModel
from tl_keras.models.random_numbers import draw_binary, next_seed


@keras.saving.register_keras_serializable(package="tl_keras")
class Autoencoder(LatentModel):
    """Learns to give each image back from `latent_dim` numbers, without labels.

    The loss is the mean squared difference between the image and its reconstruction, pixels on
    a scale from 0 to 1. With `noise` it is a denoising autoencoder: in training the encoder sees
    images with some pixels blackened, and the whole image is asked for.

    Example:
        model = Autoencoder((28, 28), 32)
        model.compile("adam")
        model.fit(x_train, epochs=20, batch_size=128, validation_data=(x_val,))
        errors = model.reconstruction_error(x_test)  # high for odd images

    Args:
        input_shape: (h, w), (h, w, 1) or (h, w, 3).
        latent_dim: int, numbers of the code, at least 1. Defaults to 32.
        architecture: str. Defaults to "dense".
            "dense": flattened pixels, Dense layers of `hidden_units`, and back.
            "conv": a 4x4 convolution of stride 2 for each of `filters`, and transposed ones back;
                the sides of the images must be divisible by 2 for each.
        hidden_units: ints, widths of the encoder's Dense layers; the decoder has them the other
            way round. Defaults to (64, 32) for "dense", to none for "conv".
        filters: ints, maps of the convolutions. Defaults to (32, 64).
        activation: str, of every hidden layer. Defaults to "relu".
        noise: float in [0, 1), share of the pixels that are blackened. Defaults to 0.
        encoder: Functional model (b, h, w, c) 0-255 -> features, in place of the preset; the code
            is a Dense layer on them.
        decoder: Functional model (b, latent_dim) -> (b, h, w, c) logits, in place of the preset.
        seed: int or None, of the noise.
        **kwargs: `name`, `dtype` and `trainable` of `keras.Model`.

    Attributes:
        encoder: Functional model (b, h, w, 3) RGB 0-255 -> the code (b, latent_dim), with the
            layers of this model. It can be the backbone of `build_classifier`, which then trains
            these very layers.
        decoder: Functional model (b, latent_dim) -> logits (b, h, w, c).

    Input: (b, h, w), (b, h, w, 1) or (b, h, w, 3), pixels 0-255, uint8 or float.
    Output: reconstructions, float32 (b, h, w, c), 0-255.

    Raises:
        InputError: an argument or the shape of the images cannot be used.

    Reference:
        Hinton and Salakhutdinov 2006, "Reducing the dimensionality of data with neural networks".
        Denoising: Vincent et al. 2008, "Extracting and composing robust features".
    """

    dense_units = (64, 32)

    def __init__(self, input_shape, latent_dim=32, architecture="dense", *, noise=0.0, **kwargs):
        super().__init__(input_shape, latent_dim, architecture, **kwargs)
        self.noise = check_number("noise", noise, minimum=0, below=1)
        self._set_encoder("code")

    def losses_of(self, pixels, training):
        seen = pixels
        if training and self.noise:
            kept = draw_binary(
                ops.full_like(pixels, 255.0 * (1.0 - self.noise)), next_seed(self.seeds)
            )
            seen = pixels * kept
        logits = self.decoder(self._code(seen, training), training=training)
        shown = ops.sigmoid(ops.cast(logits, "float32"))
        return {"loss": ops.mean(ops.square(shown - pixels / 255.0), axis=(1, 2, 3))}

    def get_config(self):
        return {**super().get_config(), "noise": self.noise}
