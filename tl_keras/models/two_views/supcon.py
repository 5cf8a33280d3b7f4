"""SupCon: views of images of one class attract each other."""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from tl_keras.checks import InputError
from tl_keras.models.two_views.contrast import contrastive_loss
from tl_keras.models.two_views.simclr import SimCLR


@keras.saving.register_keras_serializable(package="tl_keras")
class SupCon(SimCLR):
    """Learns an encoder from labels: images of a class attract, those of other classes repel.

    It is SimCLR with labels: the positives of a view are all other views of images with its label.
    If each image has a label of its own, the losses are equal.

    Example:
        model = SupCon(build_small_resnet(32))
        model.compile()
        model.fit(x_train, y_train, epochs=20)

    Args:
        encoder: see `TwoViewModel`.
        temperature: float above 0. Defaults to 0.1.
        projection_units: see `TwoViewModel`.
        **kwargs: `seed`, and those of `TwoViewModel`.

    Raises:
        InputError: an argument is invalid, or images have no labels.

    Reference:
        Khosla et al. 2020, arXiv 2004.11362, the loss L_out: the mean is outside the logarithm.
    """

    uses_labels = True

    def __init__(self, encoder: keras.Model, *, temperature: float = 0.1, **kwargs: Any) -> None:
        super().__init__(encoder, temperature=temperature, **kwargs)

    def losses_between(
        self, first: tf.Tensor, second: tf.Tensor, labels: tf.Tensor | None, training: bool
    ) -> dict[str, tf.Tensor]:
        if labels is None:
            raise InputError(
                "Expected labels beside the images, which SupCon learns from; "
                "received none. Give fit(x, y), or use SimCLR."
            )
        if len(labels.shape) == 2:
            labels = labels[:, 0] if labels.shape[1] == 1 else ops.argmax(labels, axis=1)
        return {"loss": contrastive_loss(first, second, labels, self.temperature)}
