"""Settings of `zero-shot`: classes without images, recognised by descriptions."""

import dataclasses
from typing import Annotated, Literal

from tl_keras.checks import InputError
from tl_keras.settings.features import PIXELS
from tl_keras.settings.image_source import HIGHEST_SEED, SIDE, WIDTH, FixSettings, ReadSettings
from tl_keras.settings.label_free import SMALL_RESNET
from tl_keras.settings.options.declaration import FIRST, MODEL, RUN, Bounds

SHAPES = "shapes"
ESZSL, DAP, COMPATIBILITY = ZERO_SHOT_METHODS = ("eszsl", "dap", "compatibility")
_EPOCHS = 20
_OWN_EPOCHS = "epochs only with backbone='small_resnet', which is trained here"
_OWN_UNITS = "hidden_units only with method='compatibility', whose network has hidden layers"


@dataclasses.dataclass(frozen=True)
class ZeroShotSettings(ReadSettings, FixSettings):
    """Recognises classes without training images by their attributes or word vectors."""

    data: Annotated[str, FIRST]
    """Labelled images, as in train; those of the unseen classes are only tested on.

    "shapes" are drawn, and bring attributes and unseen classes."""
    attributes: Annotated[str | None, FIRST] = None
    """CSV table: the name of a class, then its attributes or its word vector.

    Required, but with data=shapes."""
    unseen: Annotated[tuple[str, ...] | None, FIRST] = None
    """Classes to learn without, two or more, such as cat,truck.

    Required, but with data=shapes."""
    method: Annotated[Literal[ZERO_SHOT_METHODS], FIRST] = ESZSL  # type: ignore[valid-type]
    """eszsl: closed form; dap: attributes first; compatibility: trained with fit."""
    backbone: Annotated[str, FIRST] = "mobilenet_v2"
    """Name (see `tl-keras backbones`), encoder file, run folder, or pixels: no network.

    small_resnet is trained here, on the seen classes and their descriptions."""
    weights: Annotated[str | None, FIRST] = None
    """imagenet (the default), a file, random, or auto: pixels where ImageNet cannot be had."""
    image_size: Annotated[int | None, FIRST, SIDE] = None
    """Side in pixels that the encoder sees; default: its own, for pixels 32."""
    classes: Annotated[Literal["all", "unseen"], FIRST] = "all"
    """Classes that the saved model chooses among."""
    labels_per_class: Annotated[int | None, FIRST, Bounds(minimum=1)] = None
    """Learn from only so many images of each class."""
    hidden_units: Annotated[tuple[int, ...] | None, MODEL, WIDTH] = None
    """compatibility: widths of hidden layers, such as 64; default: none, a bilinear model."""
    epochs: Annotated[int | None, RUN, Bounds(minimum=1)] = None
    """small_resnet: epochs of its training; default: 20."""
    batch_size: Annotated[int, RUN, Bounds(minimum=1)] = 32
    """Images per step, where features are computed."""
    seed: Annotated[int, RUN, Bounds(minimum=0, maximum=HIGHEST_SEED)] = 0
    """Seed of splits, held-out classes and weights."""
    out: Annotated[str | None, FIRST] = None
    """Run folder, new or empty; default: runs/zero-shot-DATA-TIME."""

    def __post_init__(self):
        super().__post_init__()
        self._check_needed()
        self._check_of_others()

    @property
    def encoder(self) -> str:
        """The backbone, as the few-shot jobs name it."""
        return self.backbone

    @property
    def own_epochs(self) -> int:
        """Epochs of small_resnet."""
        return self.epochs or _EPOCHS

    def _check_needed(self):
        if self.data != SHAPES:
            for name in ("attributes", "unseen"):
                if getattr(self, name) is None:
                    raise InputError(
                        f"Expected {name}, which only data='shapes' brings with it; received none "
                        f"for data={self.data!r}. Give --attributes TABLE.csv --unseen cat,truck."
                    )
        if self.unseen is not None and len(set(self.unseen)) < 2:
            raise InputError(
                "Expected two or more unseen classes, so that there is something to tell apart; "
                f"received unseen={','.join(self.unseen)!r}. Name another class to learn without."
            )

    def _check_of_others(self):
        if self.epochs is not None and self.backbone != SMALL_RESNET:
            raise InputError(f"Expected {_OWN_EPOCHS}; received {self.backbone!r}. Leave it out.")
        if self.hidden_units is not None and self.method != COMPATIBILITY:
            raise InputError(f"Expected {_OWN_UNITS}; received {self.method!r}. Leave it out.")
        if self.backbone in (PIXELS, SMALL_RESNET) and self.weights is not None:
            raise InputError(
                f"Expected no weights with backbone={self.backbone!r}, which has none to load; "
                f"received weights={self.weights!r}. Leave it out."
            )
