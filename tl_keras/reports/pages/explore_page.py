"""The page of `explore`: a map, groups, repeats and odd ones of images without labels."""

import dataclasses
from pathlib import Path

import numpy as np

from tl_keras.reports.pages.html import write_page


@dataclasses.dataclass(frozen=True)
class Tile:
    """An image on the page.

    Attributes:
        images: uint8 (h, w, 3) each, one, or two that are compared.
        paths: where each of them is.
        words: a few words on it, e.g. how odd it is.
    """

    images: tuple[np.ndarray, ...]
    paths: tuple[str, ...]
    words: str = ""


@dataclasses.dataclass(frozen=True)
class Group:
    """A cluster on the page.

    Attributes:
        name: e.g. "Cluster 3".
        colour: "#rrggbb", that of its frames on the map.
        words: its size.
        tiles: `Tile`s, the most typical first.
    """

    name: str
    colour: str
    words: str
    tiles: tuple[Tile, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExploreReport:
    """What the page shows.

    Args:
        title: e.g. "What is in holiday".
        number: how many images, as text.
        words: what that number is.
        verdict: sentences on what was found.
        map_image: uint8 (h, w, 3).
        map_words: a sentence on what the map shows.
        groups: `Group`s, the largest first.
        groups_words: sentences on them.
        pairs: `Tile`s of two images.
        pairs_words: sentences on them.
        odd: `Tile`s, the oddest first.
        odd_words: sentences on them.
        settings: (label, value) pairs.
        commands: command lines that go on from here.
        warnings: sentences.
        files: names of the files beside the page.
        command: the command line that was run.
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
    """Writes the page, one self-contained file, whole or not at all.

    Args:
        path: HTML file to write.
        report: `ExploreReport`.

    Returns:
        The path that was written.

    Raises:
        InputError: the file cannot be written.
    """
    path = Path(path)
    write_page(path, "explore.html.j2", report=report)
    return path
