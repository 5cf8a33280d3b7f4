"""One phase of training: compile, fit, keep the best epoch, join the history."""

import math
import sys

import keras

from tl_keras.checks import InputError
from tl_keras.training.best_weights import BestWeights
from tl_keras.training.optimizers import build_optimizer

SMALLEST_BATCH, STEPS = 8, 8  # for a default batch size


def default_batch_size(num_pictures, most=32):
    """`most`, or less where there would be fewer than eight steps an epoch; at least 8."""
    return min(most, max(SMALLEST_BATCH, num_pictures // STEPS))


def check_labelled(data, num_classes):
    """Raises InputError unless `data`, an `ImageDataset`, has labels that the model knows."""
    if data.labels is None:
        raise InputError(f"Expected labelled pictures; received {data.source} without labels.")
    if not len(data):
        raise InputError(f"Expected pictures; received an empty {data.split} set.")
    if int(data.labels.max()) >= num_classes:
        raise InputError(
            f"Expected labels below {num_classes}, the classes of the model; received "
            f"{int(data.labels.max())} in the {data.split} set of {data.source}."
        )


def count_steps(size, batch_size, strategy):
    """Returns (steps of an epoch, whether an incomplete batch is dropped).

    Several replicas cannot share an incomplete batch evenly.
    """
    drop = strategy.num_replicas_in_sync > 1 and size >= batch_size
    return (size // batch_size if drop else math.ceil(size / batch_size)), drop


def compile_for_training(model, optimizer, *, from_logits, label_smoothing, **arguments):
    """Compiles for one-hot labels.

    Args:
        model: keras.Model.
        optimizer: dict of the arguments of `build_optimizer`.
        from_logits: bool, whether the outputs are logits.
        label_smoothing: float.
        **arguments: more of `keras.Model.compile`.
    """
    with model.distribute_strategy.scope():
        model.compile(
            optimizer=build_optimizer(**optimizer),
            loss=keras.losses.CategoricalCrossentropy(
                from_logits=from_logits, label_smoothing=label_smoothing
            ),
            metrics=["accuracy"],
            **arguments,
        )


def compile_for_use(model, optimizer, rate, *, from_logits):
    """Leaves the model ready for `evaluate` and for a further `fit` on class numbers."""
    with model.distribute_strategy.scope():
        model.compile(
            optimizer=build_optimizer(optimizer, rate),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits),
            metrics=["accuracy"],
        )
        # Saved unbuilt, it could not be loaded again with its state.
        model.optimizer.build(model.trainable_variables)


def new_history():
    """An empty History with what this project adds: phases, best_epoch and seconds."""
    history = keras.callbacks.History()
    history.history, history.epoch, history.phases = {}, [], []
    history.best_epoch, history.seconds = None, {}
    return history


def run_phase(
    history, name, model, batches, held_out, *, epochs, patience, callbacks, steps_per_epoch=None
):
    """Fits a compiled model for `epochs`, puts its best weights back and appends to `history`.

    Args:
        history: of `new_history`; its epochs come before these.
        name: what the phase is called in `history.phases`.
        model: compiled keras.Model.
        batches, held_out: batches to train and to validate on; the latter may be None.
        epochs, steps_per_epoch: as in `fit`; steps for batches without end.
        patience: epochs without better validation before it ends; None for never.
        callbacks: list of Keras callbacks.
    """
    start = len(history.epoch)
    at_start = held_out and model.evaluate(held_out, verbose=0, return_dict=True)
    best = BestWeights(at_start, patience)
    fit = model.fit(
        batches,
        validation_data=held_out,
        initial_epoch=start,
        epochs=start + epochs,
        steps_per_epoch=steps_per_epoch,
        shuffle=False,  # the batches are shuffled already
        callbacks=[best, *callbacks],
        verbose=1 if sys.stdout.isatty() else 2,
    )
    best.restore()
    for key, values in fit.history.items():
        history.history.setdefault(key, []).extend(values)
    history.epoch.extend(fit.epoch)
    if best.best_epoch is not None:
        history.best_epoch = best.best_epoch
    history.phases.append(
        {
            "name": name,
            "start": start,
            "end": len(history.epoch),
            "trainable_weights": len(model.trainable_weights),
        }
    )
