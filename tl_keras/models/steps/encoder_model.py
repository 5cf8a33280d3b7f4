"""Base class for models whose result is an encoder of images."""

from typing import Any

import keras
import tensorflow as tf

from tl_keras.models.backbones.backbone import build_backbone
from tl_keras.models.precision import layers_in
from tl_keras.models.steps.own_loss import OwnLossModel
from tl_keras.models.steps.rgb_inputs import averaged_features, fitting_images


class EncoderModel(OwnLossModel):
    """Base class for models with a loss of their own that train an encoder of images.

    Args:
        encoder: Functional model (b, h, w, 3) RGB 0-255 -> features (b, d) or (b, h', w', d), which
            are averaged over positions; or any argument of `build_backbone`.
        seed: int or None, seed of the random numbers in `fit`; None for 0.
        **kwargs: `name`, `dtype` and `trainable` of `keras.Model`.

    Attributes:
        encoder: the encoder.
        features: Functional model from its input to features (b, d).
    """

    def __init__(self, encoder: keras.Model, *, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        with layers_in(self.dtype_policy):
            self.encoder = build_backbone(encoder)
        self.input_shape = self.encoder.input_shape
        self.seed = seed
        self.features = averaged_features(self.encoder)
        self.trackers = [keras.metrics.Mean(name) for name in self.loss_names]
        self.built = True

    def get_config(self) -> dict:
        encoder = keras.saving.serialize_keras_object(self.encoder)
        return {**super().get_config(), "encoder": encoder, "seed": self.seed}

    @classmethod
    def from_config(cls, config: dict) -> keras.Model:
        encoder = keras.saving.deserialize_keras_object(config["encoder"])
        return cls(**{**config, "encoder": encoder})

    def _as_rgb(self, images: tf.Tensor) -> tf.Tensor:
        return fitting_images(images, self.input_shape[1:])
