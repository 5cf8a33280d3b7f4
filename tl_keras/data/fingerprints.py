"""Finding the same picture, or nearly the same, in two splits or in one."""

import hashlib
import itertools
from dataclasses import dataclass

import numpy as np

from tl_keras.data.images import printable, resize_image

_THUMBNAIL = (16, 18)
_MAX_HASH_BITS = 4  # of 64
_MAX_MEAN_DIFFERENCE = 6.0  # of 255
_MIN_CONTRAST = 4.0  # of 255: below it, the hash is noise
_ROWS_AT_ONCE = 256


@dataclass(frozen=True)
class Fingerprint:
    """What a picture looks like, in 0.8 kB.

    Attributes:
        content: hash of all pixels.
        shape_hash: 64 bits, whether each of 8 x 8 places is brighter than its right neighbour.
        thumbnail: uint8 (16, 18, 3), 0-255.
    """

    content: bytes
    shape_hash: int
    thumbnail: np.ndarray


@dataclass(frozen=True)
class Leak:
    """A picture in two splits.

    Attributes:
        first, second: ids of the two pictures.
        splits: the two splits' names.
        kind: "same" (every pixel) or "near" (recompressed, resized, slightly changed).
    """

    first: str
    second: str
    splits: tuple[str, str]
    kind: str

    @property
    def text(self):
        """The two on one line."""
        return (
            f"{printable(self.first)} ({self.splits[0]}) and "
            f"{printable(self.second)} ({self.splits[1]})"
        )


def fingerprint(image):
    """Returns the Fingerprint of a picture, uint8 (h, w, 3)."""
    thumbnail = resize_image(image, _THUMBNAIL)
    places = thumbnail.reshape(8, 2, 9, 2, 3).sum(axis=(1, 3, 4), dtype=np.int32)
    bits = np.packbits(places[:, :-1] > places[:, 1:])
    return Fingerprint(content_hash(image), int.from_bytes(bits.tobytes(), "big"), thumbnail)


def content_hash(image):
    """Returns 16 bytes that differ for pictures with a different pixel or shape."""
    pixels = hashlib.blake2b(np.ascontiguousarray(image), digest_size=16)
    pixels.update(str(image.shape).encode())
    return pixels.digest()


def find_leaks(datasets, fingerprints):
    """Finds pictures that stand in more than one dataset.

    Arrays are compared pixel by pixel; files also by their looks: a hash of 64 bits that differs
    in at most 4, and then thumbnails that differ by at most 6 of 255 on average.

    Args:
        datasets: list of `ImageDataset` and None.
        fingerprints: {path: Fingerprint} of the files.

    Returns:
        tuple of Leak, the same ones first.
    """
    parts = [part for part in datasets if part is not None]
    same, near = [], []
    for one, other in itertools.combinations(parts, 2):
        splits = (one.split, other.split)
        exact = _same(_hashes(one, fingerprints), _hashes(other, fingerprints))
        same += [Leak(a, b, splits, "same") for a, b in exact]
        if one.is_files and other.is_files:
            known = set(exact)
            pairs = _near(_known(one, fingerprints), _known(other, fingerprints))
            near += [Leak(a, b, splits, "near") for a, b in pairs if (a, b) not in known]
    return (*same, *near)


def find_repeats(dataset, fingerprints):
    """Finds pictures of one dataset that are the same or, of files, nearly; see `find_leaks`.

    Args:
        dataset: `ImageDataset`.
        fingerprints: {path: Fingerprint} of the files.

    Returns:
        tuple of Leak, the same ones first; of three that are the same, the first with each other.
    """
    hashes = _hashes(dataset, fingerprints)
    split = (dataset.split, dataset.split)
    exact = [(a, b) for a, b in _same(hashes, hashes) if a != b]
    near = []
    if dataset.is_files:
        known, copies = _known(dataset, fingerprints), {b for _, b in exact}
        prints = [(path, mark) for path, mark in known if path not in copies]
        order = {path: number for number, (path, _) in enumerate(prints)}
        near = [(a, b) for a, b in _near(prints, prints) if order[a] < order[b]]
    same = [Leak(a, b, split, "same") for a, b in exact]
    return (*same, *(Leak(a, b, split, "near") for a, b in near))


def _hashes(dataset, fingerprints):
    """(id, content hash) of each picture."""
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


def _near(one, other):
    """Pairs of paths of nearly the same picture; every picture is compared with every other."""
    one, other = _textured(one), _textured(other)
    hashes = np.array([mark.shape_hash for _, mark in one], np.uint64)
    others = np.array([mark.shape_hash for _, mark in other], np.uint64)
    pairs = []
    for start in range(0, len(hashes), _ROWS_AT_ONCE):
        block = hashes[start : start + _ROWS_AT_ONCE, None] ^ others[None, :]
        for row, column in np.argwhere(np.bitwise_count(block) <= _MAX_HASH_BITS):
            (first, a), (second, b) = one[start + row], other[column]
            if np.abs(a.thumbnail.astype(int) - b.thumbnail).mean() <= _MAX_MEAN_DIFFERENCE:
                pairs.append((first, second))
    return pairs


def _textured(prints):
    return [(path, mark) for path, mark in prints if mark.thumbnail.std() >= _MIN_CONTRAST]
