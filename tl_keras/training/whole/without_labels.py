"""Training on images alone, or on two views of each, fast for small networks."""

import dataclasses
import functools
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
import tensorflow as tf

from tl_keras.checks import InputError
from tl_keras.data.unlabelled import as_unlabelled
from tl_keras.models.steps.own_loss import OwnLossModel
from tl_keras.models.two_views.two_view_model import TwoViewModel
from tl_keras.models.two_views.view_inputs import dataset_batches
from tl_keras.settings.options.signatures import shows_settings
from tl_keras.settings.whole_model import WithoutLabelsSettings
from tl_keras.training.checkpoints.fitting import fit
from tl_keras.training.distribution.evaluation import shared_batches
from tl_keras.training.fine_tuning.inputs import default_batch_size
from tl_keras.training.history import TrainingHistory
from tl_keras.training.optimizers import build_optimizer, build_schedule
from tl_keras.training.whole.whole_model import (
    STEPS_PER_EXECUTION,
    Executions,
    count_executions,
    sized_batches,
)

_LOOKED_AT = 1000  # images, for what the model decides by its data
_OF_MODEL = ("lr", "weight_decay", "augment")


@shows_settings(WithoutLabelsSettings)
def fit_without_labels(
    model: keras.Model,
    train: object,
    val: object = None,
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int | str | None = None,
    **settings: object,
) -> TrainingHistory:
    """Trains a model that needs no labels from its weights as they are.

    Results are those of `compile` and `fit` with the same optimizer, on the project's pipeline. It
    takes any source of images, resized to those of the model, in an order that depends on
    (seed, epoch, index) only. Epochs are counted over all calls, and in files. Small networks spend
    much of a step outside their products, so Adam's update is one fused operation and many steps
    run in one call.

    Example:
        model = VAE((28, 28), 50, activation="tanh", binarize=True)
        history = fit_without_labels(model, x_train, x_val, epochs=60)

        model = SimCLR(build_small_resnet(32))
        history = fit_without_labels(model, x_train, epochs=20)

    Args:
        model: `Autoencoder`, `VAE`, `SimCLR`, `SimSiam`, `VICReg`; or `SupCon`, the only one that
            uses labels and needs them.
        train: `ImageDataset`; array of images 0-255; a pair of them and labels; or a finite batched
            `tf.data.Dataset` of such pairs. Images are (n, h, w), (n, h, w, 1) or (n, h, w, 3).
        val: validation data in any of these forms, or None.
        callbacks: Keras callbacks, one or several. They see one batch in 32, the last of each
            execution.
        verbose: as in Keras's `fit`. Default None: a bar on a terminal, else a line per epoch.
        **settings: see `WithoutLabelsSettings`, whose fields `help` lists.

    Returns:
        `TrainingHistory`; its values are those of `fit`.

    Raises:
        InputError: a setting or the images cannot be used; checked before any training.
        DivergedError: the loss became NaN; the model holds the weights of the last good epoch.
    """
    settings = _settings_for(model, WithoutLabelsSettings(**settings))
    history = TrainingHistory()
    with history.timing("total"):
        train = _images(train, "training")
        val = None if val is None else _images(val, "validation")
        if settings.epochs:
            trained = _fit(
                model, train, val, settings, keras.tree.flatten(callbacks or ()), verbose
            )
            history.history, history.epoch = trained.history, trained.epoch
        with model.distribute_strategy.scope():
            model.compile(build_optimizer(settings.optimizer, settings.lr))
    history.set_model(model)
    return history


def _fit(model, train, val, settings, callbacks, verbose):
    if verbose is None:
        verbose = 1 if sys.stdout.isatty() else 2
    batch_size = settings.batch_size or default_batch_size(len(train), model.recipe["batch_size"])
    find = _views if isinstance(model, TwoViewModel) else _images_alone
    feed = find(model, train, val, batch_size, settings)
    rate = build_schedule(settings.schedule, settings.lr, settings.epochs * feed.steps.per_epoch)
    with model.distribute_strategy.scope():
        optimizer = build_optimizer(
            settings.optimizer,
            rate,
            weight_decay=settings.weight_decay,
            fused=True,
            epsilon=settings.epsilon,
        )
        model.compile(optimizer, steps_per_execution=feed.steps.per_execution)
    # Not the model's own `fit`: the images are checked and guards are there already.
    return fit(
        model,
        feed.batches,
        name="pretraining",
        run=functools.partial(OwnLossModel.fit, model),
        validation_data=feed.held_out,
        epochs=settings.epochs,
        steps_per_epoch=feed.steps.per_epoch if feed.steps.endless else None,
        shuffle=False,  # the batches are shuffled already
        callbacks=[*callbacks, *model.guards()],
        verbose=verbose,
    )


class _Feed(NamedTuple):
    """Batches to train and to validate on."""

    batches: Callable[[], tf.data.Dataset]
    held_out: tf.data.Dataset | None
    steps: Executions


def _images_alone(model, train, val, batch_size, settings):
    steps = count_executions(len(train), batch_size, model.distribute_strategy, STEPS_PER_EXECUTION)
    batches = functools.partial(
        sized_batches,
        model,
        train,
        batch_size,
        training=True,
        seed=settings.seed,
        augment=settings.augment,
        first_epoch=model.epochs_trained,
        repeat=steps.endless,
        drop_remainder=steps.drop_remainder,
    )
    held_out = None
    if val is not None:
        held_out = sized_batches(model, val, batch_size)
        strategy = model.distribute_strategy
        held_out = shared_batches(held_out, len(val), batch_size, strategy)
    some = sized_batches(model, train, _LOOKED_AT).map(_without_labels)
    model.look_at(next(iter(some)).numpy())
    return _Feed(batches, held_out, steps)


def _views(model, train, val, batch_size, settings):
    views = functools.partial(dataset_batches, model, batch_size=batch_size, seed=settings.seed)
    views = functools.partial(views, augment=settings.augment)
    first = model.epochs_trained
    batches = functools.partial(views, train, training=True, first_epoch=first, repeat=True)
    held_out = val and views(_paired(val, model), training=False)
    # One step at a time: it is long, so more in one call would save nothing.
    steps = Executions(len(train) // batch_size, 1, drop_remainder=True, endless=True)
    return _Feed(batches, held_out, steps)


def _paired(val, model):
    """The validation images that replicas share evenly, as their losses compare equal parts."""
    replicas = model.distribute_strategy.num_replicas_in_sync
    rest = len(val) % (2 * replicas) if replicas > 1 else 0
    return val.subset(range(len(val) - rest)) if 0 < rest < len(val) else val


def _settings_for(model, settings):
    """`settings` with the model's own values where they are left open."""
    left_open = {name for name in _OF_MODEL if getattr(settings, name) is None}
    return dataclasses.replace(settings, **{name: model.recipe[name] for name in left_open})


def _images(data, split):
    """`data` as an `ImageDataset` that is not empty."""
    dataset = as_unlabelled(data)
    if not len(dataset):
        raise InputError(f"Expected images to train on; received an empty {split} set.")
    return dataset


def _without_labels(images, labels=None):
    return images
