"""What `tl-keras explore` was asked to do: checked on creation, saved as config.json."""

import dataclasses

from tl_keras.checks import InputError, check_choice, check_number

PIXELS = "pixels"


@dataclasses.dataclass(frozen=True)
class ExploreConfig:
    """The settings of `tl-keras explore`. Needs no TensorFlow.

    Attributes:
        data: what `load_images` takes.
        backbone: name of a base, an encoder's file or run folder, or "pixels": no net at all.
        weights: "imagenet", "random", a weights file, or "auto": ImageNet if it can be had, else
            pixels. None for "imagenet", and for what brings its own or has none.
        clusters: their number; None to choose by silhouette.
        image_size: side in pixels that the encoder sees; None for its own, for pixels 32.
        on_bad_image: "refuse" or "skip".
        seed: of clusters, map and choices among very many pictures.
        out: run folder; None for runs/explore-DATA-TIME.
    """

    data: str
    backbone: str = "mobilenet_v2"
    weights: str | None = None
    clusters: int | None = None
    image_size: int | None = None
    on_bad_image: str = "refuse"
    seed: int = 0
    out: str | None = None

    def __post_init__(self):
        check_choice("on_bad_image", self.on_bad_image, ("refuse", "skip"))
        check_number("seed", self.seed, minimum=0, maximum=2**32 - 1, integer=True)
        for name in ("clusters", "image_size"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), minimum=1, integer=True)
        if self.backbone == PIXELS and self.weights is not None:
            raise InputError(
                f"Expected no weights with backbone='pixels', which has none; received "
                f"weights={self.weights!r}. Leave it out."
            )

    def to_json(self):
        """Returns the settings as plain numbers and texts."""
        return dataclasses.asdict(self)
