"""Page of `explore`: map, clusters, repeats and outliers of images without labels."""

import dataclasses
from pathlib import Path

import numpy as np

from tl_keras.reports.pages.html import write_page


@dataclasses.dataclass(frozen=True)
class Tile:
    """Image on the page, or two images that are compared.

    Attributes:
        images: one or two images, uint8 (h, w, 3) each.
        paths: path of each image.
        words: a short description, e.g. an outlier score.
    """

    images: tuple[np.ndarray, ...]
    paths: tuple[str, ...]
    words: str = ""


@dataclasses.dataclass(frozen=True)
class Group:
    """Cluster on the page.

    Attributes:
        name: e.g. "Cluster 3".
        colour: "#rrggbb", colour of its frames on the map.
        words: size as text.
        tiles: `Tile`s, the most typical first.
    """

    name: str
    colour: str
    words: str
    tiles: tuple[Tile, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExploreReport:
    """Content of the page.

    Args:
        title: e.g. "What is in holiday".
        number: number of images, as text.
        words: description of that number.
        verdict: sentences on the findings.
        map_image: uint8 (h, w, 3).
        map_words: a sentence that explains the map.
        groups: `Group`s, the largest first.
        groups_words: sentences on the clusters.
        pairs: `Tile`s of two images.
        pairs_words: sentences on the pairs.
        odd: `Tile`s of outliers, in order of falling score.
        odd_words: sentences on the outliers.
        settings: (label, value) pairs.
        commands: command lines for the next steps.
        warnings: sentences.
        files: names of the files beside the page.
        command: command line of this run.
    """

    title: str
    number: str
    words: str
    verdict: tuple[str, ...]
    map_image: np.ndarray
    map_words: str
    groups: tuple[Group, ...]
    groups_words: tuple[str, ...]
    pairs: tuple[Tile, ...]
    pairs_words: tuple[str, ...]
    odd: tuple[Tile, ...]
    odd_words: tuple[str, ...]
    settings: tuple[tuple[str, str], ...]
    commands: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    command: str = ""


def write_explore_page(path, report):
    """Writes the page as one self-contained file, completely or not at all.

    Args:
        path: HTML file to write.
        report: `ExploreReport`.

    Returns:
        Path of the written file.

    Raises:
        InputError: the file cannot be written.
    """
    path = Path(path)
    write_page(path, "explore.html.j2", report=report)
    return path
