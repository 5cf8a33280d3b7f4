"""Loading of a named dataset, a folder or a file as checked images."""

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tl_keras.checks import InputError, check_choice
from tl_keras.data.dataset import ImageDataset, Splits, concatenated
from tl_keras.data.fixes.applying import apply_fixes, without_fixed
from tl_keras.data.fixes.fixes_file import read_fixes
from tl_keras.data.grouping.groups import DUPLICATES
from tl_keras.data.grouping.parts import group_parts
from tl_keras.data.images import IMAGE_SUFFIXES, printable
from tl_keras.data.inspection.checking import (
    UNGROUPED,
    Inspection,
    complete,
    drop_bad,
    inspect_files,
    refuse_bad,
    refuse_leaks,
)
from tl_keras.data.shards.layout import is_shard_folder
from tl_keras.data.shards.reading import read_shards
from tl_keras.data.sounds.sound_images import Sounds, as_sounds
from tl_keras.data.sounds.waves import SOUND_SUFFIXES
from tl_keras.data.sources.arrays import read_npy, read_npz
from tl_keras.data.sources.folders import (
    FolderContents,
    find_image_files,
    labels_by_folder,
    read_folder,
)
from tl_keras.data.sources.labels_file import read_labels_file
from tl_keras.data.sources.named import (
    NAMED_DATASETS,
    SOUND_DATASETS,
    load_chirps,
    load_named,
)
from tl_keras.data.split_records import REST, record_images
from tl_keras.data.splits import check_fractions, keep_per_class, make_splits
from tl_keras.progress import say

_PARTS = 3  # splits that a class may have to be divided into
ON_BAD_IMAGE = ("refuse", "skip")
ON_DUPLICATE = ("report", "refuse")


def load_dataset(
    source: Any,
    *,
    seed: int = 0,
    split_fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
    labels_per_class: int | None = None,
    on_bad_image: str = "refuse",
    on_duplicate: str = "report",
    require_labels: bool = True,
    image_size: tuple[int, int] | None = None,
    sounds: Sounds | None = None,
    fixes: str | None = None,
    group_by: str | None = None,
) -> Splits:
    """Loads images, opens every file, and splits them into train, val and test.

    Splits of the source are kept. A missing split is cut from train, stratified by class. Example:
    `train, val, test, inspection = load_dataset("digits")`.

    Args:
        source: a name, a folder or a file. A name is one of `NAMED_DATASETS`; ./digits is a folder
            of that name. A folder has a sub-folder for each class, with or without train, val and
            test folders above them. A .npz file has x_train, y_train, x_test and y_test, or x and
            y. A .npy file has no labels. A folder of shards is one that `tl-keras shard` wrote. A
            .csv file has labels, see `data.sources.label_rows`.
        seed: integer from 0; the same seed gives the same splits.
        split_fractions: fractions of (train, val, test) with sum 1.
        labels_per_class: number of training images to keep per class, or None for all.
        on_bad_image: "refuse" unreadable files with an error, or "skip" them.
        on_duplicate: "report" images that occur, exactly or nearly, in two splits in the
            inspection, or "refuse" them with an error.
        require_labels: whether labels of at least two classes are required. If not, labels with a
            class too small for every split are dropped and a warning says so.
        image_size: (height, width) of the model's input, so that each file is decoded only once,
            or None. It changes no result.
        sounds: settings of the spectrograms if the source is a folder of WAV files, or "chirps";
            None for images.
        fixes: fixes.csv of `tl-keras check`, which is applied to the images, or None.
        group_by: keeps images together where train is cut, and in folds of a cross-validation on
            train and val. "duplicates" joins images that are the same or nearly; a column of a file
            of labels, or a regular expression over the path, names groups. None or "none" for no
            groups.

    Returns:
        Splits; its `inspection` holds bad files, warnings and images in two splits.

    Raises:
        InputError: the source, a file or an argument is invalid.
    """
    check_choice("on_bad_image", on_bad_image, ON_BAD_IMAGE)
    check_choice("on_duplicate", on_duplicate, ON_DUPLICATE)
    check_fractions(split_fractions)
    contents = _read(source, require_labels, sounds)
    # No copies are kept of images that are left out again.
    size = image_size if labels_per_class is None else None
    contents, found = _inspect(contents, on_bad_image, size, fixes)
    parts, dropped = (contents.parts, ()) if require_labels else _large_classes(contents.parts)
    whole, near, grouped = group_parts(parts, found.fingerprints, group_by, _name_of(source))
    how = {"split_fractions": split_fractions, "seed": seed}
    splits, notes, kept = cut_parts(whole, parts if group_by == DUPLICATES else None, **how)
    grouped = grouped if kept else (UNGROUPED,)
    notes = (*contents.notes, *dropped, *grouped, *notes)
    inspection = complete(found, splits[:3], ignored=contents.ignored, notes=notes, near_known=near)
    if on_duplicate == "refuse":
        refuse_leaks(inspection)
    train = splits.train
    if labels_per_class is not None:
        train = keep_per_class(train, labels_per_class, seed)
        left_out = _left_out(splits.train, train, inspection.contents)
        inspection = replace(inspection, left_out=left_out)
    return Splits(train, splits.val, splits.test, inspection)


