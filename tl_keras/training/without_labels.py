"""Training an autoencoder or a VAE on pictures alone, made fast for small nets."""

import sys
import time

import keras

from tl_keras.checks import InputError
from tl_keras.data.pipeline import build_pipeline
from tl_keras.data.unlabelled import as_unlabelled
from tl_keras.models.divergence import LastGoodWeights
from tl_keras.models.signature import picture_shape
from tl_keras.training.inputs import default_batch_size
from tl_keras.training.optimizers import build_optimizer, build_schedule
from tl_keras.training.phases import count_steps, new_history
from tl_keras.training.settings import WithoutLabelsSettings
from tl_keras.training.whole_model import BATCH_SIZE, STEPS_PER_EXECUTION

_LOOKED_AT = 1000  # pictures, for what the model decides by its data


def fit_without_labels(model, train, val=None, *, callbacks=(), verbose=None, **settings):
    """Trains an `Autoencoder` or a `VAE` from its weights as they are; labels are not looked at.

    The same as `compile` and `fit` with the same optimizer, on the project's pipeline: any source
    of pictures, resized to those of the model, in an order that depends on (seed, epoch, index)
    only. Small nets spend much of a step outside their products, so Adam's update is one fused
    operation and many steps run in one call.

    Example:
        model = VAE((28, 28), 50, activation="tanh", binarize=True)
        history = fit_without_labels(model, x_train, x_val, epochs=60)

    Args:
        model: `Autoencoder` or `VAE`.
        train: `ImageDataset`, array of pictures (n, h, w), (n, h, w, 1) or (n, h, w, 3), 0-255, a
            pair of them and labels, or a finite batched `tf.data.Dataset` of such pairs.
        val: the same for validation after each epoch, or None.
        callbacks: Keras callbacks. They see one batch in 32, the last of each execution.
        verbose: as in Keras's `fit`. Default None: a bar on a terminal, else a line an epoch.
        epochs: Default 20.
        optimizer: "adam", "sgd" or "rmsprop".
        lr: highest learning rate. Default 1e-3.
        schedule: "cosine" with a warm-up over a tenth of the steps, or "constant".
        epsilon: of Adam, None for Keras's 1e-7. Default None.
        weight_decay: decoupled, on kernels. Default 0.
        batch_size: pictures a step over all replicas. Default 128, less for under 1,024 pictures.
        augment: "none", "auto" or a name of `data.augmentation`. Default "none".
        seed: of order and augmentation.

    Returns:
        A `keras.callbacks.History` with `seconds` ({"total"}); its values are those of `fit`.

    Raises:
        InputError: a setting or the pictures cannot be used; checked before any training.
        DivergedError: the loss became NaN; the model holds the weights of the last good epoch.
    """
    settings = WithoutLabelsSettings(**settings)
    started = time.monotonic()
    train = _pictures(train, "training")
    val = None if val is None else _pictures(val, "validation")
    history = new_history()
    if settings.epochs:
        fit = _fit(model, train, val, settings, list(callbacks), verbose)
        history.history, history.epoch = fit.history, fit.epoch
    with model.distribute_strategy.scope():
        model.compile(build_optimizer(settings.optimizer, settings.lr))
        model.optimizer.build(model.trainable_variables)
    history.seconds["total"] = time.monotonic() - started
    history.set_model(model)
    return history


def _fit(model, train, val, settings, callbacks, verbose):
    if verbose is None:
        verbose = 1 if sys.stdout.isatty() else 2
    strategy = model.distribute_strategy
    batch_size = settings.batch_size or default_batch_size(len(train), BATCH_SIZE)
    steps, drop = count_steps(len(train), batch_size, strategy)
    distributed = strategy.num_replicas_in_sync > 1
    # As in `whole_model`: endless unless executions of several steps do not make up an epoch.
    endless = distributed or steps <= STEPS_PER_EXECUTION
    batches = _batches(
        model,
        train,
        batch_size,
        training=True,
        seed=settings.seed,
        augment=settings.augment,
        repeat=endless,
        drop_remainder=drop,
    )
    model.look_at(next(iter(_batches(model, train, _LOOKED_AT).map(_without_labels))).numpy())
    rate = build_schedule(settings.schedule, settings.lr, settings.epochs * steps)
    with strategy.scope():
        optimizer = build_optimizer(
            settings.optimizer,
            rate,
            weight_decay=settings.weight_decay,
            fused=True,
            epsilon=settings.epsilon,
        )
        model.compile(
            optimizer, steps_per_execution=1 if distributed else min(STEPS_PER_EXECUTION, steps)
        )
    # Keras's own `fit`: the pictures are checked already, and looking at batches costs an epoch.
    return keras.Model.fit(
        model,
        batches,
        validation_data=None if val is None else _batches(model, val, batch_size),
        epochs=settings.epochs,
        steps_per_epoch=steps if endless else None,
        shuffle=False,  # the batches are shuffled already
        callbacks=[*callbacks, LastGoodWeights()],
        verbose=verbose,
    )


def _pictures(data, split):
    """`data` as an `ImageDataset` that is not empty."""
    dataset = as_unlabelled(data)
    if not len(dataset):
        raise InputError(f"Expected pictures to train on; received an empty {split} set.")
    return dataset


def _batches(model, dataset, batch_size, **how):
    """Batches of pictures in the size and channels that the model takes, with labels if any."""
    *image_size, channels = picture_shape(model)
    return build_pipeline(dataset, batch_size, image_size=image_size, channels=channels, **how)


def _without_labels(pictures, labels=None):
    return pictures
