"""Reads the support set: a few labelled images of each class."""

from dataclasses import replace

from tl_keras.checks import InputError, listed
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.grouping.groups import DUPLICATES
from tl_keras.data.images import printable
from tl_keras.data.inspection.checking import Inspection
from tl_keras.data.loading import load_parts
from tl_keras.data.sounds.sound_images import Sounds
from tl_keras.progress import say


def load_support(
    source: str, on_bad_image: str, sounds: Sounds | None = None, fixes: str | None = None
) -> tuple[ImageDataset, Inspection]:
    """Returns the labelled images of a source, all of split "train", and their inspection.

    Copies are in one group, so that none is held out while another is fitted on.
    A source with splits of its own gives its training images.

    Raises:
        InputError: there are no two classes, or a class has no image that can be read.
    """
    parts, inspection = load_parts(
        source, on_bad_image=on_bad_image, sounds=sounds, fixes=fixes, group_by=DUPLICATES
    )
    if len(parts) > 1:
        say(f"{printable(source)} has splits of its own: the support is its training images.")
    support = replace(next(iter(parts.values())), split="train")
    empty = [repr(name) for name, count in support.class_counts().items() if not count]
    if empty:
        bad = listed([f"{printable(path)}: {reason}" for path, reason in inspection.bad])
        raise InputError(
            f"Expected a readable image of each class in {printable(source)}; received none of "
            f"{listed(empty)} ({bad}). Add one, or remove the class."
        )
    return support, inspection