def cut_parts(
    parts: dict[str, ImageDataset],
    plain: dict[str, ImageDataset] | None,
    *,
    split_fractions: tuple[float, float, float],
    seed: int,
) -> tuple[Splits, tuple[str, ...], bool]:
    """Returns what `make_splits` does, and whether the groups could be kept.

    Args:
        parts: as in `make_splits`, with groups of copies or others.
        plain: the same without groups of copies, for classes that groups leave in too few; None
            where the groups were asked for, so that this is an error.
        split_fractions, seed: as in `make_splits`.
    """
    how = {"split_fractions": split_fractions, "seed": seed}
    try:
        return *make_splits(parts, **how), True
    except InputError:
        if plain is None:
            raise
    return *make_splits(plain, **how), False


def load_parts(
    source: Any,
    *,
    on_bad_image: str = "refuse",
    image_size: tuple[int, int] | None = None,
    sounds: Sounds | None = None,
    fixes: str | None = None,
    group_by: str | None = None,
    cut: Sequence[str] = (),
) -> tuple[dict[str, ImageDataset], Inspection]:
    """Loads all images of a labelled source in its own parts, without splitting them.

    Args:
        source: as in `load_dataset`.
        on_bad_image: "refuse" files that cannot be read with an error, or "skip" them.
        image_size, sounds, fixes: as in `load_dataset`.
        group_by: as in `load_dataset`, for the folds of a cross-validation.
        cut: names of the splits that will be cut from the parts where they are missing.

    Returns:
        {"all": dataset} or {"train": dataset, ...}, and the `Inspection`.
    """
    check_choice("on_bad_image", on_bad_image, ON_BAD_IMAGE)
    contents = _read(source, require_labels=True, sounds=sounds)
    contents, found = _inspect(contents, on_bad_image, image_size, fixes)
    marks, name = found.fingerprints, _name_of(source)
    parts, _, grouped = group_parts(contents.parts, marks, group_by, name, cut=cut)
    notes = (*contents.notes, *grouped)
    inspection = complete(found, [], ignored=contents.ignored, notes=notes)
    return parts, replace(inspection, grouped=grouped)


def load_checked(
    source: Any, *, sounds: Sounds | None = None, fixes: str | None = None
) -> tuple[dict[str, ImageDataset], Inspection]:
    """Returns what `load_parts` does, without unreadable files, and with all that was found.

    The arguments are those of `load_dataset`. The inspection has the fingerprints of the files and
    the notes of the source.
    """
    contents = _read(source, require_labels=True, sounds=sounds)
    contents, found = _inspect(contents, "skip", fixes=fixes)
    inspection = complete(found, [], ignored=contents.ignored, notes=contents.notes)
    return contents.parts, replace(inspection, fingerprints=found.fingerprints)


def load_unchecked(
    source: Any, *, on_bad_image: str = "refuse", fixes: str | None = None
) -> FolderContents:
    """Returns the parts of a source without opening its files; labels are optional.

    Only images that must be as they were when they were labelled, or when a fix named their
    content, are opened.
    """
    contents = _read(source, require_labels=False)
    if fixes is None and not contents.contents:
        return contents
    fixed, _ = _inspect(contents, on_bad_image, fixes=fixes)
    return replace(fixed, notes=contents.notes)


