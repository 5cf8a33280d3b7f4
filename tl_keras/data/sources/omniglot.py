"""Omniglot: handwritten characters of many alphabets, a folder or .zip file as published."""

import dataclasses
import hashlib
import os
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tl_keras.checks import InputError, check_choice
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.images import ImageReadError, StoredImage, printable, read_resized
from tl_keras.data.sources.folders import find_image_files

SIDE = 105  # pixels of the published images
_CHARACTER = re.compile(r"([^/]+)/(character\d+)/\d+_(\d+)\.png")  # its last number is the drawer
_MOST_BYTES = 2**24  # of an image in a .zip file
_LAYOUT = "ALPHABET/characterNN/NNNN_DD.png"


@dataclasses.dataclass(frozen=True, eq=False)
class Omniglot:
    """Characters of some alphabets.

    Attributes:
        images: `ImageDataset` of dark ink on white, uint8 (n, side, side), 0-255. The name of a
            class is "ALPHABET/characterNN".
        drawers: int32 (n,), number of the person who drew the image. In an alphabet each person
            drew each character once.
    """

    images: ImageDataset
    drawers: np.ndarray

    @property
    def alphabets(self) -> tuple[str, ...]:
        """Sorted names of the alphabets."""
        return tuple(sorted(set(alphabets_of(self.images.class_names))))

    def of_alphabets(self, names: Sequence[str], split: str | None = None) -> "Omniglot":
        """Returns the characters of some alphabets, whose classes are numbered anew.

        Raises:
            InputError: there is no such alphabet.
        """
        for name in names:
            check_choice("alphabet", name, self.alphabets)
        images = self.images
        owners = alphabets_of(images.class_names)
        kept = [number for number, owner in enumerate(owners) if owner in names]
        new = np.full(len(owners), -1, np.int32)
        new[kept] = np.arange(len(kept))
        rows = np.flatnonzero(new[images.labels] >= 0)
        part = images.subset(rows, split)
        classes = tuple(images.class_names[number] for number in kept)
        part = dataclasses.replace(part, labels=new[part.labels], class_names=classes)
        return Omniglot(part, self.drawers[rows])

    def without(self, names: Sequence[str], split: str | None = None) -> "Omniglot":
        """Returns the characters of all other alphabets; names that it has not are allowed."""
        return self.of_alphabets([name for name in self.alphabets if name not in names], split)


def alphabets_of(class_names: Sequence[str]) -> tuple[str, ...]:
    """Returns the alphabet of each class, for `groups` of `TaskSampler.tasks`."""
    return tuple(name.split("/")[0] for name in class_names)


def groups_in(dataset: ImageDataset) -> tuple[str, ...] | None:
    """Returns the alphabet of each class, or None if the classes have no alphabets."""
    named = dataset.class_names and all("/" in name for name in dataset.class_names)
    return alphabets_of(dataset.class_names) if named else None


def split_alphabets(
    omniglot: Omniglot, fractions: tuple[float, float, float], seed: int
) -> tuple[Omniglot, Omniglot, Omniglot]:
    """Returns training, validation and test characters, each of alphabets of their own.

    Args:
        omniglot: `Omniglot` of at least three alphabets.
        fractions: (train, val, test) of the alphabets; each part has at least one.
        seed: int, decides the alphabets.

    Raises:
        InputError: there are fewer than three alphabets.
    """
    names = np.random.default_rng(seed).permutation(omniglot.alphabets).tolist()
    if len(names) < 3:
        raise InputError(
            f"Expected at least three alphabets, one each for train, val and test; received "
            f"{', '.join(sorted(names))}."
        )
    val, test = (max(1, round(fraction * len(names))) for fraction in fractions[1:])
    train = max(1, len(names) - val - test)
    val = min(val, len(names) - train - 1)
    return (
        omniglot.of_alphabets(names[:train], "train"),
        omniglot.of_alphabets(names[train:][:val], "val"),
        omniglot.of_alphabets(names[train + val :], "test"),
    )


def load_omniglot(*sources: str | Path, image_size: int = SIDE) -> Omniglot:
    """Loads Omniglot from .zip files, or folders they were unpacked to, in any number.

    An alphabet of one name in several sources is one alphabet. An image that occurs again in the
    same character, byte for byte, is loaded once: the published "small" files share Greek and
    Latin.

    Args:
        *sources: .zip files or folders with `ALPHABET/characterNN/NNNN_DD.png` at any depth.
        image_size: side in pixels. Default 105, as published.

    Returns:
        `Omniglot`.

    Raises:
        InputError: a source is not such a file or folder, or an image cannot be read.
    """
    files = _without_copies(file for source in sources for file in _files(source))
    names = sorted({name for name, _, _ in files})
    numbers = {name: number for number, name in enumerate(names)}
    images = np.stack([_gray(path, image_size) for _, _, path in files])
    labels = np.array([numbers[name] for name, _, _ in files], np.int32)
    source = "+".join(os.fspath(each) for each in sources)
    dataset = ImageDataset(images, labels, tuple(map(printable, names)), source=source)
    return Omniglot(dataset, np.array([drawer for _, drawer, _ in files], np.int32))


