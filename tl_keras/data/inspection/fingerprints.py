"""Search for the same image, or nearly the same, in two splits or in one."""

import hashlib
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from tl_keras.data.dataset import ImageDataset
from tl_keras.data.images import printable, read_checked
from tl_keras.data.inspection.near_duplicates import near_pairs
from tl_keras.data.inspection.registration import COLOUR_SIDE, SIDE

MOST_LISTED = 10_000  # pairs of each kind
_LEAST_CONTRAST = 8.0  # of 255: an image with less contrast is plain
_GREY = np.array([0.299, 0.587, 0.114], np.float32)
_SMALL_SHARE = 0.25  # of the image: smaller content is cropped
_CROPS = 6
_AWAY = 0.25  # of the largest difference from the border: pixels above it are content
_GRID = 64
_FINER = 3  # least side after averaging whole pixels, as a multiple of the target side
_ROOM = 1.25  # side of the crop relative to the content


@dataclass(frozen=True)
class Fingerprint:
    """Content hash, small grey copy and coarse colours of an image, in 1.2 kB.

    Attributes:
        content: hash of the pixels; for a large JPEG, of the pixels decoded for the check.
        thumbnail: uint8 (32, 32), the darkest pixel 0 and the lightest 255, see `looks_of`;
            None for a plain image, and for a sound.
        colours: uint8 (8, 8, 2), see `looks_of`; None for a plain image.
    """

    content: bytes
    thumbnail: np.ndarray | None
    colours: np.ndarray | None


@dataclass(frozen=True)
class Leak:
    """An image that occurs in two splits.

    Attributes:
        first, second: ids of the two images.
        splits: names of the two splits.
        kind: "same" (every pixel) or "near" (recompressed, resized, slightly changed).
    """

    first: str
    second: str
    splits: tuple[str, str]
    kind: str

    @property
    def text(self) -> str:
        """Both images on one line."""
        return (
            f"{printable(self.first)} ({self.splits[0]}) and "
            f"{printable(self.second)} ({self.splits[1]})"
        )


@dataclass(frozen=True)
class NearPairs:
    """Pairs of nearly the same images that were looked for before, in order of falling agreement.

    Attributes:
        splits: names of the splits that hold the images, which were searched as one.
        pairs: (id, id) of each pair.
    """

    splits: tuple[str, ...]
    pairs: Sequence[tuple[str, str]]

    def between(self, one: ImageDataset, other: ImageDataset) -> list[tuple[str, str]]:
        """Returns the pairs (id in `one`, id in `other`)."""
        first, second = set(one.ids), set(other.ids)
        found = []
        for a, b in self.pairs:
            if a in first and b in second:
                found.append((a, b))
            elif b in first and a in second:
                found.append((b, a))
        return found


class Leaks(tuple):
    """A tuple of `Leak` objects, at most `MOST_LISTED` of each kind.

    Attributes:
        counts: {"same": int, "near": int}, numbers of all pairs found.
    """

    def __new__(cls, same=(), near=(), counts=None):
        leaks = super().__new__(cls, (*same[:MOST_LISTED], *near[:MOST_LISTED]))
        leaks.counts = counts or {"same": len(same), "near": len(near)}
        return leaks


def fingerprint(image: np.ndarray, *, looks: bool = True) -> Fingerprint:
    """Returns the Fingerprint of an image, uint8 (h, w, 3).

    Without `looks` only equal images are found. Spectrograms of two recordings of a word look
    nearly the same, and so do those of two flat tones.
    """
    return Fingerprint(content_hash(image), *(looks_of(image) if looks else (None, None)))


