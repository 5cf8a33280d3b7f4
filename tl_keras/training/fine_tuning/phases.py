"""What each phase of training does anew: its loss, its optimizer, its batches, its fit."""

import math
import sys

import keras
import tensorflow as tf

from tl_keras.models.backbones.backbone import get_backbone
from tl_keras.models.signature import gives_logits, num_outputs
from tl_keras.training.best_weights import BestWeights
from tl_keras.training.class_weights import BALANCED, equal_images, weigh_batches
from tl_keras.training.fine_tuning.trainable_part import AboveFrozen
from tl_keras.training.frozen.feature_cache import training_batches, validation_batches
from tl_keras.training.optimizers import build_optimizer, build_schedule, depth_factors

_SOME = 8  # examples


def cross_entropy(classifier, *, sparse=False, label_smoothing=0.0):
    """The loss for the outputs of `classifier`, which are probabilities or logits."""
    from_logits = gives_logits(classifier)
    if sparse:
        return keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    return keras.losses.CategoricalCrossentropy(
        from_logits=from_logits, label_smoothing=label_smoothing
    )


def compile_for_training(model, classifier, optimizer, *, label_smoothing=0.0, **arguments):
    """Compiles `model` for one-hot labels.

    Args:
        model: what is trained.
        classifier: the whole, which gives its outputs.
        optimizer: dict of the arguments of `build_optimizer`.
        label_smoothing: number.
        **arguments: more of `keras.Model.compile`, or other metrics.
    """
    arguments = {"metrics": ["accuracy"], **arguments}
    with model.distribute_strategy.scope():
        model.compile(
            optimizer=build_optimizer(**optimizer),
            loss=cross_entropy(classifier, label_smoothing=label_smoothing),
            **arguments,
        )
        _build_state(model, keras.ops.zeros((1, num_outputs(classifier))), classifier)


def _build_state(model, labels, classifier):
    """Makes the variables of optimizer and metrics: made within `fit` they have it traced twice.

    Args:
        model: compiled keras.Model.
        labels: of one picture, in the form that it is trained on.
        classifier: what gives its outputs.
    """
    model.optimizer.build(model.trainable_variables)
    if not tf.distribute.has_strategy():  # under one Keras does it
        model.compute_metrics(None, labels, keras.ops.zeros((1, num_outputs(classifier))))
        model.reset_metrics()


def compile_part(model, classifier, settings, learning_rate):
    """Compiles `model`, the trainable part of `classifier`, with a fresh optimizer.

    Args:
        model: what is trained.
        classifier: the whole; its backbone, as far as it trains, has lower rates.
        settings: `FineTuneSettings`.
        learning_rate: of the head; a number or schedule.
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
    }
    weighted = {"weighted_metrics": ["accuracy"]} if settings.class_weights == BALANCED else {}
    compile_for_training(
        model, classifier, optimizer, label_smoothing=settings.label_smoothing, **weighted
    )


def compile_for_use(classifier, optimizer, rate):
    """Leaves `classifier` ready for `evaluate` and for a further `fit` on class numbers."""
    with classifier.distribute_strategy.scope():
        classifier.compile(
            optimizer=build_optimizer(optimizer, rate),
            loss=cross_entropy(classifier, sparse=True),
            metrics=["accuracy"],
        )
        # Saved unbuilt, the optimizer could not be loaded again with its state.
        _build_state(classifier, keras.ops.zeros((1,), "int32"), classifier)


def count_steps(size, batch_size, strategy):
    """Returns (steps of an epoch, whether an incomplete batch is left out).

    On several replicas it is: it could starve one of them.
    """
    drop = strategy.num_replicas_in_sync > 1 and size >= batch_size
    return (size // batch_size if drop else math.ceil(size / batch_size)), drop


def endless_batches(part, num_classes, batch_size, settings, *, first_epoch=0):
    """The training batches of a `TrainablePart`, epoch after epoch, and their number an epoch."""
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
    history,
    name,
    model,
    batches,
    held_out,
    *,
    epochs,
    patience,
    callbacks,
    val_size=None,
    steps_per_epoch=None,
    keep_last=False,
):
    """Fits a compiled model for `epochs`, puts its best weights back and appends to `history`.

    Args:
        history: `TrainingHistory`; its epochs come before these.
        name: what the phase is called in `history.phases`.
        model: compiled keras.Model.
        batches, held_out: batches to train and to validate on; the latter may be None.
        epochs, steps_per_epoch: as in `fit`; steps for batches without end.
        patience: epochs without better validation before it ends; None for never.
        callbacks: list of Keras callbacks.
        val_size: number of validation pictures.
        keep_last: whether the last weights count as the best, whatever validation says.

    Raises:
        DivergedError: the loss became NaN or infinite; the model has the best weights before that.
    """
    start = len(history.epoch)
    at_start = None
    if held_out and not keep_last:
        at_start = model.evaluate(held_out, verbose=0, return_dict=True)
    best = BestWeights(at_start, patience, val_size)
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
    if best.unproven:
        best.prove(_loss_on_some(model, batches))
    best.restore()
    history.add_phase(name, fit, model)
    if best.best_epoch is not None:
        history.best_epoch = best.best_epoch


def fit_phase(
    history,
    name,
    part,
    classifier,
    settings,
    *,
    batch_size,
    epochs,
    callbacks,
    objective,
    keep_last=False,
):
    """Trains a `TrainablePart` of `classifier` and leaves it with its best weights.

    Args:
        history, name, epochs, callbacks, keep_last: see `run_phase`.
        part: what is trained, on what.
        classifier: the whole.
        settings: `FineTuneSettings`.
        batch_size: pictures a step over all replicas.
        objective: function (model, batches) -> (model, batches) that adds to the loss what is
            trained for beside the labels.
    """
    num_classes = classifier.output_shape[-1]
    batches, steps = endless_batches(
        part, num_classes, batch_size, settings, first_epoch=len(history.epoch)
    )
    held_out = part.val and validation_batches(
        part.val.first_view, batch_size, num_classes=num_classes
    )
    val_size = part.val and len(part.val.labels)
    if settings.class_weights == BALANCED:
        batches = weigh_batches(batches, part.train.labels, num_classes)
        held_out = held_out and weigh_batches(held_out, part.val.labels, num_classes)
        val_size = part.val and equal_images(part.val.labels)
    model, batches = objective(part.model, batches)
    rate = build_schedule(settings.schedule, settings.lr, epochs * steps)
    compile_part(model, classifier, settings, rate)
    run_phase(
        history,
        name,
        model,
        batches,
        held_out,
        epochs=epochs,
        steps_per_epoch=steps,
        patience=settings.patience,
        callbacks=callbacks,
        val_size=val_size,
        keep_last=keep_last,
    )
