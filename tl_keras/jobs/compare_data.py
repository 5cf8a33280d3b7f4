"""The pictures of a comparison: the same for every method, and what is set aside of them."""

import dataclasses

from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset, Splits
from tl_keras.data.sources import load_dataset
from tl_keras.data.splits import at_most_per_class, keep_per_class
from tl_keras.training.inputs import random_part

VAL_PER_CLASS = 10  # at least, where the data have so many


@dataclasses.dataclass(frozen=True)
class CompareData:
    """What all methods are trained and measured on.

    Attributes:
        splits: the data; of `test` as much as is measured on.
        source: labelled pictures of the source task, or None.
    """

    splits: Splits
    source: ImageDataset | None

    def labelled(self, labels_per_class, seed):
        """Returns (train, val) of one run, equal for all methods.

        The labels of a smaller budget are among those of a larger one of the same seed. Val
        has as many pictures of a class as train, or 10 if that is more, as far as there are: who
        has few labels has few to choose an epoch with.
        """
        train = keep_per_class(self.splits.train, labels_per_class, seed)
        most = max(labels_per_class, VAL_PER_CLASS)
        return train, at_most_per_class(self.splits.val, most, seed)


def load_compare_data(config, data, source):
    """Loads the data of a comparison and checks that it can be made with them.

    Args:
        config: `CompareConfig`.
        data: what `load_dataset` takes, or `Splits`.
        source: the same, an `ImageDataset`, or None.

    Raises:
        InputError: the data cannot be used, or a class has fewer pictures than a budget.
    """
    splits = _check_classes(data) if isinstance(data, Splits) else _load(config, data)
    keep_per_class(splits.train, config.labels_per_class[-1], config.seed)
    if config.test_pictures is not None:
        splits = splits._replace(test=random_part(splits.test, config.test_pictures, config.seed))
    if isinstance(source, str):
        source = _load(config, source)
    return CompareData(splits, source.train if isinstance(source, Splits) else source)


def data_name(data):
    """What config.json calls data: the name or path, or what stands in `data` itself."""
    if isinstance(data, tuple | ImageDataset):
        parts = data[:3] if isinstance(data, tuple) else (data,)
        sizes = " + ".join(str(len(part)) for part in parts if part is not None)
        return f"{parts[0].source} ({', '.join(parts[0].class_names)}; {sizes} pictures)"
    return data if data is None else str(data)


def _load(config, name):
    return load_dataset(
        name, seed=config.seed, split_fractions=config.split, on_bad_image=config.on_bad_image
    )


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
