"""Steps of each phase of training: its loss, its optimizer, its batches, its fit."""

import math
import sys
from collections.abc import Callable

import keras
import tensorflow as tf
from keras.optimizers.schedules import LearningRateSchedule

from tl_keras.checks import InputError
from tl_keras.models.backbones.backbone import get_backbone
from tl_keras.models.precision import scaling
from tl_keras.models.signature import gives_logits, num_outputs
from tl_keras.settings.fine_tune import FineTuneSettings
from tl_keras.training.best_weights import BestWeights
from tl_keras.training.checkpoints.fitting import fit
from tl_keras.training.class_weights import BALANCED
from tl_keras.training.fine_tuning.trainable_part import AboveFrozen, TrainablePart
from tl_keras.training.frozen.feature_cache import training_batches
from tl_keras.training.history import TrainingHistory
from tl_keras.training.optimizers import build_optimizer, depth_factors

_SOME = 8  # examples
MEASURED = 8  # times that validation is measured where the last weights are kept


def cross_entropy(
    classifier: keras.Model, *, sparse: bool = False, label_smoothing: float = 0.0
) -> keras.losses.Loss:
    """Returns the loss for the outputs of `classifier`, which are probabilities or logits."""
    from_logits = gives_logits(classifier)
    if sparse:
        return keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    return keras.losses.CategoricalCrossentropy(
        from_logits=from_logits, label_smoothing=label_smoothing
    )


def compile_for_training(
    model: keras.Model,
    classifier: keras.Model,
    optimizer: dict,
    *,
    label_smoothing: float = 0.0,
    **arguments: object,
) -> None:
    """Compiles `model` for one-hot labels.

    Args:
        classifier: the model that computes its outputs.
        optimizer: dict of the arguments of `build_optimizer`.
        **arguments: more of `keras.Model.compile`, or other metrics.
    """
    arguments = {"metrics": ["accuracy"], **arguments}
    with model.distribute_strategy.scope():
        model.compile(
            optimizer=scaling(build_optimizer(**optimizer), classifier.dtype_policy),
            loss=cross_entropy(classifier, label_smoothing=label_smoothing),
            **arguments,
        )
        _build_state(model, keras.ops.zeros((1, num_outputs(classifier))), classifier)


def _build_state(model, labels, classifier):
    """Builds the variables of optimizer and metrics; built within `fit` they retrace its graph.

    Args:
        labels: those of one image, in the form of training.
        classifier: the model that computes its outputs.
    """
    model.optimizer.build(model.trainable_variables)
    if not tf.distribute.has_strategy():  # under one Keras does it
        model.compute_metrics(None, labels, keras.ops.zeros((1, num_outputs(classifier))))
        model.reset_metrics()


def compile_part(
    model: keras.Model,
    classifier: keras.Model,
    settings: FineTuneSettings,
    learning_rate: float | LearningRateSchedule,
) -> None:
    """Compiles `model`, the trainable part of `classifier`, with a fresh optimizer.

    Args:
        classifier: the whole; the trainable part of its backbone has lower rates.
        learning_rate: rate of the head.
    """
    backbone = get_backbone(classifier)
    factors = None
    if backbone.trainable_weights:
        factors = depth_factors(backbone, settings.backbone_lr_factor, settings.depth_decay)
    optimizer = {
        "name": settings.optimizer,
        "learning_rate": learning_rate,
        "rate_factors": factors,
        "weight_decay": settings.weight_decay,
        "clip_norm": settings.clip_norm,
    }
    weighted = {"weighted_metrics": ["accuracy"]} if settings.class_weights == BALANCED else {}
    compile_for_training(
        model, classifier, optimizer, label_smoothing=settings.label_smoothing, **weighted
    )


def compile_for_use(classifier: keras.Model, optimizer: str, rate: float) -> None:
    """Leaves `classifier` ready for `evaluate` and for a further `fit` on class numbers."""
    with classifier.distribute_strategy.scope():
        classifier.compile(
            optimizer=build_optimizer(optimizer, rate),
            loss=cross_entropy(classifier, sparse=True),
            metrics=["accuracy"],
        )
        # Saved unbuilt, the optimizer could not be loaded again with its state.
        _build_state(classifier, keras.ops.zeros((1,), "int32"), classifier)


