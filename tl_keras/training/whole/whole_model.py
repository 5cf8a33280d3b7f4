"""One phase that trains all of a model: from scratch, under a teacher, or while it is pruned."""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
import tensorflow as tf

from tl_keras.checks import InputError
from tl_keras.data.classes import check_same_names
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.inspection.first_batch import input_errors
from tl_keras.data.pipelines.batches import build_pipeline
from tl_keras.models.averaged_classifier import check_single
from tl_keras.models.signature import image_shape, num_outputs
from tl_keras.settings.whole_model import FromScratchSettings, OptimizerSettings
from tl_keras.training.distribution.evaluation import shared_batches
from tl_keras.training.fine_tuning.inputs import LabelledData, default_batch_size, labelled
from tl_keras.training.fine_tuning.phases import compile_for_training, count_steps, run_phase
from tl_keras.training.history import TrainingHistory
from tl_keras.training.optimizers import build_schedule

BATCH_SIZE = 128
STEPS_PER_EXECUTION = 32


class Executions(NamedTuple):
    """Steps of training, several of which run in one call.

    Attributes:
        per_epoch: steps per epoch.
        per_execution: steps per call.
        drop_remainder: whether an incomplete batch is left out.
        endless: whether the batches have no end. Then the data need not be opened anew each epoch
            (20 ms; over replicas, a shift of the epochs' numbers). But calls of several steps, if
            they do not make up an epoch, would run past its end.
    """

    per_epoch: int
    per_execution: int
    drop_remainder: bool
    endless: bool


def count_executions(
    size: int, batch_size: int, strategy: tf.distribute.Strategy, most: int
) -> Executions:
    """Returns the `Executions` for `size` images, with `most` steps per call; 1 on replicas."""
    steps, drop = count_steps(size, batch_size, strategy)
    if strategy.num_replicas_in_sync > 1:
        return Executions(steps, 1, drop, endless=True)
    return Executions(steps, min(most, steps), drop, endless=steps <= most)


def build_for(model: keras.Model, train: ImageDataset) -> None:
    """Gives a model that is not built the size of the images in `train`.

    Raises:
        InputError: they are files, which have no common size.
    """
    if model.built:
        return
    if train.is_files:
        raise InputError(
            "Expected a built model for images in files, which have no common size; received "
            f"{model.name!r}, unbuilt. Choose one: model.build((None, height, width, 3))."
        )
    with model.distribute_strategy.scope():
        model.build((None, *train.images.shape[1:3], 1 if train.is_grayscale else 3))


def labelled_for(
    model: keras.Model, train: LabelledData, val: LabelledData | None
) -> tuple[ImageDataset, ImageDataset | None]:
    """Returns (train, val) as labelled datasets for `model`, which is built if it was not.

    Args:
        train: in any form that `fit_from_scratch` takes.
        val: likewise, or None.

    Raises:
        InputError: they do not fit the model, or it averages several networks.
    """
    check_single(model)
    train = labelled(train, None, split="train")
    build_for(model, train)
    classes = num_outputs(model)
    if val is not None:
        val = labelled(val, classes, split="val")
        check_same_names(train, val)
    return labelled(train, classes, split="train"), val


def batch_size_for(size: int, settings: OptimizerSettings) -> int:
    """Returns the images per step for a dataset of `size` images."""
    return settings.batch_size or default_batch_size(size, BATCH_SIZE)


def image_batches(
    model: keras.Model, dataset: ImageDataset, settings: FromScratchSettings
) -> Callable[..., tf.data.Dataset]:
    """Returns a function that makes the training batches of `fit_whole` from a labelled dataset."""

    def batches_of(batch_size, **arguments):
        augment = settings.augment
        return _batches(model, dataset, batch_size, training=True, augment=augment, **arguments)

    return batches_of


@input_errors()
def fit_whole(
    history: TrainingHistory,
    name: str,
    model: keras.Model,
    settings: FromScratchSettings,
    *,
    size: int,
    batches_of: Callable[..., tf.data.Dataset],
    val: ImageDataset | None = None,
    val_batch_size: int | None = None,
    classifier: keras.Model | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    optimizer: dict | None = None,
    keep_last: bool = False,
    steps_per_execution: int = STEPS_PER_EXECUTION,
    **compile_arguments: object,
) -> None:
    """Runs one phase that trains all of `model`, with many steps in one call where it can.

    Args:
        name: of the phase.
        batches_of: function (batch_size, *, seed, first_epoch, repeat, drop_remainder) that
            returns batches of (inputs, one-hot labels), see `index_batches`.
        val_batch_size: images per step of validation; None for as many as in training.
        classifier: model inside that computes the outputs of `model`; None for itself.
        optimizer: more arguments of `build_optimizer`.
        keep_last: see `run_phase`.
        steps_per_execution: limit; callbacks see one batch in so many.
        **compile_arguments: more of `compile_for_training`.
    """
    with history.timing(name):
        classifier = classifier or model
        batch_size = batch_size_for(size, settings)
        steps = count_executions(
            size, batch_size, classifier.distribute_strategy, steps_per_execution
        )
        batches = functools.partial(
            batches_of,
            batch_size,
            seed=settings.seed,
            first_epoch=len(history.epoch),
            repeat=steps.endless,
            drop_remainder=steps.drop_remainder,
        )
        rate = build_schedule(settings.schedule, settings.lr, settings.epochs * steps.per_epoch)
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
            steps_per_execution=steps.per_execution,
            **compile_arguments,
        )
        run_phase(
            history,
            name,
            model,
            batches,
            val and _held_out(classifier, val, val_batch_size or batch_size),
            epochs=settings.epochs,
            steps_per_epoch=steps.per_epoch if steps.endless else None,
            patience=settings.patience,
            callbacks=list(callbacks),
            val_size=val and len(val),
            keep_last=keep_last,
        )


def sized_batches(
    model: keras.Model, dataset: ImageDataset, batch_size: int, **arguments: object
) -> tf.data.Dataset:
    """Returns batches of a dataset in the size and channels that the model takes.

    Args:
        **arguments: more of `build_pipeline`.
    """
    *image_size, channels = image_shape(model)
    return build_pipeline(
        dataset, batch_size, image_size=image_size, channels=channels, **arguments
    )


def _held_out(model, val, batch_size):
    strategy = model.distribute_strategy
    return shared_batches(_batches(model, val, batch_size), len(val), batch_size, strategy)


def _batches(model, dataset, batch_size, **arguments):
    """Batches of (images, one-hot labels)."""
    num_classes = num_outputs(model)
    batches = sized_batches(model, dataset, batch_size, **arguments)
    return batches.map(lambda images, labels: (images, tf.one_hot(labels, num_classes)))
