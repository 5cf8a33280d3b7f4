"""Images without labels in `tl-keras train`, and the phase that uses them."""

import dataclasses

import tensorflow as tf

from tl_keras.checks import InputError
from tl_keras.data.classes import keep_classes
from tl_keras.data.dataset import ImageDataset, Splits
from tl_keras.data.grouping.groups import DUPLICATES
from tl_keras.data.loading import load_dataset, load_images
from tl_keras.data.sounds.sound_images import Sounds
from tl_keras.data.splits import keep_and_rest
from tl_keras.data.unlabelled import drop_held_out
from tl_keras.jobs.runs.measuring import main_figures, measure
from tl_keras.jobs.train.starting_point import StartingPoint
from tl_keras.models.backbones.applications import image_size_for_files
from tl_keras.progress import say
from tl_keras.settings.train import REST, TrainSettings
from tl_keras.training.checkpoints.decisions import decided
from tl_keras.training.frozen.freezing import apply_unfreeze, freeze
from tl_keras.training.history import TrainingHistory
from tl_keras.training.whole.pseudo_labels import (
    fit_with_pseudo_labels,
    group_size,
    with_batch_size,
)


@dataclasses.dataclass(frozen=True)
class Unlabelled:
    """Images without labels that a training may use.

    Attributes:
        images: `ImageDataset`.
        left_out: number of others that stand in val or test.
        labels_alone: test figures from before the phase that uses them; None until then.
    """

    images: ImageDataset
    left_out: int
    labels_alone: dict | None = None


def load_data(config: TrainSettings) -> tuple[Splits, ImageDataset | None]:
    """Returns the `Splits` that `config` asks for, and the images without labels or None."""
    rest = config.unlabelled == REST
    side = image_size_for_files(config.backbone, config.image_size)
    splits = load_dataset(
        config.data,
        seed=config.seed,
        split_fractions=config.split,
        labels_per_class=None if rest else config.labels_per_class,
        on_bad_image=config.on_bad_image,
        on_duplicate=config.on_duplicate,
        image_size=side and (side, side),
        sounds=Sounds.asked(config),
        fixes=config.fixes,
        group_by=config.group_by or DUPLICATES,
    )
    if rest:
        kept, others = keep_and_rest(splits.train, config.labels_per_class, config.seed)
        return splits._replace(train=kept), others
    if config.unlabelled is None:
        return splits, None
    # At the rate of the labelled ones.
    sounds = splits.train.sounds
    images, _ = load_images(config.unlabelled, on_bad_image=config.on_bad_image, sounds=sounds)
    return splits, images


def prepare_unlabelled(
    config: TrainSettings, start: StartingPoint, unlabelled: ImageDataset | None
) -> tuple[TrainSettings, Unlabelled | None]:
    """Checks, before training, that it can use the images without labels.

    Returns:
        `config` with the batch size, and `Unlabelled` images, of the classes of `start` if
        known; None without any.

    Raises:
        InputError: there are too few.
    """
    if unlabelled is None:
        return config, None
    train = start.splits.train
    if unlabelled.labels is not None and config.unlabelled == REST:
        unlabelled = keep_classes(unlabelled, train.class_names)
    unlabelled = _not_held_out(unlabelled, start.splits)
    settings = dataclasses.replace(config.pseudo_labels, seed=config.seed)
    _freeze_as_tuned(start.model, config.fine_tune)
    # Free memory decides, which may be other when the run is resumed.
    size = decided(
        "batch size of pseudo-labels",
        lambda: with_batch_size(settings, start.model, train, unlabelled.images).batch_size,
    )
    settings = dataclasses.replace(settings, batch_size=size)
    return dataclasses.replace(config, pseudo_labels=settings), unlabelled


def _not_held_out(unlabelled, splits):
    """Returns `Unlabelled` without the images of val and test, and prints their number."""
    images = drop_held_out(unlabelled, [splits.val, splits.test])
    left_out = len(unlabelled) - len(images)
    if not len(images):
        raise InputError(
            f"Expected unlabelled images that do not stand in val or test; received {left_out}, "
            "all of which do. Give others."
        )
    if left_out:
        say(
            f"{left_out} of {len(unlabelled)} images without labels stand in val or test too "
            "and are left out."
        )
    return Unlabelled(images, left_out)


def _freeze_as_tuned(model, tuning):
    """Freezes the layers that fine-tuning will freeze; the others decide the cost of a step."""
    if tuning.epochs != 0:
        apply_unfreeze(model, tuning.unfreeze, tuning.batch_norm)
    elif tuning.freeze_epochs:
        freeze(model)


def train_with_pseudo_labels(
    history: TrainingHistory, config: TrainSettings, start: StartingPoint, unlabelled: Unlabelled
) -> Unlabelled:
    """Trains the classifier of `start` with pseudo-labels and extends its history.

    Returns:
        `Unlabelled` with the test figures from before, measured as those after.
    """
    _, before = measure(start.model, start.splits.test, flips=start.flips(config))
    images = unlabelled.images
    say(f"Pseudo-labels for {len(images)} images without labels:")
    splits, settings = start.splits, dataclasses.asdict(config.pseudo_labels)
    try:
        more = fit_with_pseudo_labels(start.model, splits.train, images, splits.val, **settings)
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise InputError(_out_of_memory(config.pseudo_labels)) from error
    history.extend(more)
    return dataclasses.replace(unlabelled, labels_alone=main_figures(before))


def _out_of_memory(settings):
    size, ratio = settings.batch_size, settings.unlabelled_ratio
    groups = size // group_size(settings)
    less = f"--batch-size {groups // 2 * group_size(settings)}"
    if groups == 1:
        less = f"--unlabelled-ratio {max(ratio // 2, 1)}"
    return (
        f"Expected memory enough for batches of {size} images, {groups} labelled and "
        f"{groups * ratio} not; received out of memory in the phase with pseudo-labels. Give "
        f"{less}, or a smaller --image-size."
    )


def unlabelled_figures(history: TrainingHistory, unlabelled: Unlabelled) -> dict:
    """Returns the content of "unlabelled" in metrics.json: rates of the last epoch, and before."""
    figures = {
        "pictures": len(unlabelled.images),
        "left_out": unlabelled.left_out,
        "labels_alone": unlabelled.labels_alone,
    }
    for name in ("pseudo_label_rate", "pseudo_label_accuracy"):
        if name in history.history:
            figures[name] = history.history[name][-1]
    return figures
