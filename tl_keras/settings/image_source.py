"""Options of the commands that read and split images, and of their runs."""

import dataclasses
import numbers
from typing import Annotated, Literal

from tl_keras.checks import InputError
from tl_keras.settings.options.declaration import (
    DATA,
    FIRST,
    POSITIONAL,
    RUN,
    Bounds,
    Checked,
    fields_of,
)

# NumPy takes no seed above this, in whichever step it would come to that.
HIGHEST_SEED = 2**32 - 1
CLIP_SECONDS = 1.0
SMALL_RESNET = "small_resnet"
SIDE = Bounds(minimum=1, maximum=30_000)  # pixels; an image file of that side is refused as well
WIDTH = Bounds(minimum=1, maximum=2**20)  # a saved model of wider layers is not loaded


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReadSettings(Checked):
    """Options of reading images."""

    on_bad_image: Annotated[Literal["refuse", "skip"], DATA] = "refuse"
    """Refuse the whole source if an image cannot be read, or skip the image."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class FixSettings(Checked):
    """Corrections of labelled images."""

    fixes: Annotated[str | None, DATA] = None
    """Corrections of the images: a fixes.csv of `tl-keras check`.

    Images are left out, get another class or are kept in one split; files stay as they are."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class KindSettings(Checked):
    """Options of reading sounds in the place of images."""

    kind: Annotated[Literal["images", "audio"], DATA] = "images"
    """Files that are read: images, or audio for .wav files, whose spectrograms are the images."""
    clip_seconds: Annotated[float | None, DATA, Bounds(minimum=0.1, maximum=60)] = None
    """audio: length that is seen of each sound; default: 1.

    Silence at both ends is trimmed first. A longer sound is cut to its loudest part, a shorter one
    is padded. Only the first minute of a file is read."""
    sample_rate: Annotated[int | None, DATA, Bounds(minimum=2000, maximum=48_000)] = None
    """audio: samples per second to which all are converted; default: the commonest, 16000 at most.

    Frequencies up to half of it are seen."""

    def __post_init__(self):
        super().__post_init__()
        for name in ("clip_seconds", "sample_rate"):
            value = getattr(self, name)
            if value is not None and self.kind != "audio":
                raise InputError(
                    f"Expected {name} only with kind='audio'; received {name}={value!r} with "
                    f"kind={self.kind!r}. Leave it out, or give --kind audio."
                )


@dataclasses.dataclass(frozen=True, kw_only=True)
class FractionSettings(Checked):
    """Fractions of the splits."""

    split: Annotated[tuple[float, float, float], DATA] = (0.8, 0.1, 0.1)
    """Fractions of train, val and test where the data has no split of its own."""

    def __post_init__(self):
        super().__post_init__()
        check_split(self.split)


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroupSettings(Checked):
    """Images that must lie in one split."""

    group_by: Annotated[str | None, DATA] = None
    """Images kept in one split: duplicates (the default), none, a column or an expression.

    Splits that the data bring stay as they are; then groups lie in one fold of a cross-validation.
    duplicates: the same image, or nearly the same. A column is one of a file of labels. A regular
    expression is searched for in the path below the data, such as 'patient(\\d+)': images with the
    same text in brackets stay together."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShardSettings(ReadSettings, FixSettings):
    """Packs images into a few large files, for data beyond memory or on another machine."""

    data: Annotated[str, POSITIONAL]
    """Folder, file or name, as in `tl-keras train --data`; labels are optional."""
    out: Annotated[str, FIRST]
    """Folder for the shards, new or empty; give it as --data to any command."""
    image_size: Annotated[int | None, FIRST, SIDE] = None
    """Store pixels resized to this side: fastest to read; default: image files as they are."""
    shard_mb: Annotated[float, FIRST, Bounds(above=0)] = 128.0
    """Megabytes after which a new shard begins."""
    seed: Annotated[int, FIRST, Bounds(minimum=0, maximum=HIGHEST_SEED)] = 0
    """Seed of the order of the images."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SplitSettings(FractionSettings, ReadSettings, KindSettings, FixSettings, GroupSettings):
    """Options of splitting images, and the place of the run."""

    out: Annotated[str | None, FIRST] = None
    """Run folder, new, empty or unfinished; default: a name under runs/ with data and time."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SplitOnceSettings(SplitSettings):
    """`SplitSettings` with a search for images that occur in two splits."""

    on_duplicate: Annotated[Literal["report", "refuse"], DATA] = "report"
    """Report images that occur in two splits, or refuse them."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckpointSettings(Checked):
    """Options of a run that can be resumed."""

    checkpoint_minutes: Annotated[float, RUN, Bounds(minimum=0)] = 5.0
    """Minutes from one checkpoint of a training to the next; 0 for one after each batch.

    A run that was stopped goes on if it is started again with the same settings and --out, or with
    --resume RUN."""


KIND = tuple(option.name for option in fields_of(KindSettings))


def check_split(split):
    """Refuses what are not three parts (train, val, test) above 0 that make 1 in sum."""
    are_numbers = all(isinstance(part, numbers.Real) for part in split)
    if not are_numbers or len(split) != 3 or min(split) <= 0 or not abs(sum(split) - 1) < 1e-6:
        raise InputError(
            "Expected split to be three fractions above 0 that sum to 1, such as "
            f"0.8,0.1,0.1; received {split}."
        )
