"""From few labelled pictures and many others to a classifier."""

import dataclasses
import time

import tensorflow as tf

from tl_keras.checks import InputError
from tl_keras.data.augmentation_presets import resolve_augment, resolve_strong
from tl_keras.data.unlabelled import as_unlabelled
from tl_keras.data.unlabelled_views import build_unlabelled_views, slots
from tl_keras.models.backbones import get_backbone
from tl_keras.models.signature import num_outputs, picture_shape
from tl_keras.training.fix_match import FixMatch
from tl_keras.training.inputs import default_batch_size, labelled
from tl_keras.training.optimizers import depth_factors
from tl_keras.training.phases import compile_for_use, new_history
from tl_keras.training.settings import PseudoLabelSettings
from tl_keras.training.whole_model import build_for, fit_whole

BATCH_SIZE = 64


def fit_with_pseudo_labels(model, train, unlabelled, val=None, *, callbacks=(), **settings):
    """Trains a classifier on few labelled pictures and on its own sure answers for many others.

    FixMatch: what the classifier is sure of in a weakly changed picture it is to see in a strongly
    changed one as well. It serves a classifier that is right more often than not where it is
    sure; one that `fine_tune` or `fit_from_scratch` trained on the labels is a good start, and
    random weights often do. All layers train that are not frozen. The moving average of the
    weights is what is validated and kept.

    Example:
        model = CNN(10, architecture="small")
        history = fit_with_pseudo_labels(model, (x[:100], y[:100]), x[100:])

    Args:
        model: classifier as `fit_from_scratch` takes it.
        train: labelled pictures: `ImageDataset`, a pair (x, y) with pictures 0-255 and class
            numbers (n,), or a finite batched `tf.data.Dataset` of them.
        unlabelled: pictures of the same kind without labels: `ImageDataset`, array, or a form of
            `train`; then the labels are compared with the pseudo-labels, and train nothing.
        val: as `train` for validation, by which the best epoch is kept, as in `fine_tune`; None
            keeps the last. Below some hundred pictures an epoch is as good as the next, so the
            last ones, which have the lowest rate, are mostly what is kept.
        callbacks: Keras callbacks. They see one batch in 32, and a `FixMatch` as their model.
        confidence: probability from which on an answer is taken for a label. Default 0.95.
        unlabelled_weight: of the unlabelled pictures' loss. Default 1; 0 trains on the labels
            alone, for as many steps.
        unlabelled_ratio: unlabelled pictures to each labelled one in a batch. Default 7.
        average_decay: of the moving average of the weights, 0 for none. Default 0.999.
        augment: of labelled pictures and of the weak views: "auto", "none" or a name of
            `data.augmentation`.
        strong_augment: of the strong views; "auto", the default, for the strong one of `augment`.
        backbone_lr_factor: factor on the rate of the backbone, if `model` has one. Default 0.3.
        depth_decay: further factor at the bottom of the backbone. Default 1.
        epochs: Default 10. An epoch goes over the unlabelled pictures once, and over the labelled
            at least once.
        batch_size: labelled pictures a step over all replicas. Default 64, less for little data.
        optimizer, lr, schedule, weight_decay, label_smoothing, patience, seed: see
            `fit_from_scratch`.

    Returns:
        A `keras.callbacks.History` as of `fit_from_scratch`, with the phase "pseudo_labels". For
        each epoch it has "pseudo_label_rate", the share of weak views that were sure, and, with
        labels in `unlabelled`, "pseudo_label_accuracy", how many of these were right.

    Raises:
        InputError: a setting, the data or the model cannot be used; checked before any training.
        DivergedError: the loss became NaN; the model holds the best weights before that.

    Reference:
        Sohn et al. 2020, arXiv 2001.07685.
    """
    settings = PseudoLabelSettings(**settings)
    started = time.monotonic()
    train = labelled(train, None, split="train")
    unlabelled = as_unlabelled(unlabelled)
    settings = with_batch_size(settings, train, unlabelled)
    build_for(model, train)
    train = labelled(train, num_outputs(model), split="train")
    val = None if val is None else labelled(val, num_outputs(model), split="val")
    history = new_history()
    if settings.epochs:
        _fit(history, model, train, unlabelled, val, settings, callbacks)
    compile_for_use(model, settings.optimizer, settings.lr)
    history.seconds["total"] = time.monotonic() - started
    history.set_model(model)
    return history


def _fit(history, model, train, unlabelled, val, settings, callbacks):
    with model.distribute_strategy.scope():
        fix_match = FixMatch(
            model,
            confidence=settings.confidence,
            unlabelled_weight=settings.unlabelled_weight,
            average_decay=settings.average_decay,
        )
    try:
        fit_whole(
            history,
            "pseudo_labels",
            fix_match,
            settings,
            size=slots(len(train), len(unlabelled), settings.unlabelled_ratio),
            batches_of=_batches(model, train, unlabelled, settings),
            val=val,
            classifier=model,
            callbacks=callbacks,
            optimizer={"rate_factors": _rate_factors(model, settings)},
        )
    finally:
        fix_match.use_average()


def _batches(model, train, unlabelled, settings):
    """How `fit_whole` gets its batches."""
    *image_size, channels = picture_shape(model)
    num_classes = num_outputs(model)
    weak = resolve_augment(settings.augment, train)
    strong = resolve_strong(settings.strong_augment, weak, train)
    ratio = settings.unlabelled_ratio

    def batches_of(batch_size, **how):
        batches = build_unlabelled_views(
            train,
            # Without weight they have no part, and need not be computed.
            unlabelled if settings.unlabelled_weight else None,
            batch_size,
            size=slots(len(train), len(unlabelled), ratio),
            ratio=ratio,
            image_size=tuple(image_size),
            channels=channels,
            weak=weak,
            strong=strong,
            **how,
        )
        return batches.map(lambda inputs, labels: (inputs, tf.one_hot(labels, num_classes)))

    return batches_of


def with_batch_size(settings, train, unlabelled):
    """Settings whose `batch_size` is a number, for which there are pictures enough.

    Raises:
        InputError: there are fewer unlabelled pictures than in one batch.
    """
    ratio = settings.unlabelled_ratio
    size = slots(len(train), len(unlabelled), ratio)
    batch_size = settings.batch_size or default_batch_size(size, BATCH_SIZE)
    if len(unlabelled) < batch_size * ratio:
        raise InputError(
            f"Expected at least {batch_size * ratio} unlabelled pictures, one batch "
            f"(batch_size {batch_size} x unlabelled_ratio {ratio}); received {len(unlabelled)}. "
            "Give more, or lower either."
        )
    return dataclasses.replace(settings, batch_size=batch_size)


def _rate_factors(model, settings):
    """Lower rates for a nested backbone; None for a net without one."""
    try:
        backbone = get_backbone(model)
    except InputError:
        return None
    return depth_factors(backbone, settings.backbone_lr_factor, settings.depth_decay)