def is_omniglot(source: str | Path) -> bool:
    """Returns whether a .zip file or folder has the layout of Omniglot, and no other images."""
    if not os.path.isdir(source):
        if not zipfile.is_zipfile(source):
            return False
        with _opened(source) as archive:
            return bool(_members(archive))
    found = find_image_files(source, [], visited=[source])
    return bool(found) and all(map(_CHARACTER.search, found))


def oriented_classes(dataset: ImageDataset, mirror: bool = True) -> ImageDataset:
    """Returns a dataset in which each class, turned by right angles or mirrored, is a new class.

    Args:
        dataset: labelled `ImageDataset` of an array of square images.
        mirror: bool, whether mirror images are classes too: eight orientations in place of four.

    Returns:
        ImageDataset of so many times the images and classes. The alphabet of "Greek/character01",
        turned by 90 degrees and mirrored, is "Greek@90m".

    Raises:
        InputError: the images are files, or not square.
    """
    if dataset.is_files or dataset.images.shape[1] != dataset.images.shape[2]:
        raise InputError(
            f"Expected an array of square images to turn; received {dataset.source}. Resize them."
        )
    ways = [(turn, flip) for flip in (False, True)[: 1 + mirror] for turn in range(4)]
    images = np.concatenate([_oriented(dataset.images, *way) for way in ways])
    places = np.repeat(np.arange(len(ways)), len(dataset))
    labels = np.tile(dataset.labels, len(ways)) + places * dataset.num_classes
    names = tuple(_oriented_name(name, *way) for way in ways for name in dataset.class_names)
    return dataclasses.replace(
        dataset,
        images=images,
        labels=labels.astype(np.int32),
        class_names=names,
        rows=np.tile(dataset.rows, len(ways)),
    )


def _oriented(images, turn, flip):
    return np.rot90(images[:, :, ::-1] if flip else images, turn, axes=(1, 2))


def _oriented_name(name, turn, flip):
    alphabet, *character = name.split("/")
    mark = f"@{90 * turn}{'m' * flip}" if turn or flip else ""
    return "/".join([alphabet + mark, *character])


def _files(source) -> Iterator[tuple[str, int, str]]:
    """Yields (class name, drawer, image to read) of a source."""
    is_folder = os.path.isdir(source)
    found = find_image_files(source, [], visited=[source]) if is_folder else _stored(source)
    matches = [(_CHARACTER.search(path), path) for path in found]
    matches = [(match, path) for match, path in matches if match]
    if not matches:
        raise InputError(
            f"Expected images as {_LAYOUT}, as in Omniglot; received {printable(source)} without."
        )
    for match, path in matches:
        yield f"{match[1]}/{match[2]}", int(match[3]), path


def _stored(source):
    """Returns the images of a .zip file, whose bytes are read here."""
    with _opened(source) as archive:
        return [_in_memory(source, archive, info) for info in _members(archive)]


def _in_memory(source, archive, info):
    name = f"{source}/{info.filename}"
    if info.file_size > _MOST_BYTES:
        raise ImageReadError(name, f"it declares {info.file_size:,} bytes")
    try:
        content = archive.read(info)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ImageReadError(name, f"the .zip file is damaged there ({error})") from error
    return StoredImage(name, lambda: content)


def _members(archive):
    """Returns the images in the layout of Omniglot, in order."""
    found = (info for info in archive.infolist() if not info.filename.startswith("__MACOSX"))
    wanted = (info for info in found if _CHARACTER.search(info.filename))
    return sorted(wanted, key=lambda info: info.filename)


def _opened(source):
    try:
        return zipfile.ZipFile(source)
    except (OSError, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"Expected a .zip file or a folder of Omniglot; received {printable(source)}: {reason}."
        ) from error


def _without_copies(files):
    seen, kept = set(), []
    for name, drawer, path in sorted(files, key=lambda file: file[:2]):
        key = (name, hashlib.sha256(_content(path)).digest())
        if key not in seen:
            seen.add(key)
            kept.append((name, drawer, path))
    return kept


def _content(path):
    return path.read() if isinstance(path, StoredImage) else Path(path).read_bytes()


def _gray(path, image_size):
    return np.ascontiguousarray(read_resized(path, (image_size, image_size))[..., 0])