def looks_of(image: np.ndarray) -> tuple[np.ndarray, np.ndarray] | tuple[None, None]:
    """Returns a small grey copy of an image and its coarse colours.

    The grey copy does not depend on brightness and contrast. Content on a plain ground that takes
    less than a quarter of the image is cropped first: a digit on a wide page fills its thumbnail.

    Args:
        image: uint8 (h, w, 3).

    Returns:
        (uint8 (32, 32), 0-255; uint8 (8, 8, 2), half of red minus green and of blue minus green,
        plus 128). (None, None) if the image has almost no contrast.
    """
    content = _reduced(_cut_out(Image.fromarray(image)))
    grey = _as_grey(content, SIDE)
    low, high = grey.min(), grey.max()
    if high - low < _LEAST_CONTRAST:
        return None, None
    small = _resized(content, COLOUR_SIDE).astype(np.int16)
    colours = 128 + (small[..., ::2] - small[..., 1:2]) // 2
    return np.round((grey - low) * (255 / (high - low))).astype(np.uint8), colours.astype(np.uint8)


def _cut_out(image):
    """Returns a PIL image, cropped to its content if that is small."""
    share = _SMALL_SHARE
    for _ in range(_CROPS):
        box = _content(image)
        if box is None or _area(box) >= share * _area((0, 0, *image.size)):
            break
        image, share = image.crop(box), 1.0  # again, on a finer grid
    return image


def _area(box):
    left, top, right, bottom = box
    return (right - left) * (bottom - top)


def _reduced(image):
    """Averages whole pixels of a large image, which makes several small copies of it cheap."""
    factor = min(image.size) // (_FINER * _GRID)
    return image.reduce(factor) if factor > 1 else image


def _resized(image, side):
    return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR))


def _as_grey(image, side):
    return _resized(image, side).astype(np.float32) @ _GREY


def _content(image):
    """Returns the box of a square around all that differs from the border, or None."""
    grey = _as_grey(_reduced(image), _GRID)
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    away = np.abs(grey - np.median(border))
    rows, columns = np.nonzero(away > max(_AWAY * away.max(), _LEAST_CONTRAST / 2))
    if not len(rows):
        return None
    spans = [
        (places.min() / _GRID * length, (places.max() + 1) / _GRID * length)
        for places, length in zip((columns, rows), image.size, strict=True)
    ]
    side = _ROOM * max(end - start for start, end in spans)
    left, top = (max(int((start + end - side) / 2), 0) for start, end in spans)
    right, bottom = (
        min(math.ceil((start + end + side) / 2), length)
        for (start, end), length in zip(spans, image.size, strict=True)
    )
    return left, top, right, bottom


def content_hash(image: np.ndarray) -> bytes:
    """Returns a hash of 16 bytes of an image's pixels and shape."""
    pixels = hashlib.blake2b(np.ascontiguousarray(image), digest_size=16)
    pixels.update(str(image.shape).encode())
    return pixels.digest()


def content_of(dataset: ImageDataset, index: int) -> bytes:
    """Returns the `content_hash` of an image of a dataset; for a file, that of `inspect_files`."""
    if dataset.is_files:
        return content_hash(read_checked(dataset.images[index]).image)
    return content_hash(dataset.load(index))


def find_leaks(
    datasets: Sequence[ImageDataset],
    fingerprints: Mapping[str, Fingerprint],
    near_known: NearPairs | None = None,
) -> Leaks:
    """Finds images that occur in more than one dataset.

    Arrays are compared pixel by pixel. Files are also compared by appearance, see `near_pairs`.

    Args:
        datasets: list of `ImageDataset` and None.
        fingerprints: {path: Fingerprint} of the files.
        near_known: pairs within splits that need not be searched again.

    Returns:
        Leaks: identical pairs first, then near pairs in order of falling agreement.
    """
    parts = [part for part in datasets if part is not None]
    same, near = [], []
    counts = {"same": 0, "near": 0}
    for one, other in itertools.combinations(parts, 2):
        splits = (one.split, other.split)
        exact, count = _exact(one, other, fingerprints)
        found = []
        if near_known and {*splits} <= {*near_known.splits}:
            found = near_known.between(one, other)
        elif one.is_files and other.is_files:
            found = _near(_known(one, fingerprints), _known(other, fingerprints), set(exact))
        counts["same"] += count
        counts["near"] += len(found)
        for kind, leaks, pairs in (("same", same, exact), ("near", near, found)):
            leaks += [Leak(a, b, splits, kind) for a, b in pairs[: MOST_LISTED - len(leaks)]]
    return Leaks(same, near, counts)


