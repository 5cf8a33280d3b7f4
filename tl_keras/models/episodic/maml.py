"""MAML: weights from which a few steps of gradient descent on a support set go far."""

from typing import Any

import keras
import tensorflow as tf

from tl_keras.models.episodic.episodic_model import query_losses
from tl_keras.models.episodic.meta_model import MetaModel


@keras.saving.register_keras_serializable(package="tl_keras")
class MAML(MetaModel):
    """Learns weights from which a few steps of gradient descent on a support set go far.

    The outer loss of an episode is that of its queries after the inner steps on its support:

        L(theta) = loss(queries; phi),    phi = theta - inner_lr * gradient(support; theta), ...

    Its gradient flows through the inner steps and needs second derivatives. With `first_order` the
    gradient at phi is taken in its place.

    Example:
        model = MAML(build_conv4(28, width=32), n_way=5)
        model.compile(keras.optimizers.Adam(1e-3))
        model.fit(x_train, y_train, epochs=50)
        model.fit_support(x_support, y_support).predict(x_query)

    Args:
        encoder: see `EpisodicModel`.
        first_order: bool. Defaults to False.
        inner_lr, inner_steps, test_steps: see `MetaModel`. Default to 0.1, 3 and 5.
        n_way, k_shot, n_query: see `EpisodicModel`. Default to 20, 1 and 5.
        **kwargs: `seed`, and those of `EpisodicModel`.

    Reference:
        Finn, Abbeel, Levine 2017, arXiv 1703.03400.
    """

    def __init__(
        self,
        encoder: keras.Model,
        *,
        first_order: bool = False,
        inner_lr: float = 0.1,
        inner_steps: int = 3,
        test_steps: int = 5,
        **kwargs: Any,
    ) -> None:
        steps = {"inner_lr": inner_lr, "inner_steps": inner_steps, "test_steps": test_steps}
        super().__init__(encoder, **steps, **kwargs)
        self.first_order = bool(first_order)

    def episode_gradients(self, support: tf.Tensor, query: tf.Tensor) -> tuple[dict, list]:
        images, numbers = self._labelled(support)
        queries, targets = self._labelled(query)
        with tf.GradientTape() as tape:
            start = [tf.convert_to_tensor(v) for v in self.network.trainable_variables]
            tape.watch(start)
            weights = start
            for _ in range(self.inner_steps):
                weights = self.inner_step(
                    weights, images, numbers, second_order=not self.first_order
                )
            losses = query_losses(self.logits(weights, queries), targets)
        return losses, tape.gradient(losses["loss"], start)

    def get_config(self) -> dict:
        return {**super().get_config(), "first_order": self.first_order}
