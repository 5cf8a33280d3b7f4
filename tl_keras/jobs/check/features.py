"""Features of the images and their nearest others."""

import dataclasses

import numpy as np

from tl_keras.evaluation.encoders.approximate_neighbours import check_index_library
from tl_keras.evaluation.encoders.feature_space import Neighbours, directions, find_neighbours
from tl_keras.evaluation.encoders.probes import unit_rows
from tl_keras.jobs.check.images import CheckedImages
from tl_keras.jobs.features.encoder_features import are_of_network, encoder_features
from tl_keras.models.backbones.backbone import is_backbone_path
from tl_keras.settings.check import NO_FEATURES, CheckSettings
from tl_keras.settings.features import PIXELS

_NEIGHBOURS = 20


@dataclasses.dataclass(frozen=True, eq=False)
class SeenImages:
    """Features of images.

    Attributes:
        features: float32 (n, d).
        neighbours: `Neighbours` in their directions.
        source: sentence on where the features come from.
    """

    features: np.ndarray
    neighbours: Neighbours
    source: str

    @property
    def rows(self) -> np.ndarray | None:
        """Features of length 1 if they are those of a network."""
        return unit_rows(self.features) if are_of_network(self.source) else None

    @property
    def usual_distance(self) -> float:
        """Median distance to the nearest other image."""
        return float(np.median(self.neighbours.distances[:, 0]))


def seen_images(settings: CheckSettings, checked: CheckedImages) -> SeenImages | None:
    """Computes features as `settings` say; None without a backbone.

    Raises:
        InputError: the backbone or its weights, or the library for very many images, are missing.
    """
    if settings.backbone == NO_FEATURES:
        return None
    check_index_library(len(checked))
    weights, own = settings.weights, is_backbone_path(settings.backbone)
    if weights is None and settings.backbone != PIXELS and not own:
        weights = "auto"
    features, source, _ = encoder_features(
        settings.backbone, checked.images, weights=weights, image_size=settings.image_size
    )
    neighbours = find_neighbours(directions(features), k=_NEIGHBOURS, seed=settings.seed)
    return SeenImages(features, neighbours, source)