def find_repeats(dataset: ImageDataset, fingerprints: Mapping[str, Fingerprint]) -> Leaks:
    """Finds identical images within a dataset and, for files, nearly identical ones.

    Args:
        dataset: `ImageDataset`.
        fingerprints: {path: Fingerprint} of the files.

    Returns:
        Leaks: identical pairs first. Of three identical images, the first is paired with each of
        the others.
    """
    exact, count = _exact_within(dataset, fingerprints)
    split, near = (dataset.split, dataset.split), []
    if dataset.is_files:
        copies = {b for _, b in exact}
        near = _near([known for known in _known(dataset, fingerprints) if known[0] not in copies])
    counts = {"same": count, "near": len(near)}
    same, near = (
        [Leak(a, b, split, kind) for a, b in pairs[:MOST_LISTED]]
        for kind, pairs in (("same", exact), ("near", near))
    )
    return Leaks(same, near, counts)


def _exact(one, other, fingerprints):
    """Returns pairs of ids of images with the same content in two datasets, and their number.

    Of images in shards at most `MOST_LISTED` pairs are put together.
    """
    if not (one.in_shards and other.in_shards):
        pairs = _same(_hashes(one, fingerprints), _hashes(other, fingerprints))
        return pairs, len(pairs)
    first, second = (part.images.contents.view("S16") for part in (one, other))
    order = np.argsort(first, kind="stable")
    places = np.searchsorted(first, second, sorter=order).clip(max=len(first) - 1)
    found = np.flatnonzero(first[order[places]] == second)
    pairs = zip(order[places[found[:MOST_LISTED]]], found[:MOST_LISTED], strict=True)
    return [(one.ids[a], other.ids[b]) for a, b in pairs], len(found)


def _exact_within(dataset, fingerprints):
    """Returns what `_exact` does, of images within a dataset."""
    if not dataset.in_shards:
        hashes = _hashes(dataset, fingerprints)
        pairs = [(a, b) for a, b in _same(hashes, hashes) if a != b]
        return pairs, len(pairs)
    contents = dataset.images.contents.view("S16")
    _, firsts, groups = np.unique(contents, return_index=True, return_inverse=True)
    found = np.flatnonzero(firsts[groups] != np.arange(len(contents)))
    pairs = ((dataset.ids[firsts[groups[row]]], dataset.ids[row]) for row in found[:MOST_LISTED])
    return list(pairs), len(found)


def _hashes(dataset, fingerprints):
    """Returns (id, content hash) of each image."""
    if dataset.is_files:
        return [(path, mark.content) for path, mark in _known(dataset, fingerprints)]
    return list(zip(dataset.ids, map(content_hash, dataset.images), strict=True))


def _known(dataset, fingerprints):
    return [(path, fingerprints[path]) for path in dataset.images if path in fingerprints]


def _same(one, other):
    firsts = {}
    for name, content in one:
        firsts.setdefault(content, name)
    return [(firsts[content], name) for name, content in other if content in firsts]


def _near(one, other=None, left_out=frozenset()):
    """Returns pairs of paths of nearly identical images, in order of falling agreement."""
    names, *looks = zip(
        *(_textured(part) for part in (one, other) if part is not None), strict=True
    )
    thumbnails, colours = looks
    rows, ratios = near_pairs(*thumbnails, colours=colours)
    first, second = names[0], names[-1]
    pairs = [(first[a], second[b]) for a, b in rows[np.argsort(ratios, kind="stable")]]
    return [pair for pair in pairs if pair not in left_out]


def _textured(prints):
    """Returns (paths, uint8 (n, 32, 32), uint8 (n, 8, 8, 2)) of the images that are not plain."""
    kept = [(path, mark) for path, mark in prints if mark.thumbnail is not None]
    thumbnails = np.array([mark.thumbnail for _, mark in kept], np.uint8)
    colours = np.array([mark.colours for _, mark in kept], np.uint8)
    return (
        [path for path, _ in kept],
        thumbnails.reshape(-1, SIDE, SIDE),
        colours.reshape(-1, COLOUR_SIDE, COLOUR_SIDE, 2),
    )
