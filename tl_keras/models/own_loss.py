"""Models that bring their own loss, computed alike in training and validation, on any replicas."""

import keras
import tensorflow as tf
from keras import ops

from tl_keras.models.divergence import LastGoodWeights


class OwnLossModel(keras.Model):
    """A model that is compiled with an optimizer alone.

    A subclass makes `trackers`, a `keras.metrics.Mean` for each of `loss_names`, what its losses
    are computed from in `batch_of`, and the losses in `losses_of(batch, training)`: a dict with
    each of the names, a value for each picture or their mean.

    Attributes:
        recipe: what `fit_without_labels` does unless it is told otherwise; the batch size is the
            largest that it takes by itself.
    """

    loss_names = ("loss",)
    recipe = {"lr": 1e-3, "weight_decay": 0.0, "augment": "none", "batch_size": 128}

    def guards(self):
        """Callbacks that belong to every training of this model."""
        return [LastGoodWeights()]

    def guarded(self, callbacks):
        """What `fit` was given, nothing, one callback or several, with the model's guards."""
        if isinstance(callbacks, keras.callbacks.CallbackList):
            return callbacks
        return [*keras.tree.flatten(callbacks or ()), *self.guards()]

    @property
    def metrics(self):
        return self.trackers

    def compile(self, optimizer="adam", *, jit_compile=False, **kwargs):
        """As Keras's, with an optimizer alone, which it builds: the loss is the model's own.

        Args:
            optimizer: Defaults to "adam".
            jit_compile: Defaults to False: on a CPU XLA makes these steps slower.
            **kwargs: `steps_per_execution` and the like.
        """
        super().compile(optimizer=optimizer, jit_compile=jit_compile, **kwargs)
        with self.distribute_strategy.scope():
            # Built within `fit`, it would have the step traced twice.
            self.build_optimizer()

    def compile_from_config(self, config):
        # Keras leaves out its own where `compile` is not Keras's.
        self.compile(**keras.saving.deserialize_keras_object(config))

    def build_optimizer(self):
        """Makes the optimizer's state, into which that of a file is loaded."""
        self.optimizer.build(self.trainable_variables)

    def train_step(self, data):
        with tf.GradientTape() as tape:
            losses = self.losses_of(self.batch_of(data), training=True)
            loss = self.optimizer.scale_loss(self._share(losses["loss"]))
        variables = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return self._report(losses)

    def test_step(self, data):
        return self._report(self.losses_of(self.batch_of(data), training=False))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The mean loss of the pictures `x`; of a replica, its share of the whole."""
        data = (x,) if y is None else (x, y)
        return self._share(self.losses_of(self.batch_of(data), training=training)["loss"])

    def _share(self, losses):
        # The gradients of the replicas are summed.
        return ops.mean(losses) / self.distribute_strategy.num_replicas_in_sync

    def _report(self, losses):
        for tracker in self.trackers:
            tracker.update_state(losses[tracker.name])
        return {tracker.name: tracker.result() for tracker in self.trackers}
