"""Trains a classifier on few labelled images and many without labels."""

import dataclasses
from collections.abc import Sequence

import keras
import tensorflow as tf

from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.pipelines.augmentation_presets import resolve_augment, resolve_strong
from tl_keras.data.pipelines.unlabelled_views import build_unlabelled_views, slots
from tl_keras.data.unlabelled import as_unlabelled
from tl_keras.models.backbones.backbone import get_backbone
from tl_keras.models.signature import image_shape, num_outputs
from tl_keras.settings.options.signatures import shows_settings
from tl_keras.settings.whole_model import PseudoLabelSettings
from tl_keras.training.distribution.several_machines import from_chief
from tl_keras.training.fine_tuning.inputs import LabelledData, default_batch_size
from tl_keras.training.fine_tuning.phases import compile_for_use
from tl_keras.training.history import TrainingHistory
from tl_keras.training.optimizers import depth_factors
from tl_keras.training.step_memory import ImageCost, free_memory, image_cost, step_budget
from tl_keras.training.whole.fix_match import FixMatch
from tl_keras.training.whole.whole_model import fit_whole, labelled_for

GROUPS = 64  # of a step at most
IN_FLIGHT = 8  # batches that are being made, wait or are trained on


@shows_settings(PseudoLabelSettings)
def fit_with_pseudo_labels(
    model: keras.Model,
    train: LabelledData,
    unlabelled: object,
    val: LabelledData | None = None,
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    **settings: object,
) -> TrainingHistory:
    """Trains a classifier on few labelled images and its confident predictions for many others.

    FixMatch: if the classifier is confident about a weakly augmented image, it is trained to
    predict the same class for a strongly augmented version. Its confident predictions must be right
    more often than not. A classifier that `fine_tune` or `fit_from_scratch` trained on the labels
    is a good start, and random weights often do. All layers train that are not frozen. The moving
    average of the weights is validated and kept.

    Example:
        model = CNN(10, architecture="small")
        history = fit_with_pseudo_labels(model, (x[:100], y[:100]), x[100:])

    Args:
        model: classifier as `fit_from_scratch` takes it.
        train: labelled images: `ImageDataset`, a pair (x, y) with images 0-255 and class
            numbers (n,), or a finite batched `tf.data.Dataset` of them.
        unlabelled: images of the same kind without labels: `ImageDataset`, array, or a form of
            `train`; then the labels are compared with the pseudo-labels, and train nothing.
        val: validation data likewise, by which the best epoch is kept, as in `fine_tune`; None
            keeps the last. With fewer than some hundred images epochs are hardly told apart, so
            mostly one of the last, which have the lowest rate, is kept.
        callbacks: Keras callbacks. They see one batch in 32, and a `FixMatch` as their model.
        **settings: see `PseudoLabelSettings`, whose fields `help` lists.

    Returns:
        `TrainingHistory` with the phase "pseudo_labels". For each epoch it has "pseudo_label_rate",
        the share of weak views with a confident prediction. With labels in `unlabelled` it has
        "pseudo_label_accuracy", the share of these that were right.

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
    """Returns a function that makes the batches of `fit_whole`."""
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


def group_size(settings: PseudoLabelSettings) -> int:
    """Number of images in a group: a labelled one with its unlabelled ones."""
    return 1 + settings.unlabelled_ratio


def with_batch_size(
    settings: PseudoLabelSettings, model: keras.Model, train: ImageDataset, unlabelled: ImageDataset
) -> PseudoLabelSettings:
    """Returns settings whose `batch_size` is a number of whole groups for which there are images.

    Args:
        model: the built classifier, frozen as it will be trained.

    Raises:
        InputError: a batch has no whole group, or there are fewer unlabelled images than in it.
    """
    ratio, group = settings.unlabelled_ratio, group_size(settings)
    if settings.batch_size is None:
        size = slots(len(train), len(unlabelled), ratio)
        most = min(default_batch_size(size, GROUPS), max(1, len(unlabelled) // ratio))
        groups = affordable_groups(most, ratio, image_cost(model), step_budget(free_memory()))
        replicas = model.distribute_strategy.num_replicas_in_sync
        groups = max(from_chief(groups) // replicas, 1) * replicas
    else:
        groups = settings.batch_size // group
    if groups == 0:
        raise InputError(
            f"Expected a batch_size of at least {group}, a labelled image with its {ratio} "
            f"unlabelled ones (unlabelled_ratio); received batch_size={settings.batch_size}. "
            "Raise it or lower unlabelled_ratio."
        )
    if len(unlabelled) < groups * ratio:
        raise InputError(
            f"Expected at least {groups * ratio} unlabelled images, one batch ({groups} times "
            f"unlabelled_ratio {ratio}); received {len(unlabelled)}. Give more, or lower "
            "batch_size or unlabelled_ratio."
        )
    return dataclasses.replace(settings, batch_size=groups * group)


def affordable_groups(most: int, ratio: int, cost: ImageCost, budget: int) -> int:
    """Returns the number of groups per step: `most`, halved until they fit.

    In each group the labelled image and the strong views are trained on, and the weak views run in
    inference mode. All are in memory several times while the next batches are made.

    Args:
        most: int, at least 1.
        ratio: unlabelled images of a group.
        budget: bytes; one group is taken even if it does not fit.
    """
    held = IN_FLIGHT * (1 + 2 * ratio) * cost.itself
    of_group = (1 + ratio) * cost.training + ratio * cost.passing + held
    groups = most
    while groups > 1 and groups * of_group > budget:
        groups //= 2
    return groups


def _rate_factors(model, settings):
    """Lower rates for a nested backbone; None for a model without one."""
    try:
        backbone = get_backbone(model)
    except InputError:
        return None
    return depth_factors(backbone, settings.backbone_lr_factor, settings.depth_decay)