def count_steps(size: int, batch_size: int, strategy: tf.distribute.Strategy) -> tuple[int, bool]:
    """Returns (steps of an epoch, whether an incomplete batch is left out).

    On several replicas it is left out unless they share it evenly: one could get no image.

    Raises:
        InputError: there are fewer images than replicas.
    """
    if size < strategy.num_replicas_in_sync:
        raise InputError(
            f"Expected at least {strategy.num_replicas_in_sync} training images, one for each "
            f"replica; received {size}. Give more images, or train on fewer devices."
        )
    drop = size >= batch_size and size % batch_size % strategy.num_replicas_in_sync > 0
    return (size // batch_size if drop else math.ceil(size / batch_size)), drop


def endless_batches(
    part: TrainablePart,
    num_classes: int,
    batch_size: int,
    settings: FineTuneSettings,
    *,
    first_epoch: int = 0,
) -> tuple[tf.data.Dataset, int]:
    """Returns the training batches of a part, epoch after epoch, and their number per epoch."""
    strategy = part.model.distribute_strategy
    steps, drop = count_steps(len(part.train.labels), batch_size, strategy)
    mixes = isinstance(part.model, AboveFrozen)
    batches = training_batches(
        part.train,
        batch_size,
        num_classes=num_classes,
        seed=settings.seed,
        mixup=settings.mixup,
        cutmix=settings.cutmix,
        mixed_inside=strategy.num_replicas_in_sync if mixes else 0,
        first_epoch=first_epoch,
        drop_remainder=drop,
    )
    return batches, steps


def _loss_on_some(model, batches):
    """The loss of a compiled model on a few training examples, without training."""
    x, y, *weights = keras.tree.map_structure(lambda tensor: tensor[:_SOME], next(iter(batches)))
    return float(model.compute_loss(x, y, model(x, training=False), *weights, training=False))


def run_phase(
    history: TrainingHistory,
    name: str,
    model: keras.Model,
    batches: Callable[[], tf.data.Dataset],
    held_out: tf.data.Dataset | None,
    *,
    epochs: int,
    patience: int | None,
    callbacks: list[keras.callbacks.Callback],
    val_size: float | None = None,
    steps_per_epoch: int | None = None,
    keep_last: bool = False,
) -> None:
    """Fits a compiled model for `epochs`, puts its best weights back and appends to `history`.

    Args:
        history: epochs before these.
        name: name of the phase in `history.phases`.
        batches: function that builds the batches to train on.
        held_out: batches to validate on, or None.
        epochs, steps_per_epoch: as in `fit`; steps for batches without end.
        patience: epochs without better validation before it ends; None for never.
        val_size: number of validation images.
        keep_last: whether the last weights count as the best, whatever validation says. It is then
            measured a few times alone, and NaN after other epochs: of few training images it would
            take as long as they do.

    Raises:
        DivergedError: the loss became NaN or infinite; the model has the best weights before that.
    """
    start = len(history.epoch)
    at_start = None
    if held_out and not keep_last:
        at_start = model.evaluate(held_out, verbose=0, return_dict=True)
    best = BestWeights(at_start, patience, val_size)
    measured = _measured_epochs(start, epochs, MEASURED if keep_last else epochs)
    trained = fit(
        model,
        batches,
        name=name,
        validation_data=held_out,
        validation_freq=measured,
        initial_epoch=start,
        epochs=start + epochs,
        steps_per_epoch=steps_per_epoch,
        shuffle=False,  # the batches are shuffled already
        callbacks=[best, *callbacks],
        verbose=1 if sys.stdout.isatty() else 2,
    )
    if best.unproven:
        best.prove(_loss_on_some(model, batches()))
    best.restore()
    _spread(trained, measured)
    history.add_phase(name, trained, model)
    if best.best_epoch is not None:
        history.best_epoch = best.best_epoch


def _measured_epochs(start, epochs, number):
    """Returns the epochs, counted from 1, after which validation is measured; the last is one."""
    number = max(1, min(number, epochs))
    return [start + round(epochs * (place + 1) / number) for place in range(number)]


def _spread(trained, measured):
    """Fills the values on validation up with NaN, one for each epoch."""
    places = [row for row, epoch in enumerate(trained.epoch) if epoch + 1 in measured]
    for name, values in trained.history.items():
        if name.startswith("val_"):
            full = [math.nan] * len(trained.epoch)
            for row, value in zip(places, values, strict=True):
                full[row] = value
            trained.history[name] = full
