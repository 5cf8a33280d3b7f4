"""Images without labels beside labelled ones, in one dataset."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from tl_keras.data.conversion import as_image_dataset
from tl_keras.data.dataset import ImageDataset, concatenated
from tl_keras.data.inspection.fingerprints import content_of
from tl_keras.progress import track

NO_LABEL = -1


def as_unlabelled(data: Any) -> ImageDataset:
    """Returns `data` as an `ImageDataset` whose labels, if any, are ignored.

    Args:
        data: array of images (n, h, w), (n, h, w, 1) or (n, h, w, 3), 0-255, or any input of
            `as_image_dataset`.

    Raises:
        InputError: `data` is anything else.
    """
    if isinstance(data, np.ndarray):
        return ImageDataset.from_arrays(data, split="all", source="unlabelled")
    return as_image_dataset(data, split="all")


def drop_held_out(unlabelled: ImageDataset, held_out: Sequence[ImageDataset]) -> ImageDataset:
    """Removes unlabelled images that are, pixel by pixel, among those held out.

    The storage does not matter: a file equals the array row from which it was written. Memory holds
    one image per thread, and 16 bytes per held-out image.

    Args:
        unlabelled: `ImageDataset`.
        held_out: `ImageDataset`s used for evaluation.

    Returns:
        `ImageDataset`; the same object if nothing is removed.
    """
    known = {content for dataset in held_out for content in _contents(dataset)}
    contents = track(_contents(unlabelled), "Comparing with val and test", len(unlabelled))
    kept = [row for row, content in enumerate(contents) if content not in known]
    return unlabelled if len(kept) == len(unlabelled) else unlabelled.subset(kept)


def _contents(dataset):
    """Returns the content hash of each image as RGB, in order."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(lambda row: content_of(dataset, row), range(len(dataset)))


def join_unlabelled(
    labelled: ImageDataset, unlabelled: ImageDataset, image_size: tuple[int, int]
) -> ImageDataset:
    """Returns one dataset of the labelled images followed by the unlabelled ones.

    Files stay files, and arrays of one shape stay arrays. Otherwise the images are decoded first.

    Args:
        labelled, unlabelled: `ImageDataset`s.
        image_size: (height, width) to decode to if needed.

    Returns:
        `ImageDataset` with the label `NO_LABEL` for each unlabelled image. `class_counts` ignores
        this label: the dataset is for training.
    """
    parts = (labelled, unlabelled)
    if _shape(labelled) == _shape(unlabelled):
        images = concatenated([part.images for part in parts])
    else:
        images = np.concatenate([part.decoded(image_size) for part in parts])
    labels = np.full(len(unlabelled), NO_LABEL, np.int32)
    return ImageDataset(
        images,
        np.concatenate([labelled.labels, labels]),
        labelled.class_names,
        labelled.split,
        labelled.source,
    )


def _shape(dataset):
    """Returns the shape of one image, or None for files."""
    return None if dataset.is_files else dataset.images.shape[1:]
