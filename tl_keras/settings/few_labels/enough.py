"""Settings of `enough`: accuracy that more labels will bring."""

import dataclasses
from typing import Annotated

from tl_keras.settings.features import FeatureSettings
from tl_keras.settings.image_source import HIGHEST_SEED, FixSettings, ReadSettings
from tl_keras.settings.options.declaration import FIRST, POSITIONAL, RUN, Bounds


@dataclasses.dataclass(frozen=True)
class EnoughSettings(ReadSettings, FixSettings, FeatureSettings):
    """Forecasts the accuracy that more labels will bring, and names the classes that need them."""

    data: Annotated[str, POSITIONAL]
    """Labelled images: a folder, .npz, labels.csv of `tl-keras label`, or a name."""
    more: Annotated[int | None, FIRST, Bounds(minimum=1)] = None
    """Additional labels to forecast for; default: as many as there are.

    At most three times as many as there are."""
    seed: Annotated[int, RUN, Bounds(minimum=0, maximum=HIGHEST_SEED)] = 0
    """Seed of the images that are held out."""
    out: Annotated[str | None, FIRST] = None
    """Run folder, new or empty; default: runs/enough-DATA-TIME."""
