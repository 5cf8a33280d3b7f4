"""Reads images, their descriptions, and the classes to learn without."""

import dataclasses
from dataclasses import replace

import numpy as np

from tl_keras.checks import InputError, check_choice, listed
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.grouping.groups import DUPLICATES
from tl_keras.data.images import printable
from tl_keras.data.inspection.checking import Inspection
from tl_keras.data.loading import load_parts
from tl_keras.data.sources.class_descriptions import ClassDescriptions, read_descriptions
from tl_keras.data.sources.shapes import held_out_shapes, shape_descriptions
from tl_keras.data.splits import joined, keep_per_class
from tl_keras.jobs.runs.reading.known_images import with_known
from tl_keras.settings.few_labels.zero_shot import ZeroShotSettings

_TESTED = 0.2  # of the images of a seen class, where the source has no test split


@dataclasses.dataclass(frozen=True, eq=False)
class DescribedImages:
    """Images of a zero-shot run; labels are rows of the descriptions.

    Attributes:
        train: images of seen classes.
        test: images of all classes.
        descriptions: of the classes of the images, in their order.
        unseen: bool (num_classes,).
        inspection: result of checking the images.
        warnings: sentences on the descriptions.
    """

    train: ImageDataset
    test: ImageDataset
    descriptions: ClassDescriptions
    unseen: np.ndarray
    inspection: Inspection
    warnings: tuple[str, ...]


def load_described_images(settings: ZeroShotSettings) -> DescribedImages:
    """Loads images and descriptions, and splits the images.

    The test split of the source is kept. Without one, all images of unseen classes are tested, and
    a fifth of each other class.

    Raises:
        InputError: images, table or classes cannot be used; the message names the class.
    """
    parts, inspection = load_parts(
        settings.data,
        on_bad_image=settings.on_bad_image,
        fixes=settings.fixes,
        group_by=DUPLICATES,
        cut=("test",),
    )
    names = next(iter(parts.values())).class_names
    unseen = _unseen(settings, names)
    descriptions = _descriptions(settings, names)
    train, test, grouped = _split(parts, unseen, settings)
    inspection = inspection if grouped else inspection.ungrouped()
    if settings.labels_per_class is not None:
        train = _kept(train, settings)
    _check_images(settings, train, test, unseen)
    inspection = with_known(inspection, [test], [settings.backbone], "test images")
    return DescribedImages(
        train, test, descriptions, unseen, inspection, _warnings(descriptions, unseen)
    )


def _unseen(settings, names):
    wanted = settings.unseen or held_out_shapes()
    for name in wanted:
        try:
            check_choice("unseen", name, names)
        except InputError as error:
            raise InputError(
                f"{error} It has no images in {printable(settings.data)}, so nothing could be "
                "measured: add test images of it, or leave it out."
            ) from None
    unseen = np.isin(names, wanted)
    if (~unseen).sum() < 2:
        raise InputError(
            f"Expected two or more classes to learn from; received {(~unseen).sum()} beside the "
            f"{unseen.sum()} unseen of {printable(settings.data)}. Name fewer as unseen."
        )
    return unseen


def _descriptions(settings, names):
    if settings.attributes is None:
        return shape_descriptions().of(names)
    return read_descriptions(settings.attributes, names)


def _split(parts, unseen, settings):
    if "test" in parts:
        others = [part for name, part in parts.items() if name != "test"]
        known = joined(others)
        return known.subset(np.flatnonzero(~unseen[known.labels]), "train"), parts["test"], True
    whole = joined(list(parts.values()))
    tested = _tested(whole, unseen, settings.seed)
    grouped = bool(np.isin(np.flatnonzero(~unseen), whole.labels[~tested]).all())
    if not grouped:
        tested = _tested(replace(whole, groups=None), unseen, settings.seed)
    return (
        whole.subset(np.flatnonzero(~tested), "train"),
        whole.subset(np.flatnonzero(tested), "test"),
        grouped,
    )


def _tested(whole, unseen, seed):
    """Mask of the images of unseen classes and a fifth of each other class, whole groups of it."""
    generator, tested = np.random.default_rng([seed, 11]), unseen[whole.labels]
    groups = np.arange(len(whole)) if whole.groups is None else whole.groups
    for label in np.flatnonzero(~unseen):
        own = groups[whole.labels == label]
        names, sizes = np.unique(own, return_counts=True)
        order = generator.permutation(len(names))
        wanted = max(round(len(own) * _TESTED), 1)
        taken = np.searchsorted(np.cumsum(sizes[order]), wanted) + 1
        tested |= np.isin(groups, names[order[:taken]])
    return np.isin(groups, groups[tested])  # with copies of images of other classes


def _kept(train, settings):
    """Keeps so many images of each seen class; the unseen ones have none."""
    seen, labels = np.unique(train.labels, return_inverse=True)
    names = tuple(train.class_names[label] for label in seen)
    few = replace(train, labels=labels.astype(np.int32), class_names=names)
    few = keep_per_class(few, settings.labels_per_class, settings.seed)
    return replace(few, labels=seen[few.labels], class_names=train.class_names)


def _check_images(settings, train, test, unseen):
    for part, wanted in ((train, ~unseen), (test, np.ones_like(unseen))):
        counts = np.bincount(part.labels, minlength=len(unseen))
        missing = [part.class_names[i] for i in np.flatnonzero(wanted & (counts == 0))]
        if missing:
            raise InputError(
                f"Expected images of each class in the {part.split} split of "
                f"{printable(settings.data)}; received none of {listed(missing)}. Add some (two "
                "or more where there is no test split), or leave the class out."
            )


def _warnings(descriptions, unseen):
    """Returns sentences on columns that teach nothing, and on classes that differ in no other."""
    values, found = descriptions.values, []
    own = values[~unseen]
    fixed = (own == own[0]).all(axis=0)
    constant = (values == values[0]).all(axis=0)
    columns = np.array(descriptions.columns, object)
    if constant.any():
        found.append(
            "Columns with one value for all classes tell nothing: "
            f"{listed(list(columns[constant]))}."
        )
    if (fixed & ~constant).any():
        found.append(
            "Columns with one value for all seen classes cannot be learned: "
            f"{listed(list(columns[fixed & ~constant]))}."
        )
    groups = {}
    for name, row in zip(descriptions.class_names, values[:, ~fixed], strict=True):
        groups.setdefault(row.tobytes(), []).append(name)
    for names in groups.values():
        if len(names) > 1:
            found.append(f"These classes differ in no column that can be learned: {listed(names)}.")
    return tuple(found)
