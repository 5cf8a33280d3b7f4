"""The images that are checked, with their names, contents and splits."""

import dataclasses

import numpy as np

from tl_keras.data.dataset import ImageDataset
from tl_keras.data.fixes.fixes_file import Fix
from tl_keras.data.inspection.checking import Inspection
from tl_keras.data.split_records import contents_of, image_names
from tl_keras.data.splits import joined

_RANKS = ("train", "all", "val", "test")  # a copy is left out of the first of two


@dataclasses.dataclass(frozen=True, eq=False)
class CheckedImages:
    """All readable images of a source as one data set.

    Attributes:
        images: `ImageDataset`.
        splits: split of each image, as the source has it; "all" for none.
        names: path below the source, or row, of each image.
        digests: hash of the content of each image, in hexadecimal digits.
        inspection: `Inspection` with the fingerprints of files.
    """

    images: ImageDataset
    splits: tuple[str, ...]
    names: list[str]
    digests: list[str]
    inspection: Inspection

    @classmethod
    def of(cls, parts: dict[str, ImageDataset], inspection: Inspection) -> "CheckedImages":
        """Joins the parts of a source."""
        images = joined(list(parts.values()))
        splits = tuple(key for key, part in parts.items() for _ in range(len(part)))
        known = {path: mark.content for path, mark in inspection.fingerprints.items()}
        digests = [content.hex() for content in contents_of(images, known)]
        return cls(images, splits, image_names(images), digests, inspection)

    def __len__(self):
        return len(self.images)

    def class_of(self, row: int) -> str:
        """Returns the class of an image."""
        return self.images.class_names[self.images.labels[row]]

    def rank(self, row: int) -> int:
        """Returns 0 for an image of train, the most for one of test."""
        return _RANKS.index(self.splits[row])

    def fix(self, row: int, action: str, reason: str, new: str = "") -> Fix:
        """Returns a correction of an image."""
        return Fix(self.names[row], self.digests[row], action, self.class_of(row), new, reason)

    @property
    def labels(self) -> np.ndarray:
        return self.images.labels
