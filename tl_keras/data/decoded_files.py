"""Image files in the input size of a model, decoded while they are checked."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tl_keras.data.array_store import allocate, lend, place_for


@dataclass(frozen=True, eq=False)
class DecodedFiles:
    """Decoded images of files in one size, until other arrays need their room.

    Attributes:
        images: uint8 (n, height, width, 3), 0-255, in memory or on disk.
        rows: {path: row}.
    """

    images: np.ndarray
    rows: dict[str, int]

    @classmethod
    def with_room(cls, paths: Sequence[str], image_size: tuple[int, int]) -> "DecodedFiles | None":
        """Returns an empty instance to be filled, or None if there is no room for it.

        Args:
            paths: paths of the files.
            image_size: (height, width); None returns None.
        """
        if image_size is None:
            return None
        shape = (len(paths), *image_size, 3)
        if place_for(math.prod(shape)) is None:
            return None
        found = cls(allocate(shape, np.uint8), {path: row for row, path in enumerate(paths)})
        lend(found)
        return found

    def give_up(self) -> None:
        """Frees the room; none of the files is there any more."""
        self.rows.clear()
        object.__setattr__(self, "images", np.empty((0, *self.images.shape[1:]), np.uint8))

    def rows_for(self, paths: Sequence[str], image_size: tuple[int, int]) -> np.ndarray | None:
        """Returns the rows of some files, int64 (m,), or None if one is missing in that size."""
        if self.images.shape[1:3] != image_size or not all(path in self.rows for path in paths):
            return None
        return np.array([self.rows[path] for path in paths], np.int64)
