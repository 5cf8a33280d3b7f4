"""Pairs and groups of images that are the same, or nearly, within a data set."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from tl_keras.data.dataset import ImageDataset
from tl_keras.data.inspection.fingerprints import Fingerprint
from tl_keras.data.inspection.near_duplicates import near_pairs
from tl_keras.data.inspection.registration import COLOUR_SIDE, SIDE
from tl_keras.data.split_records import contents_of

MOST_SEARCHED = 20_000  # files among which near copies are looked for, some 100 s of processor time
_LARGE, _LARGE_SHARE = 20, 0.1  # images; share of all images: a larger group is of look-alikes
_NEAREST = 0.1  # largest ratio of copies among look-alikes


class Copies(NamedTuple):
    """Pairs of images that are the same, or nearly.

    Attributes:
        pairs: int64 (k, 2), rows, the smaller first.
        ratios: float (k,), 0 for equal images, else disagreement divided by its limit, up to 1.
        searched: whether near copies were looked for, and not only equal images.
    """

    pairs: np.ndarray
    ratios: np.ndarray
    searched: bool

    def keep(self, kept: np.ndarray) -> "Copies":
        """Returns the pairs at `kept`, bool (k,)."""
        return Copies(self.pairs[kept], self.ratios[kept], self.searched)


def find_copies(
    dataset: ImageDataset,
    fingerprints: Mapping[str, Fingerprint],
    more: Sequence[ImageDataset] = (),
) -> Copies:
    """Finds images of equal pixels and, among up to `MOST_SEARCHED` files, nearly equal ones.

    Of several equal images, the first is paired with each of the others. Of more files only equal
    ones are found. If they are too many with `more` alone, near ones are looked for in `dataset`.

    Args:
        dataset: `ImageDataset`.
        fingerprints: {path: Fingerprint} of the files.
        more: further datasets of its kind, whose rows follow.
    """
    parts = [dataset, *more]
    contents = {path: mark.content for path, mark in fingerprints.items()}
    hashes = [content for part in parts for content in contents_of(part, contents)]
    keys = np.frombuffer(b"".join(hashes), "S16")
    _, firsts, places = np.unique(keys, return_index=True, return_inverse=True)
    origin = firsts[places.reshape(-1)] if len(keys) else np.empty(0, np.int64)
    copies = np.flatnonzero(origin != np.arange(len(keys)))
    same = np.stack([origin[copies], copies], axis=1).astype(np.int64)
    searched = dataset.has_paths and len(dataset) <= MOST_SEARCHED
    paths = _searched_paths(parts) if searched else ()
    near, ratios = _near(paths, fingerprints, set(copies.tolist()))
    ratios = np.concatenate([np.zeros(len(same)), ratios])
    return Copies(np.concatenate([same, near]), ratios, searched)


def _searched_paths(parts: Sequence[ImageDataset]) -> list[str]:
    """Returns the paths of all parts, or of too many those of the first."""
    all_paths = [path for part in parts for path in part.images]
    return all_paths if len(all_paths) <= MOST_SEARCHED else list(parts[0].images)


def _near(paths, fingerprints, left_out):
    """Returns (pairs (k, 2), ratios) of nearly equal files whose rows are not in `left_out`."""
    marks = {
        row: fingerprints[path]
        for row, path in enumerate(paths)
        if row not in left_out and path in fingerprints
    }
    rows = [row for row, mark in marks.items() if mark.thumbnail is not None]
    if len(rows) < 2:
        return np.empty((0, 2), np.int64), np.empty(0)
    thumbnails = np.stack([marks[row].thumbnail for row in rows]).reshape(-1, SIDE, SIDE)
    colours = np.stack([marks[row].colours for row in rows])
    colours = colours.reshape(-1, COLOUR_SIDE, COLOUR_SIDE, 2)
    pairs, ratios = near_pairs(thumbnails, colours=[colours])
    return np.array(rows)[pairs].reshape(-1, 2), ratios


def groups_of(pairs: np.ndarray, count: int) -> np.ndarray:
    """Returns the number of each image's group, int64 (count,): the smallest row in it."""
    first, second = np.asarray(pairs, np.int64).reshape(-1, 2).T
    graph = coo_matrix((np.ones(len(first), bool), (first, second)), shape=(count, count))
    _, parts = connected_components(graph, directed=False)
    _, smallest, places = np.unique(parts, return_index=True, return_inverse=True)
    return smallest[places.reshape(-1)].astype(np.int64)


def without_look_alikes(copies: Copies, count: int) -> tuple[Copies, int]:
    """Drops all but the nearest pairs where a large group shows that images are alike, not copies.

    A chain of near pairs through more than 20 images and a tenth of all is large. Such images show
    things of one kind, e.g. solar cells without a defect, and the smaller groups do too. Split by
    these groups, the kind of a test image may be missing in training. On 600 solar cells with five
    labels a class 58 % were right, not 70 %. Pairs up to a tenth of the limit stay: 36 of 1,829.

    Returns:
        (`Copies`, number of the images whose near pairs were dropped).
    """
    sizes = np.bincount(groups_of(copies.pairs, count), minlength=count)
    if sizes.max(initial=0) <= max(_LARGE, _LARGE_SHARE * count):
        return copies, 0
    kept = copies.ratios <= _NEAREST
    return copies.keep(kept), len(np.unique(copies.pairs[~kept]))
