"""Training a whole net from random weights, made fast for small nets and small pictures."""

import time

import tensorflow as tf

from tl_keras.checks import InputError
from tl_keras.data.pipeline import build_pipeline
from tl_keras.models.signature import num_outputs, picture_shape
from tl_keras.training.inputs import default_batch_size, labelled
from tl_keras.training.optimizers import build_schedule
from tl_keras.training.phases import (
    compile_for_training,
    compile_for_use,
    count_steps,
    new_history,
    run_phase,
)
from tl_keras.training.settings import FromScratchSettings

BATCH_SIZE = 128
STEPS_PER_EXECUTION = 32


def fit_from_scratch(model, train, val=None, *, callbacks=(), **settings):
    """Trains every layer of a model that is not frozen, from its weights as they are.

    The same as `compile` and `fit` with the same optimizer, on the project's pipeline: order and
    augmentation depend on (seed, epoch, index) only. The weights of the best validation epoch are
    kept. Small nets spend much of a step outside their layers, so Adam's update is one fused
    operation and many steps run in one call; both compute what plain Keras computes.

    Example:
        model = CNN(10, architecture="small")
        history = fit_from_scratch(model, train, val, epochs=12)

    Args:
        model: classifier with one output vector a picture: `MLP`, `CNN`, `RNN`, or any built
            Functional or Sequential model. A baseline that is not built gets the size of the
            pictures, and one channel if all of them are grey.
        train: `ImageDataset`, a pair (x, y) with pictures 0-255 (n, h, w), (n, h, w, 1) or
            (n, h, w, 3) and class numbers (n,), or a finite batched `tf.data.Dataset` of them.
        val: the same for validation, or None: then the last weights are kept.
        callbacks: Keras callbacks. They see one batch in 32, the last of each execution.
        epochs: Default 12.
        optimizer: "adam", "sgd" or "rmsprop".
        lr: highest learning rate. Default 1e-3.
        schedule: "cosine" with a warm-up over a tenth of the steps, or "constant".
        weight_decay: decoupled, on kernels. Default 0.
        label_smoothing: Default 0.
        batch_size: pictures a step over all replicas. Default 128, less for under 1,024 pictures.
        augment: "auto", "none", or a name of `data.augmentation`.
        patience: epochs without better validation before it ends; None, the default, for never.
        seed: of order and augmentation.

    Returns:
        A `keras.callbacks.History` with `phases`, `best_epoch` (from 0; None if none was better
        than the start) and `seconds` ({"from_scratch", "total"}), as `fine_tune` gives it.

    Raises:
        InputError: a setting, the data or the model cannot be used; checked before any training.
        DivergedError: the loss became NaN; the model holds the best weights before that.
    """
    settings = FromScratchSettings(**settings)
    started = time.monotonic()
    train = labelled(train, None, split="train")
    _build(model, train)
    train = labelled(train, num_outputs(model), split="train")
    val = None if val is None else labelled(val, num_outputs(model), split="val")
    history = new_history()
    if settings.epochs:
        fit_started = time.monotonic()
        _fit(model, train, val, history, settings, list(callbacks))
        history.seconds["from_scratch"] = time.monotonic() - fit_started
    compile_for_use(model, settings.optimizer, settings.lr)
    history.seconds["total"] = time.monotonic() - started
    history.set_model(model)
    return history


def _build(model, train):
    if model.built:
        return
    if train.is_files:
        raise InputError(
            "Expected a built model for pictures in files, which have no common size; received "
            f"{model.name!r}, unbuilt. Choose one: model.build((None, height, width, 3))."
        )
    with model.distribute_strategy.scope():
        model.build((None, *train.images.shape[1:3], 1 if train.is_grayscale else 3))


def _fit(model, train, val, history, settings, callbacks):
    strategy = model.distribute_strategy
    batch_size = settings.batch_size or default_batch_size(len(train), BATCH_SIZE)
    steps, drop = count_steps(len(train), batch_size, strategy)
    distributed = strategy.num_replicas_in_sync > 1
    # Without an end the data need not be opened anew each epoch (20 ms; over replicas, a shift of
    # the epochs' numbers). But executions of several steps, if they do not make up an epoch,
    # would run past its end.
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
    compile_for_training(
        model,
        model,
        {
            "name": settings.optimizer,
            "learning_rate": build_schedule(
                settings.schedule, settings.lr, settings.epochs * steps
            ),
            "weight_decay": settings.weight_decay,
            "fused": True,
        },
        label_smoothing=settings.label_smoothing,
        # XLA makes convolutions and loops slower on a CPU, and cannot run under a strategy.
        jit_compile=False,
        steps_per_execution=1 if distributed else min(STEPS_PER_EXECUTION, steps),
    )
    run_phase(
        history,
        "from_scratch",
        model,
        batches,
        val and _batches(model, val, batch_size),
        epochs=settings.epochs,
        steps_per_epoch=steps if endless else None,
        patience=settings.patience,
        callbacks=callbacks,
    )


def _batches(model, dataset, batch_size, **how):
    """Batches of (pictures, one-hot labels) in the size and channels that the model takes."""
    *image_size, channels = picture_shape(model)
    batches = build_pipeline(dataset, batch_size, image_size=image_size, channels=channels, **how)
    num_classes = num_outputs(model)
    return batches.map(lambda pictures, labels: (pictures, tf.one_hot(labels, num_classes)))
