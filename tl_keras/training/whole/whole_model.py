"""Training every layer of a model: from scratch, under a teacher, or while it is pruned."""

import tensorflow as tf

from tl_keras.checks import InputError
from tl_keras.data.pipelines.batches import build_pipeline
from tl_keras.models.signature import image_shape, num_outputs
from tl_keras.training.fine_tuning.inputs import default_batch_size, labelled
from tl_keras.training.fine_tuning.phases import compile_for_training, count_steps, run_phase
from tl_keras.training.optimizers import build_schedule

BATCH_SIZE = 128
STEPS_PER_EXECUTION = 32


def build_for(model, train):
    """Gives a model that is not built the size of the pictures in `train`.

    Raises:
        InputError: they are files, which have no common size.
    """
    if model.built:
        return
    if train.is_files:
        raise InputError(
            "Expected a built model for pictures in files, which have no common size; received "
            f"{model.name!r}, unbuilt. Choose one: model.build((None, height, width, 3))."
        )
    with model.distribute_strategy.scope():
        model.build((None, *train.images.shape[1:3], 1 if train.is_grayscale else 3))


def labelled_for(model, train, val):
    """Returns (train, val) as labelled datasets for `model`, which is built if it was not.

    Args:
        model: classifier.
        train: in any form that `fit_from_scratch` takes.
        val: likewise, or None.

    Raises:
        InputError: they do not fit the model.
    """
    train = labelled(train, None, split="train")
    build_for(model, train)
    classes = num_outputs(model)
    val = None if val is None else labelled(val, classes, split="val")
    return labelled(train, classes, split="train"), val


def batch_size_for(size, settings):
    """Pictures a step for a data set of `size` pictures."""
    return settings.batch_size or default_batch_size(size, BATCH_SIZE)


def picture_batches(model, dataset, settings):
    """How `fit_whole` gets the training batches of a labelled dataset for `model`."""

    def batches_of(batch_size, **arguments):
        augment = settings.augment
        return _batches(model, dataset, batch_size, training=True, augment=augment, **arguments)

    return batches_of


def fit_whole(
    history,
    name,
    model,
    settings,
    *,
    size,
    batches_of,
    val=None,
    val_batch_size=None,
    classifier=None,
    callbacks=(),
    optimizer=None,
    keep_last=False,
    steps_per_execution=STEPS_PER_EXECUTION,
    **compile_arguments,
):
    """Runs one phase that trains all of `model`, with many steps in one call where it can.

    Args:
        history: `TrainingHistory`.
        name: of the phase.
        model: what is trained; built.
        settings: `FromScratchSettings`.
        size: number of training pictures.
        batches_of: function (batch_size, *, seed, first_epoch, repeat, drop_remainder) that
            returns batches of (inputs, one-hot labels), see `index_batches`.
        val: labelled `ImageDataset`, or None.
        val_batch_size: pictures a step of validation; None for as many as in training.
        classifier: what gives the outputs of `model`, if it is another model inside.
        callbacks: Keras callbacks.
        optimizer: dict of more arguments of `build_optimizer`.
        keep_last: see `run_phase`.
        steps_per_execution: how many at most; callbacks see one batch in so many.
        **compile_arguments: more of `compile_for_training`.
    """
    classifier = classifier or model
    strategy = classifier.distribute_strategy
    batch_size = batch_size_for(size, settings)
    steps, drop = count_steps(size, batch_size, strategy)
    distributed = strategy.num_replicas_in_sync > 1
    # Without an end the data need not be opened anew each epoch (20 ms; over replicas, a shift of
    # the epochs' numbers). But executions of several steps, if they do not make up an epoch,
    # would run past its end.
    endless = distributed or steps <= steps_per_execution
    batches = batches_of(
        batch_size,
        seed=settings.seed,
        first_epoch=len(history.epoch),
        repeat=endless,
        drop_remainder=drop,
    )
    rate = build_schedule(settings.schedule, settings.lr, settings.epochs * steps)
    compile_for_training(
        model,
        classifier,
        {
            "name": settings.optimizer,
            "learning_rate": rate,
            "weight_decay": settings.weight_decay,
            "fused": True,
            **(optimizer or {}),
        },
        label_smoothing=settings.label_smoothing,
        # XLA makes convolutions and loops slower on a CPU, and cannot run under a strategy.
        jit_compile=False,
        steps_per_execution=1 if distributed else min(steps_per_execution, steps),
        **compile_arguments,
    )
    with history.timing(name):
        run_phase(
            history,
            name,
            model,
            batches,
            val and _batches(classifier, val, val_batch_size or batch_size),
            epochs=settings.epochs,
            steps_per_epoch=steps if endless else None,
            patience=settings.patience,
            callbacks=list(callbacks),
            val_size=val and len(val),
            keep_last=keep_last,
        )


def _batches(model, dataset, batch_size, **arguments):
    """Batches of (pictures, one-hot labels) in the size and channels that the model takes."""
    *image_size, channels = image_shape(model)
    batches = build_pipeline(
        dataset, batch_size, image_size=image_size, channels=channels, **arguments
    )
    num_classes = num_outputs(model)
    return batches.map(lambda pictures, labels: (pictures, tf.one_hot(labels, num_classes)))
