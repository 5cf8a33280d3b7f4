"""Heatmaps of predictions, one image file each, in a folder beside the table."""

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import keras
import numpy as np
from PIL import Image

from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.images import ImageReadError
from tl_keras.evaluation.classifiers.grad_cam import GradCAM
from tl_keras.files import PART
from tl_keras.jobs.output_files import check_writable
from tl_keras.reports.figures.heatmap_overlay import draw_overlay

_OURS = re.compile(r"\d{6,}-[A-Za-z0-9._-]*\.jpg")
_LONGEST = 60  # letters of a file's name that are kept
_QUALITY = 90  # of JPEG


class HeatmapFiles:
    """Writer of heatmaps of the predicted class, numbered by their rows in the table.

    Args:
        model: classifier with a feature map.
        folder: existing folder.
    """

    def __init__(self, model: keras.Model, folder: Path) -> None:
        self.explain = GradCAM(model)
        self.folder, self.written = folder, 0

    def write(
        self,
        images: ImageDataset,
        start: int,
        batch: np.ndarray,
        classes: np.ndarray,
        found: Sequence[tuple[str, str]],
    ) -> list[str]:
        """Writes the heatmaps of a batch and returns the names of their files, "" without one.

        Args:
            images: the images that the batch is part of.
            start: its first row among them.
            batch: float32 (b, h, w, c), as the model takes them.
            classes: ints (b,).
            found: path of each image, and why it could not be read, "" if it could.
        """
        heat = self.explain(batch, classes, batch_size=len(batch))
        return [
            "" if error else self._write(images, start + place, batch[place], heat[place])
            for place, (_, error) in enumerate(found)
        ]

    def _write(self, images, row, pixels, heat):
        self.written += 1
        name = f"{self.written:06d}-{_safe(images.ids[row])}.jpg"
        try:
            image = images.load(row)  # in its own proportions
        except ImageReadError:  # it was there a moment ago
            image = pixels.astype(np.uint8)
        drawn = Image.fromarray(draw_overlay(image, heat))
        drawn.save(self.folder / name, "JPEG", quality=_QUALITY)
        return name


def heatmap_folder(table: str | Path) -> Path:
    """Returns the folder for the heatmaps of a table: its name with "-heatmaps"."""
    return Path(table).with_name(f"{Path(table).stem}-heatmaps")


def check_heatmap_folder(folder: Path) -> None:
    """Refuses a folder that cannot be made, or with files that are no heatmaps."""
    if not folder.exists():
        check_writable(folder)
        return
    names = os.listdir(folder) if folder.is_dir() else [folder.name]
    others = [name for name in names if not _OURS.fullmatch(name)]
    if others:
        raise InputError(
            f"Expected {folder} to be a new folder, or one of heatmaps; received one with "
            f"{others[0]!r:.80}. Nothing was changed. Remove it or choose another --out."
        )


@contextlib.contextmanager
def heatmap_files(model: keras.Model, folder: Path) -> Iterator[HeatmapFiles]:
    """Yields a `HeatmapFiles` whose files come to `folder` together, if the block succeeds.

    Raises:
        InputError: the model has no feature map, or a file cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=PART) as temporary:
            part = Path(temporary) / folder.name
            part.mkdir()
            yield HeatmapFiles(model, part)
            if folder.exists():
                folder.replace(Path(temporary) / "before")
            part.replace(folder)
    except OSError as error:
        raise InputError(
            f"Expected to be able to write {folder}; received {error.strerror or error}. What "
            "stood there before is unchanged. Free some space or choose another folder."
        ) from error


def _safe(path):
    """Returns the last part of a path in letters that any file system takes."""
    stem = re.split(r"[/\\]", path)[-1].rsplit(".", 1)[0]
    return re.sub(r"[^A-Za-z0-9._-]+", "_", stem)[:_LONGEST]