def load_images(
    source: Any, *, on_bad_image: str = "refuse", sounds: Sounds | None = None
) -> tuple[ImageDataset, Inspection]:
    """Loads all images of a source as one dataset without labels, e.g. for prediction.

    Args:
        source: an image file, a folder (all images below it, in any layout), a .npy or .npz file,
            or a named dataset. All splits of a source are loaded.
        on_bad_image: "refuse" files that cannot be read with an error, or "skip" them.
        sounds: as in `load_dataset`.

    Returns:
        ImageDataset with split "all", and its Inspection.

    Raises:
        InputError: the source does not exist, has no images, or an image cannot be read.
    """
    dataset, inspection = load_unsplit(source, on_bad_image=on_bad_image, sounds=sounds)
    return (
        replace(dataset, labels=None, class_names=()),
        replace(inspection, fingerprints={}),
    )


def load_unsplit(
    source: Any,
    *,
    on_bad_image: str = "refuse",
    sounds: Sounds | None = None,
    fixes: str | None = None,
    group_by: str | None = None,
) -> tuple[ImageDataset, Inspection]:
    """Loads all images of a source as one dataset, with its labels if it has any.

    The arguments are those of `load_images`, and `fixes` and `group_by` of `load_parts`. The label
    of a file is the first folder on the way to it, below train, val or test. There are no labels if
    an image lies in no folder, or all in one.

    Returns:
        ImageDataset with split "all", and its Inspection with the fingerprints of files.
    """
    check_choice("on_bad_image", on_bad_image, ON_BAD_IMAGE)
    name = _name_of(source)
    contents, found = _inspect(_read_unsplit(name, sounds), on_bad_image, fixes=fixes)
    parts, _, grouped = group_parts(contents.parts, found.fingerprints, group_by, name, cut=())
    (dataset,) = parts.values()
    if len(dataset) == 0:
        raise InputError(
            f"Expected images in {printable(name)}; received {len(contents.ignored)} other files "
            f"and {len(found.bad)} that cannot be read."
        )
    notes = (*contents.notes, *grouped)
    inspection = complete(found, [], ignored=contents.ignored, notes=notes)
    return dataset, replace(inspection, fingerprints=found.fingerprints)


def _left_out(whole, kept, contents):
    """Returns records of the training images that are not kept."""
    records, ids = record_images(whole, contents, REST), set(kept.ids)
    return tuple(r for r, name in zip(records, whole.ids, strict=True) if name not in ids)


def _read(source, require_labels, sounds=None):
    """Returns the FolderContents of any source."""
    name = _name_of(source)
    kind = _kind(name)
    _check_kind(name, kind, sounds)
    if kind == "folder":
        suffixes = SOUND_SUFFIXES if sounds else IMAGE_SUFFIXES
        contents = read_folder(name, require_labels=require_labels, suffixes=suffixes)
        return replace(contents, parts=as_sounds(contents.parts, sounds))
    if sounds and kind == "name":
        return FolderContents({"all": load_chirps(sounds)})
    if kind == ".csv":
        return read_labels_file(name, require_labels=require_labels)
    if kind == "shards":
        parts = read_shards(name)
    elif kind == "name":
        parts = load_named(name)
    elif kind == ".npz":
        parts = read_npz(name)
    elif kind == ".npy":
        parts = {"all": ImageDataset.from_arrays(read_npy(name), source=name)}
    else:
        _refuse_source(name)
    _check_labels(parts, name, require_labels)
    return FolderContents(parts)


