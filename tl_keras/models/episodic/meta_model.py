"""Base class for models that adapt all weights to a support set by steps of gradient descent."""

from typing import Any

import keras
import tensorflow as tf
from keras import layers, ops

from tl_keras.checks import InputError, check_number
from tl_keras.models.episodic.episodic_model import EpisodicModel, query_losses
from tl_keras.models.episodic.twice_differentiable import run_network
from tl_keras.models.keras_private import all_layers


class MetaModel(EpisodicModel):
    """Base class for models that adapt all weights to a support set by steps of gradient descent.

    The network is the encoder and a Dense layer of n_way outputs. A subclass computes the gradient
    of its outer loss in `episode_gradients`; the gradients of the episodes of a step are averaged.

    Batch normalisation always has the moments of a batch; moving statistics are not used. In the
    inner steps and, inductively, for queries, these are the moments of the support set. For
    transductive queries they are those of the queries. Outer losses in training are transductive,
    as published; validation is inductive. Replicas adapt to episodes of their own, so layers of the
    encoder that synchronise their moments stop doing so.

    Args:
        encoder, n_way, k_shot, n_query: see `EpisodicModel`.
        inner_lr: float above 0, learning rate of the inner steps.
        inner_steps: int, inner steps in training, at least 1.
        test_steps: int, inner steps in `fit_support` and in validation.
        **kwargs: `seed`, and those of `EpisodicModel`.

    Output: logits of the network before any adaptation, (b, n_way).
    """

    def __init__(
        self,
        encoder: keras.Model,
        *,
        inner_lr: float,
        inner_steps: int,
        test_steps: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, **kwargs)
        if self.dtype_policy.name == "mixed_float16":
            raise InputError(
                "Expected float32 or mixed_bfloat16, as inner steps do not scale their loss; "
                "received mixed_float16."
            )
        self.inner_lr = check_number("inner_lr", inner_lr, above=0)
        self.inner_steps = check_number("inner_steps", inner_steps, minimum=1, integer=True)
        self.test_steps = check_number("test_steps", test_steps, minimum=1, integer=True)
        self.network = self._build_network()
        self._moments = _moments_of(self.network)
        self._adapted: tuple | None = None
        self._adapt = tf.function(self.adapt, reduce_retracing=True)
        self._logits = tf.function(self.logits, reduce_retracing=True)

    def episode_gradients(self, support: tf.Tensor, query: tf.Tensor) -> tuple[dict, list]:
        """Returns the losses of one episode and the gradient of its outer loss by each weight.

        Args:
            support, query: float32 (n_way, k_shot or n_query, h, w, c), 0-255.
        """
        raise NotImplementedError

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        losses, gradients = self.mean_gradients(*self.batch_of(data))
        replicas = self.distribute_strategy.num_replicas_in_sync  # their gradients are summed
        gradients = [gradient / replicas for gradient in gradients]
        self.optimizer.apply_gradients(
            zip(gradients, self.network.trainable_variables, strict=True)
        )
        return self._report(losses)

    def mean_gradients(self, support: tf.Tensor, query: tf.Tensor) -> tuple[dict, list]:
        """Returns losses and gradients, averaged over episodes (e, n_way, images, h, w, c)."""
        weights = self.network.trainable_variables
        outcome = tf.map_fn(
            lambda episode: self.episode_gradients(*episode),
            (support, query),
            fn_output_signature=(
                {name: tf.TensorSpec((), self._float) for name in self.loss_names},
                [tf.TensorSpec(weight.shape, weight.dtype) for weight in weights],
            ),
        )
        return tf.nest.map_structure(lambda each: tf.reduce_mean(each, axis=0), outcome)

    def losses_of(self, batch: tuple, training: bool) -> dict[str, tf.Tensor]:
        def losses(episode):
            return self.adapted_losses(*episode, steps=self.test_steps, transductive=training)

        signature = {name: tf.TensorSpec((), self._float) for name in self.loss_names}
        return tf.map_fn(losses, batch, fn_output_signature=signature)

    def adapted_losses(
        self, support: tf.Tensor, query: tf.Tensor, *, steps: int, transductive: bool
    ) -> dict[str, tf.Tensor]:
        """Returns the losses of one episode's queries after inner steps on its support."""
        images, numbers = self._labelled(support)
        weights = self.adapt(images, numbers, steps)
        queries, targets = self._labelled(query)
        scores = self.logits(weights, queries, None if transductive else images)
        return query_losses(scores, targets)

    def adapt(self, images: Any, numbers: Any, steps: int, *, second_order: bool = False) -> list:
        """Returns the weights after inner steps of gradient descent on all images.

        Args:
            images: float32 (n, h, w, c), 0-255.
            numbers: ints (n,), class numbers.
            steps: int.
            second_order: whether gradients flow through the gradients of the steps.
        """
        weights = [tf.convert_to_tensor(weight) for weight in self.network.trainable_variables]
        for _ in range(steps):
            weights = self.inner_step(weights, images, numbers, second_order=second_order)
        return weights

    def inner_step(
        self, weights: list, images: Any, numbers: Any, *, second_order: bool = False
    ) -> list:
        """Returns the weights after one step of gradient descent, see `adapt`."""
        with tf.GradientTape() as tape:
            tape.watch(weights)
            loss = query_losses(self.logits(weights, images), numbers)["loss"]
        gradients = tape.gradient(loss, weights)
        if not second_order:
            gradients = [tf.stop_gradient(gradient) for gradient in gradients]
        return [w - self.inner_lr * g for w, g in zip(weights, gradients, strict=True)]

    def logits(self, weights: list, images: tf.Tensor, normalised_by: Any = None) -> tf.Tensor:
        """Returns logits (n, n_way) of images by the network with given weights.

        Args:
            weights: values of the network's trainable variables.
            images: float32 (n, h, w, c), 0-255.
            normalised_by: images whose moments batch normalisation has. Default None: `images`.
        """
        state = self.network.non_trainable_variables
        if normalised_by is None:
            return run_network(self.network, weights, state, images, training=True)[0]
        state = self._moments_on(weights, normalised_by)
        return run_network(self.network, weights, state, images, training=False)[0]

    def _moments_on(self, weights, images):
        """Returns the state of the network in which moving statistics are the moments of images."""
        own = [tf.convert_to_tensor(each) for each in self.network.non_trainable_variables]
        # From zero, one step of the moving statistics is a known share of the moments.
        empty = [
            tf.zeros_like(value) if share else value
            for value, share in zip(own, self._moments, strict=True)
        ]
        _, moved = run_network(self.network, weights, empty, images, training=True)
        return [
            new / share if share else value
            for new, value, share in zip(moved, own, self._moments, strict=True)
        ]

    def learn_support(self, images: tf.Tensor, numbers: tf.Tensor, num_classes: int) -> None:
        if num_classes > self.n_way:
            raise InputError(
                f"Expected at most n_way={self.n_way} classes, for which the network was built; "
                f"received {num_classes}. Train one with a larger n_way."
            )
        weights = self._adapt(images, numbers, self.test_steps)
        self._adapted = (weights, images, num_classes)

    def query_scores(self, images: tf.Tensor, transductive: bool) -> tf.Tensor:
        weights, shown, num_classes = self._adapted
        scores = self._logits(weights, images, None if transductive else shown)
        return scores[:, :num_classes]

    def call(self, inputs: Any, training: bool | None = None) -> tf.Tensor:
        return self.network(self._as_rgb(inputs), training=training)

    def get_config(self) -> dict:
        own = ("inner_lr", "inner_steps", "test_steps")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}

    @property
    def _float(self):
        return self.network.output.dtype

    def _labelled(self, images):
        """Returns the images (n_way, m, h, w, c) of an episode in a row, and their numbers."""
        n_way, per_class = images.shape[:2]
        return self._flat(images), ops.repeat(ops.arange(n_way, dtype="int32"), per_class)

    def _build_network(self):
        for layer in all_layers(self.features):
            if isinstance(layer, layers.BatchNormalization):
                layer.synchronized = False
        # float32 under every policy, like all outputs of a model.
        dtype = "float64" if self.features.output.dtype == "float64" else "float32"
        scores = layers.Dense(self.n_way, dtype=dtype, name="scores")(self.features.output)
        return keras.Model(self.features.input, scores, name="network")


def _moments_of(network):
    """Returns for each non-trainable variable the share that one batch has in it; 0 for others."""
    shares = {}
    for layer in all_layers(network):
        if isinstance(layer, layers.BatchNormalization):
            share = 1.0 - layer.momentum
            shares |= {id(layer.moving_mean): share, id(layer.moving_variance): share}
    return [shares.get(id(variable), 0.0) for variable in network.non_trainable_variables]
