"""Settings of `few-shot`: a classifier from a few images of each class."""

import dataclasses
from typing import Annotated, Literal

from tl_keras.checks import InputError
from tl_keras.settings.features import PIXELS
from tl_keras.settings.image_source import (
    HIGHEST_SEED,
    SIDE,
    FixSettings,
    KindSettings,
    ReadSettings,
)
from tl_keras.settings.options.declaration import DATA, FIRST, RUN, Bounds

COSINE, EUCLIDEAN = METRICS = ("cosine", "euclidean")
METHODS = ("auto", "prototype", "ridge", "logistic", "nearest")


@dataclasses.dataclass(frozen=True)
class FewShotSettings(ReadSettings, KindSettings, FixSettings):
    """Makes a classifier from a few images of each class in seconds, and predicts others."""

    encoder: Annotated[str, FIRST]
    """Run folder, encoder file, name (see `tl-keras backbones`), or pixels: no network."""
    support: Annotated[str, FIRST]
    """Labelled images: a folder with one sub-folder for each class, of one image or more."""
    query: Annotated[str, FIRST]
    """Images to classify: a folder in any layout, or an image.

    Unreadable files are named in the table. If its sub-folders are classes of the support, the
    accuracy is measured."""
    out: Annotated[str, FIRST] = "predictions.csv"
    """Table with one row per query image, .csv."""
    run: Annotated[str | None, FIRST] = None
    """Run folder, new or empty; default: runs/few-shot-SUPPORT-TIME."""
    method: Annotated[Literal[METHODS], FIRST] = "auto"  # type: ignore[valid-type]
    """Classifier on the features; auto: logistic, or what suits the encoder.

    That is prototype on a prototypical network and nearest on pixels."""
    weights: Annotated[str | None, FIRST] = None
    """imagenet (the default), a file, random, or auto: pixels where ImageNet cannot be had."""
    image_size: Annotated[int | None, FIRST, SIDE] = None
    """Side in pixels that the encoder sees; default: its own, for pixels 32."""
    mirror: Annotated[Literal["auto", "yes", "no"], DATA] = "auto"
    """See images mirrored too; auto: yes for colour images, no for grey ones such as letters."""
    copies: Annotated[int | None, DATA, Bounds(minimum=0, maximum=100)] = None
    """Augmented copies of each support image; default: 10 for pixels, 0 for a network.

    Grey images are shifted, turned and scaled a little, colour photographs cropped and coloured."""
    batch_size: Annotated[int, RUN, Bounds(minimum=1)] = 32
    """Query images per step."""
    seed: Annotated[int, RUN, Bounds(minimum=0, maximum=HIGHEST_SEED)] = 0
    """Seed of the support images that are held out."""

    def __post_init__(self):
        super().__post_init__()
        if self.encoder == PIXELS and self.weights is not None:
            raise InputError(
                f"Expected no weights with encoder='pixels', which has none; received "
                f"weights={self.weights!r}. Leave it out."
            )
