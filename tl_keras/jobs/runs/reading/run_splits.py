"""The images of a run's splits, found again by their content; new files change nothing."""

import collections
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from tl_keras.checks import InputError, listed
from tl_keras.data.classes import keep_classes, keep_classes_of_splits
from tl_keras.data.dataset import ImageDataset, Splits
from tl_keras.data.grouping.groups import DUPLICATES
from tl_keras.data.images import printable
from tl_keras.data.loading import cut_parts, load_parts
from tl_keras.data.sources.named import NAMED_DATASETS
from tl_keras.data.split_records import REST, contents_of, find_images, record_images
from tl_keras.data.splits import keep_and_rest
from tl_keras.jobs.runs.reading.known_images import (
    say_known,
    trained_on,
    was_refitted,
    without_contents,
)
from tl_keras.jobs.runs.reading.trained_run import TrainedRun
from tl_keras.jobs.runs.writing.run_folder import FIXES
from tl_keras.progress import say

NAMES = ("train", "val", "test")
_MOVED = 0.5  # of the run's images: with so many of them, other data are the run's, moved


def own_splits(
    trained: TrainedRun, needed: Sequence[str] = NAMES
) -> tuple[Splits, ImageDataset | None]:
    """Finds the images of a run in its own data, in the splits that it was trained with.

    Args:
        needed: names of the splits that must have images of each class.

    Returns:
        (`Splits` with classes in the order of the run's outputs, the training images that
        labels_per_class left out, or None).

    Raises:
        InputError: a needed split has lost all images of a class, or the run is older than the
            records and its splits would have to be drawn anew.
    """
    source = trained.config["data"]
    parts, inspection = _load(trained, source, fixes=kept_fixes(trained))
    if trained.records is None:
        return _older_run(trained, parts, inspection, needed)
    return _recorded_splits(trained, source, parts, inspection, needed)


def other_splits(
    trained: TrainedRun, data: str, fixes: str | None = None
) -> tuple[Splits, ImageDataset | None]:
    """Returns what `own_splits` does for other data with the classes of the run.

    Splits that the data come with are kept. Without them, data that hold at least half of the
    run's images are taken to be the run's own, moved; all others are cut as for a new run.
    """
    parts, inspection = _load(trained, data, fixes=fixes, group_by=DUPLICATES)
    if not {"val", "test"} & set(parts) and _is_moved(trained, parts, inspection):
        return _recorded_splits(trained, data, parts, inspection, NAMES)
    splits, rest = _cut(trained, parts, inspection, trained.config.get("labels_per_class"))
    return _without_each_other(trained, splits), rest


def other_images(
    trained: TrainedRun, data: str, split: str, fixes: str | None = None
) -> list[ImageDataset]:
    """Returns labelled datasets of other data, one split or all; prints how many the run knows.

    A split is that of the data, or of the run if the data are its own, moved, or cut anew.
    """
    grouped = None if split == "all" else DUPLICATES
    parts, inspection = _load(trained, data, trained.image_size, fixes, grouped)
    if split == "all":
        chosen = list(parts.values())
    elif split in parts:
        chosen = [parts[split]]
    elif _is_moved(trained, parts, inspection):
        splits, _ = _recorded_splits(trained, data, parts, inspection, (split,))
        chosen = [getattr(splits, split)]
    else:
        chosen = [getattr(_cut(trained, parts, inspection)[0], split)]
    _say_unknown(trained, chosen)
    chosen = [keep_classes(part, trained.class_names) for part in chosen]
    say_known(trained, chosen, inspection.contents)
    return chosen


def check_fixes(settings):
    """Refuses fixes of a run's own data, which has its fixes already."""
    if settings.fixes is not None and settings.data is None:
        raise InputError(
            f"Expected fixes only with data, as the run's own images have the fixes with which it "
            f"was trained; received fixes={settings.fixes!r}. Leave it out, or give --data."
        )


