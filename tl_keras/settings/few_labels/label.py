"""Settings of `label`: a page on which a person labels images."""

import dataclasses
from typing import Annotated

from tl_keras.settings.features import FeatureSettings
from tl_keras.settings.image_source import HIGHEST_SEED, ReadSettings
from tl_keras.settings.options.declaration import FIRST, POSITIONAL, RUN, Bounds


@dataclasses.dataclass(frozen=True)
class LabelSettings(ReadSettings, FeatureSettings):
    """Opens a page on this machine on which you label images, the most useful first."""

    data: Annotated[str, POSITIONAL]
    """Folder of images, in any layout; nothing in it is changed."""
    classes: Annotated[tuple[str, ...] | None, FIRST] = None
    """Classes to begin with, such as cat,dog; default: those found as folders.

    More can be typed on the page."""
    port: Annotated[int | None, RUN, Bounds(minimum=1, maximum=65535)] = None
    """Port of the page on 127.0.0.1; default: any free one."""
    seed: Annotated[int, RUN, Bounds(minimum=0, maximum=HIGHEST_SEED)] = 0
    """Seed of the order of the images."""
    out: Annotated[str | None, FIRST] = None
    """Run folder for labels.csv, new or to go on with; default: runs/label-DATA."""
