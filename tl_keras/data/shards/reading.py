"""Images of a shard folder, read in blocks of neighbours and only when they are needed."""

import collections
import functools
import hashlib
import io
import os
import threading
import zlib
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.images import StoredImage, printable
from tl_keras.data.shards.layout import (
    ENTRY,
    INDEX,
    NAMES,
    digest,
    join,
    read_bytes,
    read_manifest,
)
from tl_keras.progress import track

BLOCK_BYTES = 2**20
_KEPT_BLOCKS = 32  # enough for three shuffling windows, see `data.pipelines.batches`


def read_shards(folder: str) -> dict[str, ImageDataset]:
    """Returns the splits of a shard folder, {split name: `ImageDataset`}.

    Args:
        folder: path of the folder, or its URL in any file system of TensorFlow.

    Raises:
        InputError: a file is missing or damaged.
    """
    store = ShardStore(folder)
    kind = ShardedFiles if store.image_shape is None else ShardedPixels
    parts, end = {}, 0
    for split, count in store.splits.items():
        rows, end = np.arange(end, end + count), end + count
        labels = store.index["label"][rows].astype(np.int32)
        labelled = len(store.class_names) > 0
        parts[split] = ImageDataset(
            kind(store, rows),
            labels if labelled else None,
            store.class_names if labelled else (),
            split,
            folder,
        )
    return parts


