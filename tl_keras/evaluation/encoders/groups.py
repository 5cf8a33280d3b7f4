"""Groups of similar images at three levels: large groups, clusters, and parts of clusters."""

import dataclasses

import numpy as np

from tl_keras.checks import check_number
from tl_keras.evaluation.encoders.clusters import Clusters, cluster_features
from tl_keras.evaluation.encoders.feature_space import directions, main_directions

MOST_GROUPS = 40
_SEEDS = 200  # small clusters from which merging starts, so that its cost does not grow with images
_CLEAR = 3.0  # times the cost of the merge before, from which on a number of clusters is clear
_USUAL = 2.5  # clusters per natural logarithm of the number of images
_USUAL_PARTS = 1.0
_DIVIDED = 10  # images of the smallest cluster that has parts
_LARGE = 4  # most large groups
_JUDGED = 1000  # rows in which distinct ones are counted
_TINY = 1e-12


@dataclasses.dataclass(frozen=True)
class Groups:
    """Groups of rows at three levels.

    Attributes:
        clusters: `Clusters`, the groups that are shown first.
        parts: int64 (n,), the part of its cluster that a row belongs to, from 0, the largest first.
        large: clusters of each large group, by number.
        costs: {k: variance lost by merging k clusters into k - 1, as a share of all variance}. It
            has each k that was tried, and is {} if the number of clusters was given.
        is_clear: whether the number of clusters stands out among its neighbours.
    """

    clusters: Clusters
    parts: np.ndarray
    large: tuple[tuple[int, ...], ...]
    costs: dict[int, float] = dataclasses.field(default_factory=dict)
    is_clear: bool = False

    def members_of_parts(self, cluster: int) -> list[np.ndarray]:
        """Returns the rows of each part of a cluster, the nearest to its centre first."""
        rows = self.clusters.members(cluster)
        parts = self.parts[rows]
        return [rows[parts == part] for part in range(parts.max(initial=-1) + 1)]


def first_groups(features: np.ndarray, *, num_groups: int | None = None, seed: int = 0) -> Groups:
    """Groups images by their features, at a level at which one can look through them.

    Args:
        features: float (n, d), from `extract_features`.
        num_groups: number of clusters, 1 to n. Defaults to None, which chooses it.
        seed: int, seed of k-means.

    Returns:
        `Groups`; distances to centres are those of `directions`.

    Raises:
        InputError: features are not (n, d) and finite, or there are fewer rows than groups.
    """
    space = directions(features)
    found = group_rows(main_directions(space, seed=seed), num_groups=num_groups, seed=seed)
    return dataclasses.replace(found, clusters=found.clusters.seen_in(space))


def group_rows(space: np.ndarray, *, num_groups: int | None = None, seed: int = 0) -> Groups:
    """Groups rows as `first_groups` does, in features that are prepared already.

    Rows are put into 200 small clusters by k-means. These are merged one pair after another, each
    time the pair that loses the least variance (Ward). Centres of the chosen level start k-means on
    all rows, which ends nearer to the best clusters than ten random starts.

    If merging k clusters costs at least 3 times as much as merging k + 1, these k are clear and are
    chosen. Otherwise there are 2.5 log n. docs/benchmarks.md has the images behind both numbers.

    Args:
        space: float (n, d), from `main_directions`.
        num_groups, seed: as in `first_groups`.

    Returns:
        `Groups`.

    Reference:
        Ward 1963, "Hierarchical grouping to optimize an objective function". Murtagh and Legendre
        2014, arXiv:1111.6285.
    """
    space = np.asarray(space, np.float32)
    if num_groups is not None:
        check_number("num_groups", num_groups, minimum=1, maximum=len(space), integer=True)
    tree = Merges.of(space, seed, fewest=num_groups or 1)
    count, is_clear = (num_groups, False) if num_groups else choose_level(tree, len(space))
    clusters = cluster_features(space, count, seed=seed, start=tree.cut(count))
    parts = np.zeros(len(space), np.int64)
    for cluster in range(count):
        rows = clusters.members(cluster)
        parts[rows] = _parts(space[rows], seed)
    costs = {} if num_groups else tree.costs_of_levels
    return Groups(clusters, parts, _large(clusters), costs, is_clear)


