"""Settings of `tl-keras recommend`, and the strategies among which it chooses."""

import dataclasses
from typing import Annotated, NamedTuple

from tl_keras.settings.image_source import (
    HIGHEST_SEED,
    SIDE,
    FixSettings,
    FractionSettings,
    GroupSettings,
    ReadSettings,
)
from tl_keras.settings.options.declaration import FIRST, POSITIONAL, Bounds


class Strategy(NamedTuple):
    """One way from labelled images to a classifier.

    Attributes:
        title: name on the page.
        command: command line, with {backbone} and {data}.
        options: those of `FineTuneSettings` with which `train` carries it out; None where another
            command does.
        needs_unlabelled: whether it needs images without labels.
    """

    title: str
    command: str
    options: dict | None = None
    needs_unlabelled: bool = False


_TRAIN = "tl-keras train --backbone {backbone} --data {data}"
STRATEGIES = {
    "prototype": Strategy(
        "Nearest prototype on frozen features",
        "tl-keras few-shot --encoder {backbone} --support {data} --query IMAGES --method prototype",
    ),
    "linear": Strategy("Linear start alone", f"{_TRAIN} --preset fast", {"preset": "fast"}),
    "balanced": Strategy("Fine-tuning of the upper half", _TRAIN, {"preset": "balanced"}),
    "full": Strategy("Fine-tuning of all layers", f"{_TRAIN} --unfreeze all", {"unfreeze": "all"}),
    "pseudo": Strategy(
        "Pseudo-labels after fine-tuning",
        f"{_TRAIN} --unlabelled {{unlabelled}}",
        needs_unlabelled=True,
    ),
    "pretrain": Strategy(
        "Label-free pretraining, then training",
        "tl-keras pretrain --method simclr --data {data} --out runs/encoder\n"
        "tl-keras train --backbone runs/encoder --data {data}",
    ),
    "scratch": Strategy(
        "Small CNN from scratch",
        "tl-keras compare --data {data} --methods scratch:cnn --labels-per-class {labels}",
    ),
}
# Strategies that `tl-keras train --policy auto` can carry out.
OF_TRAIN = tuple(name for name, strategy in STRATEGIES.items() if strategy.options is not None)


@dataclasses.dataclass(frozen=True)
class RecommendSettings(FractionSettings, ReadSettings, FixSettings, GroupSettings):
    """Recommends a strategy for labelled images, from results on other data sets."""

    data: Annotated[str, POSITIONAL]
    """Folder, file or name, as in `tl-keras train --data`; its training images are looked at."""
    backbone: Annotated[str, FIRST] = "mobilenet_v2"
    """Name (see `tl-keras backbones`), encoder file or run folder.

    The results behind the recommendation are those of mobilenet_v2 with ImageNet weights."""
    image_size: Annotated[int | None, FIRST, SIDE] = None
    """Side in pixels that the backbone sees; default: its own, or less for small images."""
    labels_per_class: Annotated[int | None, FIRST, Bounds(minimum=1)] = None
    """Recommend for only so many training images of each class."""
    unlabelled: Annotated[str | None, FIRST] = None
    """Images without labels that you have; pseudo-labels are then ranked too.

    They are not read."""
    seed: Annotated[int, FIRST, Bounds(minimum=0, maximum=HIGHEST_SEED)] = 0
    """Seed of the splits and of what is held out."""
    out: Annotated[str | None, FIRST] = None
    """Run folder, new or empty; default: runs/recommend-DATA-TIME."""