def kept_fixes(trained):
    """Returns the fixes.csv with which a run was trained, or None: the run's own copy if it is."""
    copy = Path(trained.path) / FIXES
    return str(copy) if copy.is_file() else trained.config.get("fixes")


def _load(trained, data, image_size=None, fixes=None, group_by=None):
    return load_parts(
        data,
        on_bad_image=trained.config["on_bad_image"],
        image_size=image_size,
        sounds=trained.sounds,
        fixes=fixes,
        group_by=group_by,
        cut=NAMES[1:],
    )


def _say_unknown(trained, parts):
    """Prints how many images are of classes that the run does not know, which are left out."""
    counts = collections.Counter()
    for part in parts:
        counts.update(part.class_counts())
    names = [name for name in counts if counts[name] and name not in trained.class_names]
    if names:
        say(
            f"{sum(counts[name] for name in names)} of {counts.total()} images are of classes that "
            f"{trained.path} does not know, left out: {listed(list(map(printable, names)))}."
        )


def begun_splits(records, parts, inspection, where):
    """Returns the `Splits` with which the run folder `where` was begun, to go on with it.

    Raises:
        InputError: an image is missing, changed or in another class.
    """
    found = find_images(records, parts, inspection.contents)
    lost = (*found.missing, *found.changed, *found.relabelled)
    source = next(iter(parts.values())).source
    if lost:
        raise InputError(
            f"Expected the images with which {where} was begun, in the same classes; received "
            f"{printable(source)}, where {len(lost)} of them are missing, changed or in another "
            f"class: {_names(lost)}. Nothing was changed. Put them back, or give another --out."
        )
    _say_new(found, source)
    classes = {record.label for record in records}
    names = [name for name in next(iter(parts.values())).class_names if name in classes]
    return _splits_of(found, inspection, names)


def _splits_of(found, inspection, class_names):
    splits = Splits(*(found.splits.get(name) for name in NAMES), inspection)
    return keep_classes_of_splits(splits, class_names)


def _say_new(found, source):
    if found.new:
        where, names = printable(source), listed(list(map(printable, found.new)))
        say(f"New images in {where} are left out: {len(found.new)} ({names}).")


def _recorded_splits(trained, source, parts, inspection, needed):
    found = find_images(trained.records, parts, inspection.contents)
    lines = _differences(found, source, needed)
    for line in lines:
        say(line)
    _say_new(found, source)
    left_out = tuple(record for record in trained.records if record.split not in NAMES)
    warnings = (*inspection.warnings, *lines)
    inspection = dataclasses.replace(inspection, warnings=warnings, left_out=left_out)
    _say_unknown(trained, [found.splits[name] for name in needed if name in found.splits])
    splits = _splits_of(found, inspection, trained.class_names)
    lost = (*found.missing, *found.changed, *found.relabelled)
    for name in needed:
        check_left(trained, source, name, getattr(splits, name), lost)
    return splits, found.splits.get(REST)


def _differences(found, source, needed):
    """A line for each kind of difference in the needed splits."""
    where, counted = printable(source), (*needed, REST)
    kinds = {
        f"missing in {where}, left out": found.missing,
        f"changed in {where}, left out": found.changed,
        f"in another class in {where} now, which counts": found.relabelled,
    }
    chosen = {what: [r for r in records if r.split in counted] for what, records in kinds.items()}
    return [
        f"{len(records)} of the run's images {what}: {_names(records)}."
        for what, records in chosen.items()
        if records
    ]


def config_of_origin(trained):
    """Returns the config.json of a run for one that comes from it, with the refit as it was."""
    tuning = trained.config["fine_tune"]
    if "refit" in tuning:
        tuning = tuning | {"refit": was_refitted(trained)}
    return trained.config | {"fine_tune": tuning}