def choose_level(tree: "Merges", count: int, usual: float = _USUAL) -> tuple[int, bool]:
    """Returns the number of clusters to show first for `count` rows, and whether it is clear."""
    levels = min(MOST_GROUPS, tree.distinct // 2)
    if levels < 2:
        return 1, False
    costs = np.maximum(tree.costs[:levels], _TINY)
    if len(costs) > 1:
        rises = costs[:-1] / costs[1:]
        steepest = int(rises.argmax())
        if rises[steepest] >= _CLEAR:
            return steepest + 2, True
    return int(np.clip(round(usual * np.log(count)), 2, levels)), False


@dataclasses.dataclass(frozen=True)
class Merges:
    """Small clusters of rows, and the order in which they are merged.

    Attributes:
        seeds: int64 (n,), small cluster of each row, from 0.
        pairs: int64 (m - 1, 2), clusters merged in each step; the first keeps its number.
        costs: float (m - 1,), variance lost by each merge as a share of all, the last merge first.
        distinct: number of rows that differ, of 1,000.
    """

    seeds: np.ndarray
    pairs: np.ndarray
    costs: np.ndarray
    distinct: int

    @classmethod
    def of(cls, space: np.ndarray, seed: int = 0, fewest: int = 1) -> "Merges":
        """Returns the merges of rows; they start from at least `fewest` small clusters."""
        judged = np.random.default_rng(seed).permutation(len(space))[:_JUDGED]
        distinct = len(np.unique(space[judged], axis=0))
        count = min(max(min(_SEEDS, distinct), fewest), len(space))
        numbers, centres = np.arange(len(space)), space
        if count < len(space):
            small = cluster_features(space, count, starts=1, seed=seed)
            numbers, centres = small.numbers, small.centres
        pairs, costs = _merge(centres, np.bincount(numbers, minlength=count))
        total = float(np.square(space - space.mean(0)).sum())
        return cls(numbers, pairs, costs[::-1] / max(total, _TINY), distinct)

    @property
    def costs_of_levels(self) -> dict[int, float]:
        """{number of clusters: cost of merging two of them}, up to the most that are tried."""
        levels = min(MOST_GROUPS, self.distinct // 2)
        return {k: float(self.costs[k - 2]) for k in range(2, levels + 1)}

    def cut(self, count: int) -> np.ndarray:
        """Returns `count` clusters of the rows, int64 (n,), from 0."""
        names = np.arange(len(self.pairs) + 1)
        for kept, merged in self.pairs[: len(names) - count]:
            names[names == merged] = kept
        return np.unique(names, return_inverse=True)[1][self.seeds]


def _merge(centres, sizes):
    """Returns (pairs, costs): merges of centres that stand for `sizes` rows, by Ward's criterion.

    Merging two centres at distance d, with a and b rows, loses a * b / (a + b) * d^2.
    """
    centres, sizes = centres.astype(np.float64), np.asarray(sizes, np.float64)
    merged = np.zeros(len(sizes), bool)

    def losses(row):
        weights = sizes * sizes[row] / np.maximum(sizes + sizes[row], 1)
        found = weights * np.square(centres - centres[row]).sum(1)
        return np.where(merged | (np.arange(len(sizes)) == row), np.inf, found)

    table = np.stack([losses(row) for row in range(len(sizes))])
    pairs, costs = [], []
    for _ in range(len(sizes) - 1):
        first, second = sorted(np.unravel_index(table.argmin(), table.shape))
        pairs.append((first, second))
        costs.append(table[first, second])
        both = [first, second]
        centres[first] = sizes[both] @ centres[both] / max(sizes[both].sum(), 1)
        sizes[first], merged[second] = sizes[both].sum(), True
        table[second], table[:, second] = np.inf, np.inf
        table[first] = table[:, first] = losses(first)
    return np.array(pairs, np.int64).reshape(-1, 2), np.array(costs)


def _parts(space, seed):
    """Returns the part of each row of a cluster; one of few rows has a single part."""
    if len(space) < _DIVIDED:
        return np.zeros(len(space), np.int64)
    tree = Merges.of(space, seed)
    count, _ = choose_level(tree, len(space), usual=_USUAL_PARTS)
    return cluster_features(space, count, seed=seed, start=tree.cut(count)).numbers


def _large(clusters):
    """Returns the clusters of each large group; () if there are few clusters."""
    count = len(clusters.centres)
    if count < 2 * _LARGE:
        return ()
    pairs, costs = _merge(clusters.centres, clusters.sizes)
    tree = Merges(np.arange(count), pairs, costs[::-1], count)
    level = 2 + int((tree.costs[: _LARGE - 1] / np.maximum(tree.costs[1:_LARGE], _TINY)).argmax())
    numbers = tree.cut(level)
    found = [tuple(np.flatnonzero(numbers == each).tolist()) for each in range(level)]
    return tuple(sorted(found, key=lambda group: -clusters.sizes[list(group)].sum()))
