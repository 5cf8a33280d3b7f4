"""Packs the images of any source into shards."""

import collections
import hashlib
import os
import re
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tl_keras.checks import InputError, check_number
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.images import (
    ImageReadError,
    StoredImage,
    decoding_threads,
    printable,
    read_checked,
)
from tl_keras.data.inspection.checking import Inspection, refuse_bad
from tl_keras.data.inspection.fingerprints import content_hash
from tl_keras.data.shards.layout import ENTRY, INDEX, MANIFEST, NAMES, NO_LABEL, VERSION, digest
from tl_keras.files import replacing, write_json
from tl_keras.progress import track

_AT_ONCE = 64  # images; a task of its own for each would cost more than a small image
_UNFINISHED = rf"shard-\d{{5}}\.tfrecord|{re.escape(INDEX)}|{re.escape(NAMES)}|\.part-.*"
_HEAD, _FOOT = 12, 4  # bytes of a TFRecord before and after its data


class Packed(NamedTuple):
    """Result of `write_shards`.

    Attributes:
        images: number of images written.
        shards: number of shards.
        bytes: their size.
        bad: (path, reason) of each image that was left out.
    """

    images: int
    shards: int
    bytes: int
    bad: tuple[tuple[str, str], ...]


class _Packed(NamedTuple):
    """One image as it is written; with a reason it cannot be read."""

    name: str
    label: int
    data: bytes = b""
    content: bytes = b""
    gray: bool = False
    reason: str = ""


def write_shards(
    parts: dict[str, ImageDataset],
    folder: str | Path,
    *,
    image_size: tuple[int, int] | None = None,
    shard_mb: float = 128,
    seed: int = 0,
    on_bad_image: str = "refuse",
) -> Packed:
    """Writes the images of a source as shards, in a random order, manifest.json last.

    The random order lets a later reader go through the shards one after the other and still see a
    mixture of classes. Files are copied byte by byte. Arrays, and files with an `image_size`, are
    stored as pixels, which are read many times faster and take more room than a JPEG.

    Args:
        parts: {split name: `ImageDataset`}.
        folder: new or empty folder on a local disk; one that a killed packing left, without a
            manifest, is begun anew.
        image_size: (height, width) to which files are resized; None for the files as they are.
        shard_mb: megabytes after which a new shard begins. Default 128.
        seed: of the order. Default 0.
        on_bad_image: "refuse" images that cannot be read with an error, or "skip" them.

    Returns:
        `Packed`.

    Raises:
        InputError: the folder is not empty or cannot be written, or an image cannot be read.
    """
    check_number("shard_mb", shard_mb, above=0)
    folder = _new_folder(folder)
    first = next(iter(parts.values()))
    shape = (*image_size, 3) if image_size else None
    if not first.is_files:
        shape = (*first.images.shape[1:3], 1 if first.is_grayscale else 3)
    bad, splits = [], {}
    with _Writer(folder, first.class_names, shard_mb * 1e6) as writer:
        for split, part in parts.items():
            before = len(writer)
            images = _images(part, image_size, seed)
            for image in track(images, f"Packing {split} images", len(part)):
                if image.reason:
                    bad.append((image.name, image.reason))
                else:
                    writer.add(image)
            splits[split] = len(writer) - before
        if on_bad_image == "refuse":
            refuse_bad(Inspection(tuple(bad)))
        return writer.finish(splits, shape, tuple(bad))