class ShardStore:
    """A shard folder: its index in memory, 44 bytes and a name per image, and a few read blocks.

    Attributes:
        folder: path or URL.
        index: array of `layout.ENTRY`, one entry per image.
        class_names, splits, image_shape, grayscale: as in the manifest.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        manifest = read_manifest(folder)
        self.class_names = tuple(manifest["class_names"])
        self.splits = manifest["splits"]
        self.image_shape = manifest["image_shape"] and tuple(manifest["image_shape"])
        self.grayscale = manifest["grayscale"]
        self._shards = manifest["shards"]
        self._files = [join(folder, shard["file"]) for shard in self._shards]
        self._check_sizes()
        index, self._names = (self._checked(manifest, name) for name in (INDEX, NAMES))
        self.index = np.load(io.BytesIO(index), allow_pickle=False)
        if self.index.dtype != ENTRY or sum(self.splits.values()) != len(self.index):
            raise InputError(
                f"Expected the index of {sum(self.splits.values())} images in "
                f"{printable(folder)}; received another one. Run `tl-keras shard` again."
            )
        self._name_ends = np.cumsum(self.index["name"], dtype=np.int64)
        self._firsts = _first_rows(self.index)
        self._kept, self._lock = collections.OrderedDict(), threading.Lock()

    @property
    def block(self) -> int:
        """Typical number of images in a block."""
        return max(1, -(-len(self.index) // max(1, len(self._firsts))))

    def _checked(self, manifest, name):
        content = read_bytes(join(self.folder, name))
        if digest(content) != manifest["checksums"].get(name):
            raise InputError(
                f"Expected {printable(join(self.folder, name))} as its manifest says; received "
                "another content. Copy the shard folder again."
            )
        return content

    def _check_sizes(self):
        """Refuses shards that are missing or cut off, before any image is read."""
        for path, shard in zip(self._files, self._shards, strict=True):
            try:
                size = tf.io.gfile.stat(path).length
            except tf.errors.OpError:
                size = None
            if size != shard["bytes"]:
                raise InputError(
                    f"Expected the shard {printable(path)} with {shard['bytes']} bytes; received "
                    f"{'none' if size is None else f'one with {size}'}. Copy it again."
                )

    def verify(self) -> None:
        """Reads all shards and compares them with their checksums.

        Raises:
            InputError: a shard is damaged.
        """
        for path, shard in zip(self._files, track(self._shards, "Verifying shards"), strict=True):
            found = hashlib.sha256()
            for start in range(0, shard["bytes"], BLOCK_BYTES):
                found.update(read_bytes(path, start, BLOCK_BYTES))
            if found.hexdigest() != shard["sha256"]:
                raise InputError(
                    f"Expected the shard {printable(path)} as its manifest says; received damaged "
                    "bytes. Copy it again."
                )

    def name(self, row: int) -> str:
        """Returns the name of an image in the source that was packed."""
        end = self._name_ends[row]
        return os.fsdecode(self._names[end - self.index["name"][row] : end])

    def read(self, rows: np.ndarray) -> list[memoryview]:
        """Returns the bytes of images, in the order of `rows`.

        Raises:
            InputError: a shard is missing or damaged; the message names it and the image.
        """
        blocks = np.searchsorted(self._firsts, rows, "right") - 1
        read = {block: self._block(block) for block in np.unique(blocks)}
        return [self._image(row, *read[block]) for row, block in zip(rows, blocks, strict=True)]

    def _image(self, row, start, data):
        entry = self.index[row]
        begin = int(entry["start"]) - start
        image = data[begin : begin + int(entry["size"])]
        if zlib.crc32(image) != entry["crc"]:
            raise InputError(
                f"Expected the image {printable(self.name(row))} of shard "
                f"{printable(self._files[entry['shard']])} as it was written; received damaged "
                "bytes. Copy the shard again."
            )
        return image

    def _block(self, block):
        """(place of its first byte in the shard, its bytes), read again only if long unused."""
        with self._lock:
            if block not in self._kept:
                self._kept[block] = self._read_block(block)
                if len(self._kept) > _KEPT_BLOCKS:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(block)
            return self._kept[block]

    def _read_block(self, block):
        first = self._firsts[block]
        end = self._firsts[block + 1] if block + 1 < len(self._firsts) else len(self.index)
        entries = self.index[[first, end - 1]]
        shard, start = entries["shard"][0], int(entries["start"][0])
        size = int(entries["start"][1] + entries["size"][1]) - start
        data = read_bytes(self._files[shard], start, size)
        if len(data) < size:
            raise InputError(
                f"Expected {printable(self._files[shard])} in its whole length; received one that "
                "is cut off. Copy it again."
            )
        return start, memoryview(data)


def _first_rows(index):
    """First row of each block: neighbours of one shard, about `BLOCK_BYTES` together."""
    starts = np.flatnonzero(np.diff(index["shard"], prepend=-1))
    size = max(1, int(index["size"].mean())) if len(index) else 1
    step = max(1, BLOCK_BYTES // size)
    ends = [*starts[1:], len(index)]
    return np.concatenate(
        [np.arange(a, b, step) for a, b in zip(starts, ends, strict=True)] or [[0]]
    ).astype(np.int64)


class ShardedNames(Sequence):
    """Folder and name of each of some images, put together when they are asked for."""

    def __init__(self, images: "ShardedImages") -> None:
        self._images = images

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> str:
        return self._images.path(index)


class ShardedImages(Sequence):
    """Some of the images of a shard folder.

    Attributes:
        store: `ShardStore`.
        rows: int64 (n,), places in the index of the store.
    """

    def __init__(self, store: ShardStore, rows: np.ndarray) -> None:
        self.store, self.rows = store, rows

    def __len__(self) -> int:
        return len(self.rows)

    def subset(self, indices: np.ndarray) -> "ShardedImages":
        """Returns the images at `indices`."""
        return type(self)(self.store, self.rows[indices])

    def join(self, others: Sequence["ShardedImages"]) -> "ShardedImages":
        """Returns these images followed by others of the same store."""
        return type(self)(self.store, np.concatenate([self.rows, *(o.rows for o in others)]))

    @property
    def contents(self) -> np.ndarray:
        """Content hash of each image, (n,) of 16 bytes."""
        return self.store.index["content"][self.rows]

    @property
    def paths(self) -> ShardedNames:
        """Folder and name of each image."""
        return ShardedNames(self)

    @property
    def names(self) -> Iterator[str]:
        """Names of the images below their source."""
        return map(self.store.name, self.rows)

    def path(self, index: int) -> str:
        """Returns the folder and the name of an image."""
        return join(self.store.folder, self.store.name(self.rows[index]))


class ShardedFiles(ShardedImages):
    """Images stored as the files that they were; each item is a `StoredImage`."""

    def __getitem__(self, index):
        read = functools.partial(self._bytes, self.rows[index])
        return StoredImage(self.path(index), read)

    def _bytes(self, row):
        return self.store.read(np.array([row]))[0]


class ShardedPixels(ShardedImages):
    """Images of one size stored as pixels; each item is an array uint8 (height, width, channels).

    Attributes:
        shape: (n, height, width, channels).
    """

    ndim = 4

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self), *self.store.image_shape)

    def __getitem__(self, index):
        return self.take(np.array([index]))[0]

    def take(self, indices: np.ndarray) -> np.ndarray:
        """Returns the images at `indices`, uint8 (b, height, width, channels)."""
        rows, images = self.rows[indices], np.empty((len(indices), *self.shape[1:]), np.uint8)
        for image, data in zip(images, self.store.read(rows), strict=True):
            image[...] = np.frombuffer(data, np.uint8).reshape(image.shape)
        return images