def say_if_refitted(trained):
    """Prints that validation figures of a run flatter it if it was trained on these images."""
    if was_refitted(trained):
        config = trained.config
        origin = config.get("teacher") or config.get("pruned_from")
        own = "" if origin else "; those from before are in its metrics.json"
        say(
            f"NOT NEW: {origin or trained.path} was trained on its validation images too (refit). "
            f"Figures on them flatter {trained.path}{own}."
        )


def check_left(trained, source, split, part, lost=()):
    """Refuses a split without images of each class of a run; `lost` are records to be named."""
    if trained.records and not any(record.split == split for record in trained.records):
        raise InputError(
            f"Expected {split} images of {trained.path}; received a run that was fitted on "
            "all of its images. Measure it on others with `tl-keras evaluate --data`."
        )
    lost = [record for record in lost if record.split == split]
    counts = {} if part is None else part.class_counts()
    for name in trained.class_names:
        if not counts.get(name):
            raise InputError(
                f"Expected the {split} images of {trained.path} in {printable(source)}; received "
                f"none of class {name!r} ({len(lost)} missing, changed or in another class: "
                f"{_names(lost)}). Put them back, or measure on other images with "
                "`tl-keras evaluate --data`."
            )


def _older_run(trained, parts, inspection, needed):
    """The splits of a run without records: only those that cannot have changed places."""
    source, limit = trained.config["data"], trained.config.get("labels_per_class")
    drawn = [name for name in needed if name not in parts or (name == "train" and limit)]
    if drawn and source not in NAMED_DATASETS:
        raise InputError(
            f"Expected a run that keeps the images of its splits; received {trained.path}, an "
            f"older one, and {printable(source)} without a {drawn[0]} split of its own: drawn "
            "anew, it could hold images of another split. Train again, or measure on images that "
            "it never saw with `tl-keras evaluate --data`."
        )
    say(
        f"NOT KEPT: {trained.path} is older than records of splits. Its images are taken to be "
        f"those of {printable(source)} as it is now."
    )
    return _cut(trained, parts, inspection, limit)


def _cut(trained, parts, inspection, labels_per_class=None):
    seed = trained.config["fine_tune"]["seed"]
    _say_unknown(trained, parts.values())
    plain = {name: dataclasses.replace(part, groups=None) for name, part in parts.items()}
    splits, _, grouped = cut_parts(parts, plain, split_fractions=trained.config["split"], seed=seed)
    if not grouped:
        inspection = inspection.ungrouped()
    rest = None
    if labels_per_class is not None:
        kept, rest = keep_and_rest(splits.train, labels_per_class, seed)
        splits = splits._replace(train=kept)
        left_out = record_images(rest, inspection.contents, REST)
        inspection = dataclasses.replace(inspection, left_out=left_out)
    splits = splits._replace(inspection=inspection)
    return keep_classes_of_splits(splits, trained.class_names), rest


def _is_moved(trained, parts, inspection):
    """Returns whether the parts hold enough images of the run to be its data."""
    if not trained.records:
        return False
    there = {c for part in parts.values() for c in contents_of(part, inspection.contents)}
    return sum(r.content in there for r in trained.records) >= _MOVED * len(trained.records)


def _without_each_other(trained, splits):
    """Other data without what the run was tested on in train, and trained on in val and test."""
    contents, run = splits.inspection.contents, trained.path
    if trained.records is None:
        say(f"{run} is older than records of splits: which of these images it saw is unknown.")
        return splits
    seen, tested = trained_on(trained), trained.contents("test")
    parts = {
        "train": without_contents(splits.train, contents, tested, f"{run} was tested on them"),
        "val": without_contents(splits.val, contents, seen, f"{run} was trained on them"),
        "test": without_contents(splits.test, contents, seen, f"{run} was trained on them"),
    }
    for name, part in parts.items():
        check_left(trained, part.source, name, part)
    return splits._replace(**parts)


def _names(records):
    return listed([printable(f"{r.name} ({r.split})") for r in records]) or "none"
