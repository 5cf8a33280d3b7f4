"""What each phase of training does anew: its loss, its optimizer, its batches, its fit."""

import math
import sys

import keras

from tl_keras.models.backbones import get_backbone
from tl_keras.training.best_weights import BestWeights
from tl_keras.training.feature_cache import training_batches, validation_batches
from tl_keras.training.optimizers import build_optimizer, build_schedule, depth_factors


def cross_entropy(classifier, *, sparse=False, label_smoothing=0.0):
    """The loss for the outputs of `classifier`, which are probabilities or logits."""
    from_logits = classifier.layers[-1].activation is keras.activations.linear
    if sparse:
        return keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    return keras.losses.CategoricalCrossentropy(
        from_logits=from_logits, label_smoothing=label_smoothing
    )


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
    with model.distribute_strategy.scope():
        model.compile(
            optimizer=build_optimizer(
                settings.optimizer,
                learning_rate,
                rate_factors=factors,
                weight_decay=settings.weight_decay,
            ),
            loss=cross_entropy(classifier, label_smoothing=settings.label_smoothing),
            metrics=["accuracy"],
        )


def compile_for_use(classifier, settings):
    """Leaves `classifier` ready for `evaluate` and for a further, gentle `fit`."""
    rate = settings.lr * settings.backbone_lr_factor
    with classifier.distribute_strategy.scope():
        classifier.compile(
            optimizer=build_optimizer(settings.optimizer, rate),
            loss=cross_entropy(classifier, sparse=True),
            metrics=["accuracy"],
        )
        # Saved unbuilt, it could not be loaded again with its state.
        classifier.optimizer.build(classifier.trainable_variables)


def endless_batches(part, num_classes, batch_size, *, seed, first_epoch=0):
    """The training batches of a `TrainablePart`, epoch after epoch, and their number an epoch.

    On several replicas the remainder of an epoch is left out: it could starve one of them.
    """
    size = len(part.train.labels)
    drop = part.model.distribute_strategy.num_replicas_in_sync > 1 and size >= batch_size
    steps = size // batch_size if drop else math.ceil(size / batch_size)
    batches = training_batches(
        part.train,
        batch_size,
        num_classes=num_classes,
        seed=seed,
        first_epoch=first_epoch,
        drop_remainder=drop,
    )
    return batches, steps


def fit_phase(part, classifier, settings, *, batch_size, first_epoch, epochs, callbacks, objective):
    """Trains a `TrainablePart` of `classifier` and leaves it with its best weights.

    Args:
        part: what is trained, on what.
        classifier: the whole.
        settings: `FineTuneSettings`.
        batch_size: pictures a step over all replicas.
        first_epoch: number of epochs before this phase.
        epochs: number of epochs.
        callbacks: fresh Keras callbacks.
        objective: function (model, batches) -> (model, batches) that adds to the loss what is
            trained for beside the labels.

    Returns:
        (history of `fit`, `BestWeights`, number of trainable weights).
    """
    num_classes = classifier.output_shape[-1]
    batches, steps = endless_batches(
        part, num_classes, batch_size, seed=settings.seed, first_epoch=first_epoch
    )
    held_out = part.val and validation_batches(part.val, batch_size, num_classes=num_classes)
    model, batches = objective(part.model, batches)
    rate = build_schedule(settings.schedule, settings.lr, epochs * steps)
    compile_part(model, classifier, settings, rate)
    at_start = held_out and model.evaluate(held_out, verbose=0, return_dict=True)
    best = BestWeights(at_start, settings.patience)
    history = model.fit(
        batches,
        validation_data=held_out,
        initial_epoch=first_epoch,
        epochs=first_epoch + epochs,
        steps_per_epoch=steps,
        shuffle=False,  # the batches are shuffled already
        callbacks=[best, *callbacks],
        verbose=1 if sys.stdout.isatty() else 2,
    )
    best.restore()
    return history, best, len(model.trainable_weights)
