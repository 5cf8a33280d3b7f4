"""A dataset of images, from files or from an array, with or without labels."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tl_keras.data.array_checks import check_images, check_labels
from tl_keras.data.array_store import allocate, in_bytes, lend, place_for, put_row, release_pages
from tl_keras.data.decoded_files import DecodedFiles
from tl_keras.data.images import (
    check_image_size,
    is_gray_file,
    read_image,
    read_resized,
    resize_image,
)
from tl_keras.data.sounds.sound_images import Sounds, sounds_of
from tl_keras.progress import say, track


@dataclass(frozen=True, eq=False)
class ImageDataset:
    """Images of one split, RGB 0-255, with optional labels.

    Attributes:
        images: paths, or a uint8 array (n, h, w), (n, h, w, 1) or (n, h, w, 3), 0-255; or images
            in shards, `data.shards.reading.ShardedFiles` or `ShardedPixels`, in their place. Paths
            of sounds are `data.sounds.sound_images.SoundImage`s, whose images are spectrograms.
        labels: int32 (n,), or None.
        class_names: name of each label; () without labels.
        split: "train", "val", "test" or "all".
        source: path or name given by the user, e.g. "digits".
        rows: int64 (n,), row of each image in the user's array; None for paths.
        files: `DecodedFiles` decoded during the check, possibly including those of this dataset, or
            None.
        sounds: settings of the spectrograms if the images are sounds; None if they are not.
        groups: int64 (n,), images of the same number are kept in one split; None without groups.
    """

    images: Any = field(repr=False)
    labels: np.ndarray | None = field(default=None, repr=False)
    class_names: tuple[str, ...] = ()
    split: str = "all"
    source: str = "array"
    rows: np.ndarray | None = field(default=None, repr=False)
    files: DecodedFiles | None = field(default=None, repr=False)
    sounds: Sounds | None = field(default=None, repr=False)
    groups: np.ndarray | None = field(default=None, repr=False)
    _decoded: dict = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self):
        if self.rows is None and not self.is_files:
            rows = self.images.rows if self.in_shards else np.arange(len(self.images))
            object.__setattr__(self, "rows", rows)
        if self.groups is not None and len(self.groups) != len(self.images):
            raise ValueError(f"{len(self.groups)} groups of {len(self.images)} images")
        if self.sounds is None:
            object.__setattr__(self, "sounds", sounds_of(self.images))

    @classmethod
    def from_arrays(
        cls,
        x: Any,
        y: Any = None,
        *,
        class_names: Sequence | None = None,
        split: str = "all",
        source: str = "array",
    ) -> "ImageDataset":
        """Builds a dataset from arrays after checking them.

        Args:
            x: (n, h, w), (n, h, w, 1) or (n, h, w, 3), pixels 0-255; floats are rounded.
            y: class numbers (n,) or (n, 1), one-hot (n, num_classes), or None.
            class_names: names of the classes. Defaults to "0", "1", ... up to the highest label.
            split: "train", "val", "test" or "all".
            source: name of the array in ids and messages.

        Returns:
            ImageDataset.

        Raises:
            InputError: pixels or labels are invalid.
        """
        images = check_images(x, f"{source} x")
        if y is None:
            return cls(images, split=split, source=source)
        labels = check_labels(y, len(images), class_names=class_names, name=f"{source} y")
        names = range(labels.max() + 1) if class_names is None else class_names
        return cls(images, labels, tuple(str(name) for name in names), split, source)

    def __len__(self):
        return len(self.images)

    @property
    def is_files(self) -> bool:
        """True if the images are files of any size, False if they are an array."""
        return not hasattr(self.images, "shape")

    @property
    def in_shards(self) -> bool:
        """True if the images lie in shards, from which they are read when they are needed."""
        return hasattr(self.images, "store")

    @property
    def has_paths(self) -> bool:
        """True if each image is a file of its own on the disk."""
        return self.is_files and not self.in_shards

    @property
    def block(self) -> int | None:
        """Number of neighbours that are read together; None if any image is read by itself."""
        return self.images.store.block if self.in_shards else None

    @property
    def num_classes(self) -> int:
        """Number of classes; 0 without labels."""
        return len(self.class_names)

    @property
    def ids(self) -> Sequence[str]:
        """Identifier of each image in reports: its path, or "source[row]"."""
        if self.in_shards:
            return self.images.paths
        if not isinstance(self.images, np.ndarray):
            return self.images
        return tuple(f"{self.source}[{row}]" for row in self.rows)

    @cached_property
    def is_grayscale(self) -> bool:
        """True if no image has colour channels; for files, according to their headers."""
        if self.in_shards:
            return self.images.store.grayscale
        if self.sounds:
            return True
        if self.is_files:
            return all(is_gray_file(path) for path in self.images)
        return self.images.ndim == 3 or self.images.shape[-1] == 1

    def class_counts(self) -> dict[str, int]:
        """Returns {class name: number of images}; {} without labels."""
        if self.labels is None:
            return {}
        counts = np.bincount(self.labels, minlength=self.num_classes)
        return {name: int(count) for name, count in zip(self.class_names, counts, strict=True)}

    def subset(
        self, indices: Sequence[int] | np.ndarray, split: str | None = None
    ) -> "ImageDataset":
        """Returns a dataset of the images at `indices`, int (m,), in that order."""
        indices = np.asarray(indices, dtype=np.int64)
        rows = None if self.is_files else self.rows[indices]
        if self.in_shards:
            images = self.images.subset(indices)
        elif self.is_files:
            images = tuple(self.images[i] for i in indices)
        else:
            images = self.images[indices]
        labels = None if self.labels is None else self.labels[indices]
        groups = None if self.groups is None else self.groups[indices]
        split = split or self.split
        return replace(self, images=images, labels=labels, split=split, rows=rows, groups=groups)

    def load(self, index: int) -> np.ndarray:
        """Returns one image in its original size, uint8 (h, w, 3), 0-255.

        Raises:
            ImageReadError: the file cannot be read.
        """
        return read_image(self.images[index]) if self.is_files else _as_rgb(self.images[index])

    def decoded(self, image_size: tuple[int, int], store: str = "auto") -> np.ndarray:
        """Returns all images in one size, computed by the first call and then reused.

        They are computed again if other arrays needed their room, see `data.array_store.need_room`.

        Args:
            image_size: (height, width).
            store: "memory", "disk" or "auto" (disk if there is no room in memory), see
                `data.array_store.allocate`.

        Returns:
            uint8 array (n, height, width, 3), 0-255, read-only.

        Raises:
            ImageReadError: a file can no longer be read.
            InputError: the temporary file does not fit on the disk.
        """
        image_size = check_image_size(image_size)
        if image_size not in self._decoded:
            images = self._decode(image_size, store)
            images.flags.writeable = False
            self._decoded[image_size] = images
        return self._decoded[image_size]

    def give_up(self) -> None:
        """Frees the room of the images in other sizes than their own."""
        self._decoded.clear()

    def rows_of(
        self, image_size: tuple[int, int], store: str = "auto"
    ) -> Callable[[np.ndarray], np.ndarray]:
        """Returns a function from indices int (b,) to images in one size, uint8 (b, h, w, 3).

        The images come from `decoded`. If there is no room for them, each call decodes the files
        or resizes the images. Images in shards are always read again.

        Args:
            image_size, store: see `decoded`.
        """
        image_size = check_image_size(image_size)
        if self.in_shards:
            return self._read_again(image_size)
        size = len(self) * image_size[0] * image_size[1] * 3
        kept = image_size in self._decoded or self._has_size(image_size)
        shared = None if kept or not self.is_files else self._rows_in_files(image_size)
        if shared is not None:
            shared_images = self.files.images
            return lambda indices: _taken(shared_images, shared[indices])
        if kept or place_for(size, store) is not None:
            images = self.decoded(image_size, store)
            return lambda indices: _taken(images, indices)
        again = "decodes their files" if self.is_files else "resizes them"
        say(
            f"No room for {in_bytes(size)} of decoded {self.split} images: each access "
            f"{again} again."
        )
        return self._read_again(image_size)

    def _read_again(self, image_size):
        """Returns a function that reads and resizes the images at indices."""
        if not self.is_files and self.images.shape[1:3] == image_size:
            return lambda indices: _with_channels(self.images.take(indices))
        return lambda indices: np.stack([self.resized(row, image_size) for row in indices])

    def _has_size(self, image_size):
        """Tells whether the images are an array of that size, which is not resized."""
        return isinstance(self.images, np.ndarray) and self.images.shape[1:3] == image_size

    def _rows_in_files(self, image_size):
        """Returns the rows of these images in `files`, or None if one is missing in that size."""
        return self.files and self.files.rows_for(self.images, image_size)

    def resized(self, index: int, image_size: tuple[int, int]) -> np.ndarray:
        """Returns one image at a size, uint8 (*image_size, 3), 0-255.

        Raises:
            ImageReadError: the file cannot be read.
        """
        if self.is_files:
            return read_resized(self.images[index], image_size)
        return _with_channels(resize_image(self.images[index], image_size))

    def pipeline(
        self,
        batch_size: int,
        *,
        image_size: tuple[int, int],
        training: bool = False,
        seed: int = 0,
        augment: str = "none",
        channels: int = 3,
    ) -> "tf.data.Dataset":
        """Returns the images in batches for `fit`, `evaluate` or `predict`.

        See `data.pipelines.batches.build_pipeline`, which takes the same arguments and more.
        """
        from tl_keras.data.pipelines.batches import build_pipeline  # loads TensorFlow

        return build_pipeline(
            self,
            batch_size,
            image_size=image_size,
            training=training,
            seed=seed,
            augment=augment,
            channels=channels,
        )

    def _decode(self, image_size, store):
        shape = (len(self), *image_size, 3)
        if self._has_size(image_size):
            # A view: grey is repeated without using memory.
            return np.broadcast_to(_as_channels(self.images), shape)
        images = allocate(shape, np.uint8, store)
        lend(self)
        shared = self._rows_in_files(image_size) if self.is_files else None

        def fill(index):
            if shared is None:
                image = self.resized(index, image_size)
            else:
                image = _taken(self.files.images, shared[index])
            put_row(images, index, image)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            done = pool.map(fill, range(len(self)))
            for _ in track(done, f"Decoding {self.split} images", total=len(self)):
                pass
        return images


class Splits(NamedTuple):
    """Training, validation and test sets, with the result of checking their images."""

    train: ImageDataset
    val: ImageDataset | None
    test: ImageDataset | None
    inspection: object = None


def _taken(images, indices):
    rows = np.array(images[indices])
    release_pages(images)
    return rows


def _as_channels(images):
    """Appends a channel axis to (..., h, w); an array whose last axis is 1 or 3 stays unchanged."""
    return images if images.shape[-1] in (1, 3) and images.ndim == 4 else images[..., None]


def _with_channels(images):
    """Repeats the only channel of (..., h, w, 1) three times."""
    return images if images.shape[-1] == 3 else np.repeat(images, 3, axis=-1)


def concatenated(images: Sequence[Any]) -> Any:
    """Joins the `images` of several datasets: all files, or all arrays of one shape."""
    first = images[0]
    stores = [getattr(each, "store", None) for each in images]
    if stores[0] is not None and all(store is stores[0] for store in stores):
        return first.join(images[1:])
    if hasattr(first, "shape"):
        return np.concatenate([np.asarray(each) for each in images])
    return tuple(path for each in images for path in each)


def _as_rgb(image):
    image = image if image.ndim == 3 else image[..., None]
    return np.ascontiguousarray(np.broadcast_to(image, (*image.shape[:2], 3)))
