"""Settings of `enough`: accuracy that more labels will bring."""

import dataclasses
from typing import Annotated

from tl_keras.checks import InputError
from tl_keras.settings.image_source import HIGHEST_SEED, SIDE, FixSettings, ReadSettings
from tl_keras.settings.label_free import PIXELS
from tl_keras.settings.options.declaration import FIRST, POSITIONAL, RUN, Bounds


@dataclasses.dataclass(frozen=True)
class EnoughSettings(ReadSettings, FixSettings):
    """Forecasts the accuracy that more labels will bring, and names the classes that need them."""

    data: Annotated[str, POSITIONAL]
    """Labelled images: a folder, .npz, labels.csv of `tl-keras label`, or a name."""
    more: Annotated[int | None, FIRST, Bounds(minimum=1)] = None
    """Additional labels to forecast for; default: as many as there are.

    At most three times as many as there are."""
    backbone: Annotated[str, FIRST] = "mobilenet_v2"
    """Name (see `tl-keras backbones`), encoder file, run folder, or pixels: no network."""
    weights: Annotated[str | None, FIRST] = None
    """imagenet (the default), a file, random, or auto: pixels where ImageNet cannot be had."""
    image_size: Annotated[int | None, FIRST, SIDE] = None
    """Side in pixels that the encoder sees; default: its own, for pixels 32."""
    seed: Annotated[int, RUN, Bounds(minimum=0, maximum=HIGHEST_SEED)] = 0
    """Seed of the images that are held out."""
    out: Annotated[str | None, FIRST] = None
    """Run folder, new or empty; default: runs/enough-DATA-TIME."""

    def __post_init__(self):
        super().__post_init__()
        if self.backbone == PIXELS and self.weights is not None:
            raise InputError(
                f"Expected no weights with backbone='pixels', which has none; received "
                f"weights={self.weights!r}. Leave it out."
            )
