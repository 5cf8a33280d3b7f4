"""Magnitude pruning: sets the smallest weights to zero, little by little, and trains the others."""

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np

from tl_keras.checks import check_number
from tl_keras.models.signature import num_outputs
from tl_keras.settings.options.signatures import shows_settings
from tl_keras.settings.whole_model import PruneSettings
from tl_keras.training.fine_tuning.inputs import LabelledData
from tl_keras.training.fine_tuning.phases import compile_for_use
from tl_keras.training.frozen.freezing import everything_trains
from tl_keras.training.history import TrainingHistory
from tl_keras.training.whole.magnitudes import magnitude_masks, prunable_kernels, weight_figures
from tl_keras.training.whole.whole_model import (
    batch_size_for,
    fit_whole,
    image_batches,
    labelled_for,
    sized_batches,
)

UPDATE_EVERY = 8  # steps of an epoch, while the sparsity rises


@shows_settings(PruneSettings)
def prune(
    model: keras.Model,
    sparsity: float,
    train: LabelledData,
    val: LabelledData | None = None,
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    **settings: object,
) -> TrainingHistory:
    """Sets the smallest weights of a trained classifier to zero and trains the others on.

    The sparsity rises over `prune_epochs`, fast at first and slowly at the end, as sparsity * (1 -
    (1 - t)^3) at the part t of the steps. Without that, 80 % and more of the weights could not be
    spared. Then `epochs` epochs follow at the full sparsity, of which the one with the best
    validation accuracy is kept. A mask after each update holds the zeros at exactly zero. All
    layers train meanwhile, but BatchNormalization that is frozen.

    The model stays an ordinary model of the same layers, with the memory and run time from before.
    Only the compressed file shrinks. A further `fit` would let the zeros grow again.

    Example:
        history = prune(model, 0.8, train, val)
        print(history.pruning["after"]["gzip_bytes"])

    Args:
        model: trained classifier, Functional, Sequential or a baseline.
        sparsity: share of the prunable weights to take, above 0 and below 1, rounded to the
            nearest whole number of weights.
        train: labelled images in any form that `fit_from_scratch` takes.
        val: validation data likewise; None keeps the last weights.
        **settings: see `PruneSettings`, whose fields `help` lists.

    Returns:
        `TrainingHistory` with the phases "prune" and "fine_tune". Its `pruning` holds "sparsity",
        "prunable" (number of weights), "kernels" (path -> share of zeros), "before" and "after".
        Each of these two is {"weights", "zeros", "gzip_bytes"} of the whole model, biases included,
        and "val_accuracy" with `val`.

    Raises:
        InputError: a setting, the data or the model cannot be used; checked before any training.
        DivergedError: the loss became NaN; the model holds the best weights before that.

    Reference:
        Zhu and Gupta 2017, arXiv 1710.01878; there each layer has the same share.
    """
    settings = PruneSettings(**settings)
    check_number("sparsity", sparsity, above=0, below=1)
    num_outputs(model)  # an unbuilt model has nothing to prune
    history = TrainingHistory()
    with history.timing("total"):
        train, val = labelled_for(model, train, val)
        kernels = prunable_kernels(model, settings.also)
        before = _figures(model, val, settings)
        with everything_trains(model):
            _fit(history, model, kernels, sparsity, train, val, settings, callbacks)
        history.pruning = {
            "sparsity": sparsity,
            "prunable": sum(kernel.numpy().size for kernel in kernels),
            "kernels": {kernel.path: float((kernel.numpy() == 0).mean()) for kernel in kernels},
            "before": before,
            "after": _figures(model, val, settings),
        }
    history.set_model(model)
    return history


class Masking(keras.callbacks.Callback):
    """Sets the masks of `MaskedUpdates` by magnitude, once or while the sparsity rises.

    Args:
        kernels: variables that the optimizer has masks for.
        sparsity: share to reach.
        epochs: in which to reach it; 0 for at once.
    """

    state_names = ("_first",)

    def __init__(self, kernels, sparsity, scope, epochs=0):
        super().__init__()
        self.kernels, self.sparsity, self.scope, self.epochs = kernels, sparsity, scope, epochs

    def on_train_begin(self, logs=None):
        optimizer = self.model.optimizer
        with self.model.distribute_strategy.scope():
            if not optimizer.built:
                optimizer.build(self.model.trainable_variables)
        self._first = -self.params["steps"]  # step of the phase at which the epoch starts
        if not self.epochs:
            self._take(self.sparsity)

    def on_epoch_begin(self, epoch, logs=None):
        self._first += self.params["steps"]

    def on_train_batch_begin(self, batch, logs=None):
        if self.epochs and batch % UPDATE_EVERY == 0:
            part = (self._first + batch) / (self.epochs * self.params["steps"])
            self._take(rising_sparsity(self.sparsity, part))

    def _take(self, sparsity):
        # With mixed_float16 Keras wraps the optimizer in one that scales the loss.
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        masks = apply_masks(self.kernels, sparsity, self.scope)
        for kernel, mask in zip(self.kernels, masks, strict=True):
            optimizer.mask_of(kernel).assign(mask.astype("float32"))


def rising_sparsity(sparsity: float, part: float) -> float:
    """The sparsity at a part from 0 to 1 of the way to `sparsity`."""
    return sparsity * (1 - (1 - part) ** 3)


def apply_masks(kernels: Sequence[keras.Variable], sparsity: float, scope: str) -> list[np.ndarray]:
    """Sets the smallest weights of `kernels` to zero; returns the masks."""
    values = [kernel.numpy() for kernel in kernels]
    masks = magnitude_masks(values, sparsity, scope)
    for kernel, value, mask in zip(kernels, values, masks, strict=True):
        value[~mask] = 0.0
        kernel.assign(value)
    return masks


def _fit(history, model, kernels, sparsity, train, val, settings, callbacks):
    def phase(name, settings, masking, **arguments):
        fit_whole(
            history,
            name,
            model,
            settings,
            size=len(train),
            batches_of=image_batches(model, train, settings),
            val=val,
            callbacks=[masking, *callbacks],
            optimizer={"masked": tuple(kernels)},
            **arguments,
        )

    scope, epochs = settings.scope, settings.prune_epochs
    if epochs:
        rise = dataclasses.replace(settings, epochs=epochs, schedule="constant", patience=None)
        # Validation would choose the weights from before the pruning.
        # In calls of so many steps, so that callbacks come in time; on replicas after each.
        rising = Masking(kernels, sparsity, scope, epochs)
        phase("prune", rise, rising, keep_last=True, steps_per_execution=UPDATE_EVERY)
    apply_masks(kernels, sparsity, scope)
    if settings.epochs:
        phase("fine_tune", settings, Masking(kernels, sparsity, scope))


def _figures(model, val, settings):
    figures = weight_figures(model)
    compile_for_use(model, settings.optimizer, settings.lr)
    if val is not None:
        batches = sized_batches(model, val, batch_size_for(len(val), settings))
        figures["val_accuracy"] = model.evaluate(batches, verbose=0, return_dict=True)["accuracy"]
    return figures
