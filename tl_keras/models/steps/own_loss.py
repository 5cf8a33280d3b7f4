"""Models with a loss of their own, identical in training and validation, on any replicas."""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from tl_keras.checks import InputError
from tl_keras.models.steps.counted_epochs import CountedEpochs
from tl_keras.models.steps.divergence import LastGoodWeights

# Arguments of `compile` without use here.
OWN = ("loss", "loss_weights", "metrics", "weighted_metrics")


class OwnLossModel(CountedEpochs, keras.Model):
    """Base class for models that are compiled with an optimizer alone.

    A subclass creates `trackers`, a `keras.metrics.Mean` for each of `loss_names`. It returns the
    input of its losses from `batch_of`, and the losses from `losses_of(batch, training)`: a dict
    with each of the names and a value per image or their mean.

    Attributes:
        recipe: default settings of `fit_without_labels`; the batch size is the largest that it
            chooses itself.
    """

    loss_names = ("loss",)
    recipe = {"lr": 1e-3, "weight_decay": 0.0, "augment": "none", "batch_size": 128}

    def guards(self) -> list[keras.callbacks.Callback]:
        """Returns the callbacks that every training of this model uses."""
        return [LastGoodWeights()]

    def guarded(self, callbacks: Any) -> Any:
        """Returns the callbacks given to `fit` (None, one or several) followed by the guards."""
        if isinstance(callbacks, keras.callbacks.CallbackList):
            return callbacks
        return [*keras.tree.flatten(callbacks or ()), *self.guards()]

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return self.trackers

    def compile(
        self,
        optimizer: Any = "adam",
        loss: None = None,
        *,
        jit_compile: bool = False,
        **kwargs: Any,
    ) -> None:
        """Compiles the model with an optimizer alone and builds the optimizer.

        Args:
            optimizer: Defaults to "adam".
            loss: refused, like arguments of **kwargs that are in `OWN`.
            jit_compile: Defaults to False, because XLA slows down these steps on a CPU.
            **kwargs: other arguments of Keras, e.g. `steps_per_execution`.

        Raises:
            InputError: a loss or a metric is given.
        """
        own = {name: kwargs.pop(name, None) for name in OWN[1:]}
        check_own_loss(self, {"loss": loss, **own})
        super().compile(optimizer=optimizer, jit_compile=jit_compile, **kwargs)
        with self.distribute_strategy.scope():
            # Built within `fit`, it would cause the step to be traced twice.
            self.build_optimizer()

    def compile_from_config(self, config: dict) -> None:
        # Keras omits its own arguments if `compile` is overridden.
        self.compile(**keras.saving.deserialize_keras_object(config))

    def build_optimizer(self) -> None:
        """Creates the state of the optimizer, so that a saved state can be loaded."""
        self.optimizer.build(self.trainable_variables)

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        with tf.GradientTape() as tape:
            losses = self.losses_of(self.batch_of(data), training=True)
            loss = self.optimizer.scale_loss(self._share(losses["loss"]))
        variables = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return self._report(losses)

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        return self._report(self.losses_of(self.batch_of(data), training=False))

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> tf.Tensor:
        """Returns the mean loss of the images `x`; on a replica, its share of the whole."""
        data = (x,) if y is None else (x, y)
        return self._share(self.losses_of(self.batch_of(data), training=training)["loss"])

    def _share(self, losses):
        # Gradients of the replicas are summed.
        return ops.mean(losses) / self.distribute_strategy.num_replicas_in_sync

    def _report(self, losses):
        for tracker in self.trackers:
            tracker.update_state(losses[tracker.name])
        return {tracker.name: tracker.result() for tracker in self.trackers}


def check_own_loss(model: keras.Model, given: dict) -> None:
    """Refuses arguments of `compile` that are without use for a model with its own loss.

    Args:
        model: keras.Model.
        given: dict of names and values; None and empty values count as absent.

    Raises:
        InputError: one of them is given.
        TypeError: Keras has no such argument.
    """
    for name, value in given.items():
        if name not in OWN:
            raise TypeError(f"compile() got an unexpected keyword argument {name!r}")
        if value:
            raise InputError(
                f"Expected compile of {type(model).__name__} without {name}: its loss and metrics "
                f"are its own; received {name}={value!r}. Leave it out."
            )


def check_unweighted(
    model: keras.Model,
    x: Any = None,
    *,
    validation_data: Any = None,
    sample_weight: Any = None,
    class_weight: Any = None,
    **others: Any,
) -> None:
    """Refuses weights of images or classes among the arguments of `fit` or `evaluate`.

    Raises:
        InputError: weights are given, or a dataset holds some.
    """
    weighted = _has_weights(getattr(x, "element_spec", None))
    weighted |= _has_weights(getattr(validation_data, "element_spec", validation_data))
    given = {"sample_weight": weighted or sample_weight is not None}
    given["class_weight"] = class_weight is not None
    for name, found in given.items():
        if found:
            raise InputError(
                f"Expected images without {name}: the loss of {type(model).__name__} weighs all "
                f"equally; received {name}. Leave it out."
            )


def without_weights(model: keras.Model, data: Any) -> tuple:
    """Returns (x, y or None) of a batch.

    Raises:
        InputError: the batch has sample weights.
    """
    x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
    check_unweighted(model, sample_weight=weights)
    return x, y


def _has_weights(parts):
    return isinstance(parts, tuple | list) and len(parts) == 3 and parts[2] is not None