def _read_unsplit(name, sounds=None):
    ignored = []
    kind = _kind(name)
    _check_kind(name, kind, sounds)
    if kind == "folder":
        suffixes = SOUND_SUFFIXES if sounds else IMAGE_SUFFIXES
        images = tuple(find_image_files(name, ignored, [name], suffixes))
        dataset = ImageDataset(images, *labels_by_folder(images, name), source=name)
    elif kind == "file":
        dataset = ImageDataset((name,), source=name)
    else:
        contents = _read(name, require_labels=False, sounds=sounds)
        parts = list(contents.parts.values())
        images = concatenated([part.images for part in parts])
        labels = [part.labels for part in parts if part.labels is not None]
        labels = np.concatenate(labels) if labels else None
        source = parts[0].source if kind == ".csv" else name
        dataset = ImageDataset(images, labels, parts[0].class_names, source=source)
        return replace(contents, parts=as_sounds({"all": dataset}, sounds))
    return FolderContents(as_sounds({"all": dataset}, sounds), ignored)


def _name_of(source):
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    raise InputError(
        f"Expected a name, or the path of a folder or file, as the source; received "
        f"{type(source).__name__}. Arrays become images by ImageDataset.from_arrays(x, y)."
    )


def _check_kind(name, kind, sounds):
    """Refuses sounds where images are wanted, and the other way round."""
    if sounds is None and name in SOUND_DATASETS:
        raise InputError(
            f"Expected images as the source; received {name}, which are sounds. Give --kind audio."
        )
    if sounds is None or name in SOUND_DATASETS or kind in ("folder", "file", "nothing"):
        return
    raise InputError(
        "Expected a folder of .wav files with kind audio, with a sub-folder for each class, or "
        f"{', '.join(SOUND_DATASETS)}; received {printable(name)}, which holds images."
    )


def _kind(name):
    """Returns "name", "shards", "folder", ".npz", ".npy", ".csv", "file" or "nothing"."""
    if name in NAMED_DATASETS:
        return "name"
    if is_shard_folder(name):
        return "shards"
    if os.path.isdir(name):
        return "folder"
    if not os.path.isfile(name):
        return "nothing"
    suffix = os.path.splitext(name)[1].lower()
    return suffix if suffix in (".npz", ".npy", ".csv") else "file"


def _inspect(contents, on_bad_image, image_size=None, fixes=None):
    fixes = fixes and read_fixes(fixes)
    files = [p for p in contents.parts.values() if p.has_paths]
    paths = [path for part in files for path in part.images]
    found = inspect_files(paths, image_size)
    found = replace(found, bad=(*found.bad, *_changed(found, contents.contents)))
    parts = {split: drop_bad(part, found) for split, part in contents.parts.items()}
    notes = list(contents.notes)
    if fixes:
        bad, used = without_fixed(found.bad, fixes)
        found = replace(found, bad=bad)
        known = {path: mark.content for path, mark in found.fingerprints.items()}
        parts, lines = apply_fixes(parts, fixes, known, used)
        notes += lines
        say("\n".join(lines))
    if on_bad_image == "refuse":
        refuse_bad(found)
    parts = {split: replace(part, files=found.decoded) for split, part in parts.items()}
    return replace(contents, parts=parts, notes=notes), found


def _changed(found, contents):
    """Yields (path, reason) of each image that has changed since it was labelled."""
    for path, content in contents.items():
        if path in found.fingerprints and found.fingerprints[path].content != content:
            yield path, "its pixels have changed since it was labelled"


def _large_classes(parts):
    """Drops the labels if a class is too small to be split, and returns a line that says so."""
    for split, part in parts.items():
        least = _PARTS if split in ("all", "train") else 1
        for name, count in part.class_counts().items():
            if count < least:
                note = (
                    f"Labels are dropped: the class {name!r} is too small for every split "
                    f"({count} images)."
                )
                return {s: replace(p, labels=None, class_names=()) for s, p in parts.items()}, (
                    note,
                )
    return parts, ()


def _check_labels(parts, name, require_labels):
    part = next(iter(parts.values()))
    if require_labels and part.num_classes < 2:
        received = "one class" if part.num_classes else "images without labels"
        raise InputError(
            f"Expected labels of two classes or more in {printable(name)}; received {received}. "
            "Give a .npz file with x and y, or a folder with a sub-folder for each class."
        )


def _refuse_source(name):
    try:
        check_choice("source", name, NAMED_DATASETS)
    except InputError as error:
        raise InputError(
            f"{str(error).split('; received')[0]}, or the path of a folder, a .npz or a .npy file, "
            f"or a .csv file of labels; received {printable(name)}, which is none of these."
        ) from None
