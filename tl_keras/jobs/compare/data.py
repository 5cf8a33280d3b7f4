"""Images of a comparison, the same for every method."""

import dataclasses

from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset, Splits
from tl_keras.data.grouping.groups import DUPLICATES
from tl_keras.data.images import printable
from tl_keras.data.inspection.checking import Inspection
from tl_keras.data.loading import load_dataset, load_parts
from tl_keras.data.sounds.sound_images import Sounds
from tl_keras.data.sources.named import NAMED_DATASETS
from tl_keras.data.split_records import keeps_groups, read_records, record_splits, write_records
from tl_keras.data.splits import at_most_per_class, keep_per_class
from tl_keras.jobs.runs.reading.known_images import with_known
from tl_keras.jobs.runs.reading.run_splits import NAMES, begun_splits
from tl_keras.jobs.runs.writing.run_folder import SPLITS
from tl_keras.progress import say
from tl_keras.training.fine_tuning.inputs import random_part, tell_rare

SOURCE_SPLITS = "source_splits.csv.gz"
VAL_PER_CLASS = 10  # at least, where the data have so many


@dataclasses.dataclass(frozen=True)
class CompareData:
    """Images on which all methods are trained and measured.

    Attributes:
        splits: the data; `test` has only the images that are measured.
        source: labelled images of the source task, or None.
        records: an `ImageRecord` of each image of the whole splits.
        source_records: those of the source, if it was split here; else ().
    """

    splits: Splits
    source: ImageDataset | None
    records: tuple = ()
    source_records: tuple = ()

    def beside(self, networks):
        """Returns the same with a warning if networks were trained on its test images."""
        splits, test = self.splits, [self.splits.test]
        found = with_known(splits.inspection or Inspection(), test, networks, "test images")
        return dataclasses.replace(self, splits=splits._replace(inspection=found))

    def labelled(self, labels_per_class, seed):
        """Returns (train, val) of one run, equal for all methods.

        The labels of a smaller budget are among those of a larger one of the same seed. Val has
        as many images per class as train, at least 10 where the data have so many: with few labels
        there are few to choose an epoch with.
        """
        train = keep_per_class(self.splits.train, labels_per_class, seed)
        most = max(labels_per_class, VAL_PER_CLASS)
        return train, at_most_per_class(self.splits.val, most, seed)


def load_compare_data(config, data, source, begun=None):
    """Loads the data of a comparison and checks that it can be made with them.

    Args:
        config: `CompareSettings`.
        data: what `load_dataset` takes, or `Splits`.
        source: like `data`, an `ImageDataset`, or None.
        begun: folder of a comparison that continues; its splits are found again, not drawn anew.

    Raises:
        InputError: the data are invalid, a class has fewer images than a budget, or images of the
            begun comparison are missing.
    """
    if isinstance(data, Splits):
        _check_classes(data)
    splits = _same_splits(config, data, begun and begun / SPLITS)
    records = record_splits(splits)
    keep_per_class(splits.train, config.labels_per_class[-1], config.seed)
    if config.test_images is not None:
        splits = splits._replace(test=random_part(splits.test, config.test_images, config.seed))
        tell_rare(splits.test, splits.train.num_classes, "test")
    source_records = ()
    if isinstance(source, str | Splits):
        source = _same_splits(config, source, begun and begun / SOURCE_SPLITS)
        source, source_records = source.train, record_splits(source)
    return CompareData(splits, source, records, source_records)


def check_records(folder, rows, data):
    """Refuses to continue a folder that is older than records of splits.

    Images that are given as `Splits`, or by a name, cannot have moved to another split.
    """
    if not rows or (folder / SPLITS).is_file():
        return
    if not isinstance(data, Splits) and str(data) not in NAMED_DATASETS:
        raise InputError(
            f"Expected a comparison that keeps the images of its splits; received {folder}, an "
            f"older one, and {printable(str(data))}, which may have changed since: drawn anew, "
            "its splits could be others. Nothing was changed. Give another --out."
        )
    say(f"NOT KEPT: {folder} is older than records of splits; they are taken to be unchanged.")


def check_same_test(folder, rows, test):
    """Refuses to go on with runs that were measured on another number of test images."""
    other = next((row for row in rows if row["test_pictures"] != len(test)), None)
    if other is not None:
        raise InputError(
            f"Expected the {other['test_pictures']} test images on which the runs in {folder} were "
            f"measured; received {len(test)}: the data or its classes have changed. Nothing was "
            "changed. Put the data back, or give another --out."
        )


def write_compare_records(folder, loaded):
    """Writes the splits of a comparison into its folder, so that it can continue with them."""
    write_records(folder / SPLITS, loaded.records)
    if loaded.source_records:
        write_records(folder / SOURCE_SPLITS, loaded.source_records)


def data_name(data):
    """Returns the name of data in config.json: its path, or its source, classes and size."""
    if isinstance(data, tuple | ImageDataset):
        parts = data[:3] if isinstance(data, tuple) else (data,)
        sizes = " + ".join(str(len(part)) for part in parts if part is not None)
        # "pictures" stands in the config.json of runs that exist.
        return f"{parts[0].source} ({', '.join(parts[0].class_names)}; {sizes} pictures)"
    return data if data is None else str(data)


def _same_splits(config, data, path):
    """Returns the splits that the file `path` records, or else those of `data`."""
    if path is None or not path.is_file():
        return data if isinstance(data, Splits) else _load(config, data)
    if isinstance(data, Splits):
        parts = {n: p for n, p in zip(NAMES, data[:3], strict=True) if p is not None}
        inspection = data.inspection or Inspection()
    else:
        parts, inspection = load_parts(
            data,
            on_bad_image=config.on_bad_image,
            sounds=Sounds.asked(config),
            fixes=_fixes(config, data),
            group_by=None if keeps_groups(path) else config.group_by or DUPLICATES,
            cut=NAMES[1:],
        )
    return begun_splits(read_records(path), parts, inspection, path.parent)


def _load(config, name):
    return load_dataset(
        name,
        seed=config.seed,
        split_fractions=config.split,
        on_bad_image=config.on_bad_image,
        sounds=Sounds.asked(config),
        fixes=_fixes(config, name),
        group_by=config.group_by or DUPLICATES,
    )


def _fixes(config, name):
    """Returns the fixes of the data that are compared on; the source of joint has none."""
    return config.fixes if name == config.data else None


def _check_classes(splits):
    if None in splits[:3]:
        raise InputError("Expected train, val and test to compare on; received a missing part.")
    names = set(splits.train.class_names)
    for part in splits[1:3]:
        lacks, has = names - set(part.class_names), set(part.class_names) - names
        if part.class_names != splits.train.class_names:
            raise InputError(
                f"Expected the classes of train in {part.split}, in the same order; received a "
                f"{part.split} part without {', '.join(sorted(lacks)) or 'none of them missing'} "
                f"and with {', '.join(sorted(has)) or 'none'} besides."
            )
    return splits
