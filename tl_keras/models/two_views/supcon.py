"""SupCon: views of images of one class attract each other."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from tl_keras.checks import InputError, check_number
from tl_keras.models.two_views.contrast import contrastive_loss
from tl_keras.models.two_views.two_view_model import TwoViewModel


def sup_con(
    first: tf.Tensor, second: tf.Tensor, labels: tf.Tensor, temperature: float = 0.1
) -> tf.Tensor:
    """Returns the supervised contrastive loss of each image, with the mean outside the logarithm.

    The positives of a view are all other views of images with its label, see
    `contrast.contrastive_loss`. If each image has a label of its own, it equals `nt_xent`.

    Args:
        first, second: (n, d), embeddings of the two views. On several replicas each passes its
            own.
        labels: int (n,).
        temperature: above 0. Defaults to 0.1.

    Returns:
        float32 (n,), mean over the two views of each image.
    """
    return contrastive_loss(first, second, labels, temperature)


@keras.saving.register_keras_serializable(package="tl_keras")
class SupCon(TwoViewModel):
    """Learns an encoder from labels: images of a class attract, those of other classes repel.

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
        Khosla et al. 2020, arXiv 2004.11362, the loss L_out.
    """

    uses_labels = True

    def __init__(
        self,
        encoder: keras.Model,
        *,
        temperature: float = 0.1,
        projection_units: Sequence[int] = (256, 128),
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, projection_units=projection_units, **kwargs)
        self.temperature = check_number("temperature", temperature, above=0)

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
        return {"loss": sup_con(first, second, labels, self.temperature)}

    def get_config(self) -> dict:
        return {**super().get_config(), "temperature": self.temperature}
