"""From few labelled pictures and many others to a classifier."""

import dataclasses

import tensorflow as tf

from tl_keras.checks import InputError
from tl_keras.data.pipelines.augmentation_presets import resolve_augment, resolve_strong
from tl_keras.data.pipelines.unlabelled_views import build_unlabelled_views, slots
from tl_keras.data.unlabelled import as_unlabelled
from tl_keras.models.backbones.backbone import get_backbone
from tl_keras.models.signature import image_shape, num_outputs
from tl_keras.settings.signatures import shows_settings
from tl_keras.settings.whole_model import PseudoLabelSettings
from tl_keras.training.fine_tuning.inputs import default_batch_size
from tl_keras.training.fine_tuning.phases import compile_for_use
from tl_keras.training.history import TrainingHistory
from tl_keras.training.optimizers import depth_factors
from tl_keras.training.step_memory import free_memory, picture_cost, step_budget
from tl_keras.training.whole.fix_match import FixMatch
from tl_keras.training.whole.whole_model import fit_whole, labelled_for

GROUPS = 64  # of a step at most
IN_FLIGHT = 8  # batches that are being made, wait or are trained on


@shows_settings(PseudoLabelSettings)
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
        **settings: see `PseudoLabelSettings`, whose fields `help` lists.

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
    history = TrainingHistory()
    with history.timing("total"):
        unlabelled = as_unlabelled(unlabelled)
        train, val = labelled_for(model, train, val)
        settings = with_batch_size(settings, model, train, unlabelled)
        if settings.epochs:
            _fit(history, model, train, unlabelled, val, settings, callbacks)
        compile_for_use(model, settings.optimizer, settings.lr)
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
            dataclasses.replace(settings, batch_size=settings.batch_size // group_size(settings)),
            size=slots(len(train), len(unlabelled), settings.unlabelled_ratio),
            batches_of=_batches(model, train, unlabelled, settings),
            val=val,
            val_batch_size=settings.batch_size,
            classifier=model,
            callbacks=callbacks,
            optimizer={"rate_factors": _rate_factors(model, settings)},
        )
    finally:
        fix_match.use_average()


def _batches(model, train, unlabelled, settings):
    """How `fit_whole` gets its batches."""
    *image_size, channels = image_shape(model)
    num_classes = num_outputs(model)
    weak = resolve_augment(settings.augment, train)
    strong = resolve_strong(settings.strong_augment, weak, train)
    ratio = settings.unlabelled_ratio

    def batches_of(batch_size, **arguments):
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
            **arguments,
        )
        return batches.map(lambda inputs, labels: (inputs, tf.one_hot(labels, num_classes)))

    return batches_of


def group_size(settings):
    """Number of pictures in a group: a labelled one with its unlabelled ones."""
    return 1 + settings.unlabelled_ratio


def with_batch_size(settings, model, train, unlabelled):
    """Returns settings whose `batch_size` is a number of whole groups that can be had.

    Args:
        settings: `PseudoLabelSettings`.
        model: the classifier, built, of which those layers train that will.
        train, unlabelled: `ImageDataset`s.

    Raises:
        InputError: a batch has no whole group, or there are fewer unlabelled pictures than in it.
    """
    ratio, group = settings.unlabelled_ratio, group_size(settings)
    if settings.batch_size is None:
        size = slots(len(train), len(unlabelled), ratio)
        most = min(default_batch_size(size, GROUPS), max(1, len(unlabelled) // ratio))
        groups = affordable_groups(most, ratio, picture_cost(model), step_budget(free_memory()))
    else:
        groups = settings.batch_size // group
    if groups == 0:
        raise InputError(
            f"Expected a batch_size of at least {group}, a labelled picture with its {ratio} "
            f"unlabelled ones (unlabelled_ratio); received batch_size={settings.batch_size}. "
            "Raise it or lower unlabelled_ratio."
        )
    if len(unlabelled) < groups * ratio:
        raise InputError(
            f"Expected at least {groups * ratio} unlabelled pictures, one batch ({groups} times "
            f"unlabelled_ratio {ratio}); received {len(unlabelled)}. Give more, or lower "
            "batch_size or unlabelled_ratio."
        )
    return dataclasses.replace(settings, batch_size=groups * group)


def affordable_groups(most, ratio, cost, budget):
    """Returns how many groups a step may have, `most` or so often half of it that they fit.

    Of each group the labelled picture and the strong views are trained on, the weak views pass,
    and all are held some times over while the next batches are made.

    Args:
        most: int, at least 1.
        ratio: unlabelled pictures of a group.
        cost: `PictureCost`.
        budget: bytes; one group is taken even if it does not fit.
    """
    held = IN_FLIGHT * (1 + 2 * ratio) * cost.itself
    of_group = (1 + ratio) * cost.training + ratio * cost.passing + held
    groups = most
    while groups > 1 and groups * of_group > budget:
        groups //= 2
    return groups


def _rate_factors(model, settings):
    """Lower rates for a nested backbone; None for a net without one."""
    try:
        backbone = get_backbone(model)
    except InputError:
        return None
    return depth_factors(backbone, settings.backbone_lr_factor, settings.depth_decay)
