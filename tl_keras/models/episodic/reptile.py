"""Reptile: weights that lie near the best weights of many tasks."""

from typing import Any

import keras
import tensorflow as tf

from tl_keras.checks import check_number
from tl_keras.models.episodic.episodic_model import query_losses
from tl_keras.models.episodic.meta_model import MetaModel


@keras.saving.register_keras_serializable(package="tl_keras")
class Reptile(MetaModel):
    """Learns weights near those to which gradient descent on many tasks leads.

    For each episode, inner steps lead from theta to phi. Then theta moves towards their mean:

        theta <- theta + lr * (mean of phi - theta)

    which is a step of SGD with rate lr along theta - phi. All images of an episode are learned
    from, each step from some of each class in turn. No gradient flows through the steps. The loss
    in training is that of the queries after the steps, which have seen them.

    Example:
        model = Reptile(build_conv4(28, width=32), n_way=5, k_shot=5)
        model.compile(keras.optimizers.SGD(0.5))
        model.fit(x_train, y_train, epochs=50)
        model.fit_support(x_support, y_support).predict(x_query)

    Args:
        encoder: see `EpisodicModel`.
        inner_lr, inner_steps, test_steps: see `MetaModel`. Default to 0.1, 8 and 20.
        inner_images: int, images of each class per inner step in training. Defaults to 2.
        n_way, k_shot, n_query: see `EpisodicModel`. Default to 20, 1 and 9.
        **kwargs: `seed`, and those of `EpisodicModel`.

    Reference:
        Nichol, Achiam, Schulman 2018, arXiv 1803.02999. Their inner optimizer is Adam without
        momentum, here SGD.
    """

    recipe = {**MetaModel.recipe, "lr": 0.5}

    def __init__(
        self,
        encoder: keras.Model,
        *,
        inner_lr: float = 0.1,
        inner_steps: int = 8,
        test_steps: int = 20,
        inner_images: int = 2,
        n_query: int = 9,
        **kwargs: Any,
    ) -> None:
        steps = {"inner_lr": inner_lr, "inner_steps": inner_steps, "test_steps": test_steps}
        super().__init__(encoder, n_query=n_query, **steps, **kwargs)
        self.inner_images = check_number("inner_images", inner_images, minimum=1, integer=True)

    def outer_optimizer(self, rate: Any) -> keras.Optimizer:
        return keras.optimizers.SGD(rate)

    def episode_gradients(self, support: tf.Tensor, query: tf.Tensor) -> tuple[dict, list]:
        start = [tf.convert_to_tensor(v) for v in self.network.trainable_variables]
        images = tf.concat([support, query], axis=1)
        per_class, weights = images.shape[1], start
        for step in range(self.inner_steps):
            first = step * self.inner_images
            places = [(first + i) % per_class for i in range(min(self.inner_images, per_class))]
            part, numbers = self._labelled(tf.gather(images, places, axis=1))
            weights = self.inner_step(weights, part, numbers)
        queries, targets = self._labelled(query)
        losses = query_losses(self.logits(weights, queries), targets)
        return losses, [a - b for a, b in zip(start, weights, strict=True)]

    def get_config(self) -> dict:
        return {**super().get_config(), "inner_images": self.inner_images}
