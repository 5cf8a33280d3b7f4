"""`tl-keras check`: what training would find in the images, without training."""

from collections import Counter

from tl_keras.data.dataset import Splits
from tl_keras.data.inspection.checking import refuse_bad
from tl_keras.data.loading import load_dataset
from tl_keras.data.shards.layout import is_shard_folder
from tl_keras.data.shards.reading import ShardStore
from tl_keras.data.sounds.sound_images import Sounds
from tl_keras.settings.image_source import CheckSettings

_LISTED = 10  # pairs of images


def check(settings: CheckSettings) -> Splits:
    """Prints the classes and splits of labelled images, warnings and images in two splits.

    Returns:
        `Splits` of the readable images.

    Raises:
        InputError: the source cannot be used, or has images that cannot be read.
    """
    if is_shard_folder(settings.data):
        ShardStore(settings.data).verify()
    splits = load_dataset(
        settings.data,
        seed=settings.seed,
        split_fractions=settings.split,
        on_bad_image="skip",
        sounds=Sounds.asked(settings),
    )
    print("\n".join(_lines(splits)))  # noqa: T201 - what the command is for
    refuse_bad(splits.inspection)
    return splits


def _lines(splits):
    counts = [Counter(part.labels.tolist()) for part in splits[:3]]
    yield "class,train,val,test"
    for label, name in enumerate(splits.train.class_names):
        yield ",".join([name, *(str(count[label]) for count in counts)])
    found = splits.inspection
    yield from (f"Warning: {warning}" for warning in found.warnings)
    yield from (f"In two splits: {leak.text}" for leak in found.leaks[:_LISTED])
    more = sum(found.leaks.counts.values()) - _LISTED
    if more > 0:
        yield f"In two splits: {more} more pairs"
