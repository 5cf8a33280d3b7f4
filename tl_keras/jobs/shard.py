"""`tl-keras shard`: packs the images of any source into a few large files."""

import time

from tl_keras.checks import InputError
from tl_keras.data.images import printable
from tl_keras.data.loading import load_unchecked
from tl_keras.data.shards.writing import Packed, write_shards
from tl_keras.progress import say
from tl_keras.settings.image_source import ShardSettings


def shard(settings: ShardSettings) -> Packed:
    """Writes the images of a source as shards, in the splits that it comes with.

    Returns:
        `Packed`, the numbers of images and shards.

    Raises:
        InputError: the source, an image or the folder cannot be used; then there is no manifest.
    """
    started = time.monotonic()
    contents = load_unchecked(
        settings.data, on_bad_image=settings.on_bad_image, fixes=settings.fixes
    )
    side = settings.image_size
    packed = write_shards(
        contents.parts,
        settings.out,
        image_size=side and (side, side),
        shard_mb=settings.shard_mb,
        seed=settings.seed,
        on_bad_image=settings.on_bad_image,
    )
    if not packed.images:
        raise InputError(
            f"Expected images in {printable(settings.data)}; received none that can be read."
        )
    seconds = time.monotonic() - started
    for note in contents.notes:
        say(note)
    if any(part.groups is not None for part in contents.parts.values()):
        say(
            "Groups of fixes are not in shards. Give --fixes to the command that cuts them into "
            "splits as well."
        )
    for path, reason in packed.bad:
        say(f"Skipped {printable(path)}: {reason}")
    say(
        f"{packed.images} images in {packed.shards} shards, {packed.bytes / 1e6:.1f} MB, "
        f"{packed.images / seconds:.0f} images/s: {settings.out}"
    )
    return packed
