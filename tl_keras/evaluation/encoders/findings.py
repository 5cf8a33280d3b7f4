"""Findings in images without labels: clusters, repeats, outliers and a map."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from tl_keras.data.dataset import ImageDataset
from tl_keras.data.inspection.fingerprints import Fingerprint, find_repeats
from tl_keras.evaluation.encoders.clusters import (
    Clusters,
    adjusted_mutual_information,
    purity,
)
from tl_keras.evaluation.encoders.feature_space import (
    close_pairs,
    directions,
    find_neighbours,
    main_directions,
)
from tl_keras.evaluation.encoders.grid_places import grid_places
from tl_keras.evaluation.encoders.groups import Groups, group_rows
from tl_keras.evaluation.encoders.latent_plane import project

MOST_ON_MAP = 600
_FEWEST_FOR_TSNE = 50


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two images that are equal, or nearly.

    Attributes:
        first, second: rows.
        kind: "same" (every pixel), "near" (nearly every pixel) or "alike" (in their features).
    """

    first: int
    second: int
    kind: str


@dataclasses.dataclass(frozen=True)
class Findings:
    """Findings; rows are those of the data.

    Attributes:
        groups: `Groups`.
        pairs: `Pair`s, the most similar first.
        pair_counts: {kind: number of pairs found}; `pairs` may hold fewer of them.
        neighbours_found: share of the true nearest neighbours that were found, see `Neighbours`.
        loneliness: float (n,), mean distance to the nearest neighbours, 1 for the usual.
        map_rows: int64 (m,), the images on the map.
        map_places: int64 (m, 2), their (row, column) on a grid.
        map_side: int, places per side.
        map_method: "tsne" or "pca".
        agreement: {"purity", "ami"} with the folders or labels, or None without.
    """

    groups: Groups
    pairs: tuple[Pair, ...]
    pair_counts: dict[str, int]
    neighbours_found: float
    loneliness: np.ndarray
    map_rows: np.ndarray
    map_places: np.ndarray
    map_side: int
    map_method: str
    agreement: dict[str, float] | None

    @property
    def clusters(self) -> Clusters:
        """The groups that are shown first."""
        return self.groups.clusters


def find(
    features: np.ndarray,
    images: ImageDataset,
    fingerprints: Mapping[str, Fingerprint],
    *,
    clusters: int | None = None,
    seed: int = 0,
) -> Findings:
    """Looks for clusters, repeats and outliers.

    Args:
        features: float (n, d).
        images: `ImageDataset` of n; its labels are only compared with the clusters.
        fingerprints: {path: Fingerprint} of its files.
        clusters: number of clusters; None chooses it.
        seed: int.

    Returns:
        `Findings`.
    """
    space = directions(features)
    main = main_directions(space, seed=seed)
    groups = group_rows(main, num_groups=clusters, seed=seed)
    groups = dataclasses.replace(groups, clusters=groups.clusters.seen_in(space))
    neighbours = find_neighbours(space, seed=seed)
    rows = np.sort(np.random.default_rng([seed, 1]).permutation(len(space))[:MOST_ON_MAP])
    method = "pca" if len(rows) < _FEWEST_FOR_TSNE else "tsne"
    points, _ = project(main[rows], method=method, seed=seed)
    places, side = grid_places(points)
    labels = images.labels
    pairs, counts = _pairs(images, fingerprints, neighbours)
    return Findings(
        groups=groups,
        pairs=pairs,
        pair_counts=counts,
        neighbours_found=neighbours.found,
        loneliness=neighbours.loneliness,
        map_rows=rows,
        map_places=places,
        map_side=side,
        map_method=method,
        agreement=None if labels is None else _agreement(labels, groups.clusters.numbers),
    )


def _agreement(labels, numbers):
    return {
        "purity": purity(labels, numbers),
        "ami": adjusted_mutual_information(labels, numbers),
    }


def _pairs(images, fingerprints, neighbours):
    """Returns (`Pair`s, {kind: number}): repeats by their pixels, then those by their features."""
    repeats = find_repeats(images, fingerprints)
    named = {name for leak in repeats for name in (leak.first, leak.second)}
    row_of = {name: row for row, name in enumerate(images.ids) if name in named}
    pairs = {
        tuple(sorted((row_of[leak.first], row_of[leak.second]))): leak.kind for leak in repeats
    }
    for first, second, _ in close_pairs(neighbours):
        pairs.setdefault((first, second), "alike")
    counts = {**repeats.counts, "alike": list(pairs.values()).count("alike")}
    return tuple(Pair(*rows, kind) for rows, kind in pairs.items()), counts
