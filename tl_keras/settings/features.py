"""Options of the commands that compute features of images and train no network."""

import dataclasses
from typing import Annotated

from tl_keras.checks import InputError
from tl_keras.settings.image_source import SIDE
from tl_keras.settings.options.declaration import FIRST, Checked

PIXELS = "pixels"


@dataclasses.dataclass(frozen=True, kw_only=True)
class FeatureSettings(Checked):
    """Options of the network whose features are computed."""

    backbone: Annotated[str, FIRST] = "mobilenet_v2"
    """Name (see `tl-keras backbones`), encoder file, run folder, or pixels: no network."""
    weights: Annotated[str | None, FIRST] = None
    """imagenet (the default), a file, random, or auto: pixels where ImageNet cannot be had."""
    image_size: Annotated[int | None, FIRST, SIDE] = None
    """Side in pixels that the network sees; default: its own, for pixels 32."""

    def __post_init__(self):
        super().__post_init__()
        if self.backbone == PIXELS and self.weights is not None:
            raise InputError(
                f"Expected no weights with backbone='pixels', which has none; received "
                f"weights={self.weights!r}. Leave it out."
            )