def _new_folder(folder):
    folder = Path(folder)
    there = list(folder.iterdir()) if folder.is_dir() else []
    if folder.is_file() or not all(map(_is_unfinished, there)):
        raise InputError(
            f"Expected a new or empty folder for the shards; received {printable(folder)}, which "
            "holds files. Choose another --out."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in there:
            path.unlink()
    except OSError as error:
        raise InputError(
            f"Expected to be able to write {printable(folder)}; received {error.strerror}. "
            "Choose another --out."
        ) from error
    return folder


def _is_unfinished(path):
    """Tells whether a file may be left of a packing that was refused or killed."""
    return path.is_file() and re.fullmatch(_UNFINISHED, path.name) is not None


def _images(part, image_size, seed) -> Iterator[_Packed]:
    """The images of a part in a random order, decoded by all processors."""
    order = np.random.default_rng([seed, 4]).permutation(len(part))
    look = _of_file if part.is_files else _of_array

    def look_at(start):
        rows = order[start : start + _AT_ONCE]
        return [look(part, int(row), image_size) for row in rows]

    threads = decoding_threads(part.images) if part.is_files else 1
    starts = range(0, len(order), _AT_ONCE)
    if threads == 1:  # this one, with nothing to hand over
        for start in starts:
            yield from look_at(start)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting = collections.deque()
        for start in starts:
            waiting.append(pool.submit(look_at, start))
            if len(waiting) > 2 * threads:  # not all images at once
                yield from waiting.popleft().result()
        for done in waiting:
            yield from done.result()


def _name(part, row):
    if not part.is_files:
        return str(part.rows[row])
    path, folder = part.images[row], f"{part.source}{os.sep}"
    # `os.path.relpath` takes as long as decoding a small image.
    return path[len(folder) :] if path.startswith(folder) else os.path.relpath(path, part.source)


def _of_file(part, row, image_size):
    path, label = part.images[row], _label(part, row)
    try:
        data = _file_content(path)
        image = StoredImage(path, lambda: data)
        checked = read_checked(image, image_size)
    except ImageReadError as error:
        return _Packed(path, label, reason=error.reason)
    pixels = checked.image if image_size is None else checked.resized
    data = data if image_size is None else pixels.tobytes()
    return _Packed(_name(part, row), label, data, content_hash(pixels), checked.gray)


def _file_content(path):
    if isinstance(path, StoredImage):
        return path.read()
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise ImageReadError(path, error.strerror) from error


def _of_array(part, row, image_size):
    pixels = part.load(row)
    data = pixels[..., :1] if part.is_grayscale else pixels
    hashed = content_hash(pixels)
    return _Packed(_name(part, row), _label(part, row), data.tobytes(), hashed, part.is_grayscale)


def _label(part, row):
    return NO_LABEL if part.labels is None else int(part.labels[row])


class _Writer:
    """Writes one shard after the other, and their index."""

    def __init__(self, folder, class_names, shard_bytes):
        self.folder, self.class_names, self.shard_bytes = folder, class_names, shard_bytes
        self.shards, self.gray = [], True
        self._entries, self._names, self._count = bytearray(), bytearray(), 0
        self._open = None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self._open is not None:
            self._open.leave(*error)

    def __len__(self):
        return self._count

    def add(self, image):
        name = os.fsencode(image.name)
        record = _example(image, name, self.class_names)
        if self._open is None or self._open.size + len(record) > self.shard_bytes:
            self._close()
            self._open = _Shard(self.folder / f"shard-{len(self.shards):05d}.tfrecord")
        start = self._open.write(record) + record.find(image.data)
        entry = (
            len(self.shards),
            start,
            len(image.data),
            zlib.crc32(image.data),
            image.label,
            len(name),
            image.content,
        )
        self._entries += np.array(entry, ENTRY).tobytes()
        self._names += name
        self.gray &= image.gray
        self._count += 1

    def _close(self):
        if self._open is not None:
            self.shards.append(self._open.close())
            self._open = None

    def finish(self, splits, shape, bad):
        self._close()
        index = np.frombuffer(bytes(self._entries), ENTRY)
        with replacing(self.folder / INDEX) as temporary, open(temporary, "wb") as file:
            np.save(file, index)
        with replacing(self.folder / NAMES) as temporary:
            temporary.write_bytes(self._names)
        files = {name: (self.folder / name).read_bytes() for name in (INDEX, NAMES)}
        manifest = {
            "version": VERSION,
            "splits": splits,
            "shards": self.shards,
            "class_names": list(self.class_names),
            "image_shape": shape,
            "grayscale": self.gray,
            "checksums": {name: digest(content) for name, content in files.items()},
        }
        write_json(self.folder / MANIFEST, manifest)
        return Packed(len(self), len(self.shards), sum(s["bytes"] for s in self.shards), bad)


class _Shard:
    """One TFRecord file, whole or not at all."""

    def __init__(self, path):
        self.path, self.size, self.images = path, 0, 0
        self._replacing = replacing(path)
        self._temporary = self._replacing.__enter__()
        self._file = tf.io.TFRecordWriter(str(self._temporary))

    def write(self, record):
        """Writes a record and returns the place of its first byte."""
        self._file.write(record)
        start = self.size + _HEAD
        self.size = start + len(record) + _FOOT
        self.images += 1
        return start

    def close(self):
        """Closes the shard and returns its entry in the manifest."""
        self.leave(None, None, None)
        with open(self.path, "rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
        return {
            "file": self.path.name,
            "images": self.images,
            "bytes": self.size,
            "sha256": checksum,
        }

    def leave(self, *error):
        """Closes the file; after an error nothing of it stays."""
        self._file.close()
        self._replacing.__exit__(*error)


def _example(image, name, class_names):
    features = {"image": _bytes(image.data), "name": _bytes(name)}
    if image.label != NO_LABEL:
        features["label"] = tf.train.Feature(int64_list=tf.train.Int64List(value=[image.label]))
        features["class"] = _bytes(os.fsencode(class_names[image.label]))
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def _bytes(value):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
