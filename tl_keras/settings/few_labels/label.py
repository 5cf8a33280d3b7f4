"""Settings of `label`: a page on which a person labels images."""

import dataclasses
from typing import Annotated

from tl_keras.checks import InputError
from tl_keras.settings.image_source import HIGHEST_SEED, SIDE, ReadSettings
from tl_keras.settings.label_free import PIXELS
from tl_keras.settings.options.declaration import FIRST, POSITIONAL, RUN, Bounds


@dataclasses.dataclass(frozen=True)
class LabelSettings(ReadSettings):
    """Opens a page on this machine on which you label images, the most useful first."""

    data: Annotated[str, POSITIONAL]
    """Folder of images, in any layout; nothing in it is changed."""
    classes: Annotated[tuple[str, ...] | None, FIRST] = None
    """Classes to begin with, such as cat,dog; default: those found as folders.

    More can be typed on the page."""
    backbone: Annotated[str, FIRST] = "mobilenet_v2"
    """Name (see `tl-keras backbones`), encoder file, run folder, or pixels: no network."""
    weights: Annotated[str | None, FIRST] = None
    """imagenet (the default), a file, random, or auto: pixels where ImageNet cannot be had."""
    image_size: Annotated[int | None, FIRST, SIDE] = None
    """Side in pixels that the encoder sees; default: its own, for pixels 32."""
    port: Annotated[int | None, RUN, Bounds(minimum=1, maximum=65535)] = None
    """Port of the page on 127.0.0.1; default: any free one."""
    seed: Annotated[int, RUN, Bounds(minimum=0, maximum=HIGHEST_SEED)] = 0
    """Seed of the order of the images."""
    out: Annotated[str | None, FIRST] = None
    """Run folder for labels.csv, new or to go on with; default: runs/label-DATA."""

    def __post_init__(self):
        super().__post_init__()
        if self.backbone == PIXELS and self.weights is not None:
            raise InputError(
                f"Expected no weights with backbone='pixels', which has none; received "
                f"weights={self.weights!r}. Leave it out."
            )
