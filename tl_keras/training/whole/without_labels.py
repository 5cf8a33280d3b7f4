"""Training on pictures alone, or on two views of each, made fast for small nets."""

import dataclasses
import functools
import sys
from typing import NamedTuple

import keras
import tensorflow as tf

from tl_keras.checks import InputError
from tl_keras.data.pipelines.batches import build_pipeline
from tl_keras.data.unlabelled import as_unlabelled
from tl_keras.models.own_loss import OwnLossModel
from tl_keras.models.signature import image_shape
from tl_keras.models.two_views.two_view_model import TwoViewModel
from tl_keras.models.two_views.view_inputs import dataset_batches
from tl_keras.settings.signatures import shows_settings
from tl_keras.settings.whole_model import WithoutLabelsSettings
from tl_keras.training.fine_tuning.inputs import default_batch_size
from tl_keras.training.fine_tuning.phases import count_steps
from tl_keras.training.history import TrainingHistory
from tl_keras.training.optimizers import build_optimizer, build_schedule
from tl_keras.training.whole.whole_model import STEPS_PER_EXECUTION

_LOOKED_AT = 1000  # pictures, for what the model decides by its data
_OF_MODEL = ("lr", "weight_decay", "augment")


@shows_settings(WithoutLabelsSettings)
def fit_without_labels(model, train, val=None, *, callbacks=(), verbose=None, **settings):
    """Trains a model that needs no labels from its weights as they are.

    The same as `compile` and `fit` with the same optimizer, on the project's pipeline: any source
    of pictures, resized to those of the model, in an order that depends on (seed, epoch, index)
    only; epochs are counted over all calls, and in files. Small nets spend much of a step outside
    their products, so Adam's update is one fused operation and many steps run in one call.

    Example:
        model = VAE((28, 28), 50, activation="tanh", binarize=True)
        history = fit_without_labels(model, x_train, x_val, epochs=60)

        model = SimCLR(build_small_resnet(32))
        history = fit_without_labels(model, x_train, epochs=20)

    Args:
        model: `Autoencoder`, `VAE`, `SimCLR`, `SimSiam`, `VICReg`; or `SupCon`, the only one that
            looks at labels and needs them.
        train: `ImageDataset`, array of pictures (n, h, w), (n, h, w, 1) or (n, h, w, 3), 0-255, a
            pair of them and labels, or a finite batched `tf.data.Dataset` of such pairs.
        val: the same for validation after each epoch, or None.
        callbacks: Keras callbacks, one or several. They see one batch in 32, the last of each
            execution.
        verbose: as in Keras's `fit`. Default None: a bar on a terminal, else a line an epoch.
        **settings: see `WithoutLabelsSettings`, whose fields `help` lists.

    Returns:
        A `keras.callbacks.History` with `seconds` ({"total"}); its values are those of `fit`.

    Raises:
        InputError: a setting or the pictures cannot be used; checked before any training.
        DivergedError: the loss became NaN; the model holds the weights of the last good epoch.
    """
    settings = _settings_for(model, WithoutLabelsSettings(**settings))
    history = TrainingHistory()
    with history.timing("total"):
        train = _pictures(train, "training")
        val = None if val is None else _pictures(val, "validation")
        if settings.epochs:
            fit = _fit(model, train, val, settings, keras.tree.flatten(callbacks or ()), verbose)
            history.history, history.epoch = fit.history, fit.epoch
        with model.distribute_strategy.scope():
            model.compile(build_optimizer(settings.optimizer, settings.lr))
    history.set_model(model)
    return history


def _fit(model, train, val, settings, callbacks, verbose):
    if verbose is None:
        verbose = 1 if sys.stdout.isatty() else 2
    batch_size = settings.batch_size or default_batch_size(len(train), model.recipe["batch_size"])
    find = _views if isinstance(model, TwoViewModel) else _pictures_alone
    feed = find(model, train, val, batch_size, settings)
    rate = build_schedule(settings.schedule, settings.lr, settings.epochs * feed.steps)
    with model.distribute_strategy.scope():
        optimizer = build_optimizer(
            settings.optimizer,
            rate,
            weight_decay=settings.weight_decay,
            fused=True,
            epsilon=settings.epsilon,
        )
        model.compile(optimizer, steps_per_execution=feed.at_once)
    # Not the model's own `fit`: the pictures are checked and guards are there already.
    return OwnLossModel.fit(
        model,
        feed.batches,
        validation_data=feed.held_out,
        epochs=settings.epochs,
        steps_per_epoch=feed.steps if feed.endless else None,
        shuffle=False,  # the batches are shuffled already
        callbacks=[*callbacks, *model.guards()],
        verbose=verbose,
    )


class _Feed(NamedTuple):
    """Batches to train and to validate on, and how they are taken."""

    batches: tf.data.Dataset
    held_out: tf.data.Dataset | None
    steps: int  # of an epoch
    endless: bool
    at_once: int  # steps in one call


def _pictures_alone(model, train, val, batch_size, settings):
    strategy = model.distribute_strategy
    distributed = strategy.num_replicas_in_sync > 1
    steps, drop = count_steps(len(train), batch_size, strategy)
    # As in `whole_model`: endless unless executions of several steps do not make up an epoch.
    endless = distributed or steps <= STEPS_PER_EXECUTION
    batches = _batches(
        model,
        train,
        batch_size,
        training=True,
        seed=settings.seed,
        augment=settings.augment,
        first_epoch=model.epochs_trained,
        repeat=endless,
        drop_remainder=drop,
    )
    held_out = None if val is None else _batches(model, val, batch_size)
    model.look_at(next(iter(_batches(model, train, _LOOKED_AT).map(_without_labels))).numpy())
    at_once = 1 if distributed else min(STEPS_PER_EXECUTION, steps)
    return _Feed(batches, held_out, steps, endless, at_once)


def _views(model, train, val, batch_size, settings):
    views = functools.partial(dataset_batches, model, batch_size=batch_size, seed=settings.seed)
    views = functools.partial(views, augment=settings.augment)
    batches = views(train, training=True, first_epoch=model.epochs_trained, repeat=True)
    held_out = val and views(val, training=False)
    # One step at a time: it is long, so more in one call would save nothing.
    return _Feed(batches, held_out, len(train) // batch_size, endless=True, at_once=1)


def _settings_for(model, settings):
    """`settings` with the model's own values where they are left open."""
    left_open = {name for name in _OF_MODEL if getattr(settings, name) is None}
    return dataclasses.replace(settings, **{name: model.recipe[name] for name in left_open})


def _pictures(data, split):
    """`data` as an `ImageDataset` that is not empty."""
    dataset = as_unlabelled(data)
    if not len(dataset):
        raise InputError(f"Expected pictures to train on; received an empty {split} set.")
    return dataset


def _batches(model, dataset, batch_size, **arguments):
    """Batches of pictures in the size and channels that the model takes, with labels if any."""
    *image_size, channels = image_shape(model)
    return build_pipeline(
        dataset, batch_size, image_size=image_size, channels=channels, **arguments
    )


def _without_labels(pictures, labels=None):
    return pictures
