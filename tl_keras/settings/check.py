"""Settings of `check`: faults of labelled images, and their corrections."""

import dataclasses
import re
from typing import Annotated

from tl_keras.checks import InputError
from tl_keras.settings.features import FeatureSettings
from tl_keras.settings.image_source import (
    HIGHEST_SEED,
    FixSettings,
    FractionSettings,
    GroupSettings,
    KindSettings,
)
from tl_keras.settings.options.declaration import FIRST, POSITIONAL, RUN, Bounds

NO_FEATURES = "none"
KINDS = ("unreadable", "suffix", "same", "near", "suspect", "odd", "size")


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckSettings(FractionSettings, KindSettings, FixSettings, GroupSettings, FeatureSettings):
    """Finds unreadable files, copies, suspect labels and odd images; writes a page and fixes.

    Nothing is trained but a linear classifier on features of a pretrained network."""

    data: Annotated[str, POSITIONAL]
    """Folder, file or name, as in `tl-keras train --data`."""
    accept: Annotated[tuple[str, ...] | None, FIRST] = None
    """Findings that go into fixes.csv: their kinds or names, such as near,odd-3fa9c01b.

    Kinds are unreadable, suffix, same, near, suspect, odd and size. Give fixes.csv to any command
    with --fixes."""
    review: Annotated[bool, FIRST] = False
    """Serve a page on this machine on which each finding is accepted or rejected.

    Every answer is in fixes.csv at once. To go on later, give that file with --fixes."""
    port: Annotated[int | None, RUN, Bounds(minimum=1, maximum=65535)] = None
    """Port of that page on 127.0.0.1; default: any free one."""
    backbone: Annotated[str, FIRST] = "mobilenet_v2"
    """Name (see `tl-keras backbones`), encoder file, run folder, pixels: no network, or none.

    With none, labels and odd images are not looked at, which suits very many images."""
    weights: Annotated[str | None, FIRST] = None
    """auto (the default): ImageNet, or pixels where it cannot be had; imagenet, a file, or random.

    An encoder or a run folder brings its own."""
    seed: Annotated[int, FIRST, Bounds(minimum=0, maximum=HIGHEST_SEED)] = 0
    """Seed of the splits and of the folds."""
    out: Annotated[str | None, FIRST] = None
    """Run folder, new or empty; default: runs/check-DATA-TIME."""

    def __post_init__(self):
        super().__post_init__()
        for name in ("weights", "image_size") if self.backbone == NO_FEATURES else ():
            value = getattr(self, name)
            if value is not None:
                raise InputError(
                    f"Expected no {name} with backbone={self.backbone!r}, where it has no effect; "
                    f"received {name}={value!r}. Leave it out."
                )
        accepted(self.accept or ())
        if self.port is not None and not self.review:
            raise InputError(
                f"Expected port only with review, the page that is served; received "
                f"port={self.port}. Leave it out, or give --review."
            )


def accepted(words: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
    """Returns the kinds and the names of findings among the words of `accept`."""
    for word in words:
        if not re.fullmatch(f"({'|'.join(KINDS)})(-[0-9a-f]{{8}})?", word):
            raise InputError(
                f"Expected accept to be kinds of findings ({', '.join(KINDS)}) or their names in "
                f"findings.csv, such as odd-3fa9c01b; received {word!r}."
            )
    kinds = frozenset(words) & frozenset(KINDS)
    return kinds, frozenset(words) - kinds
