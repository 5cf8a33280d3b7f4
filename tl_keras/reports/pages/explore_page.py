"""Page of `explore`: map, clusters, repeats and outliers of images without labels."""

import shlex

import numpy as np

from tl_keras.data.images import printable
from tl_keras.evaluation.encoders import approximate_neighbours
from tl_keras.reports.figures.image_map import group_colours, image_map
from tl_keras.reports.page_parts.sections import (
    Code,
    Figure,
    Group,
    Page,
    Result,
    Section,
    Tile,
    Tiles,
    bold,
    command_parts,
    files_parts,
    given_options,
    pairs,
    typed_command,
)
from tl_keras.reports.pages.results import ExploreResults
from tl_keras.reports.wording.numbers import format_duration, format_percent, inspection_warnings
from tl_keras.settings.features import PIXELS

_TYPICAL, _OF_PART, _PAIRS, _OUTLIERS = 10, 6, 24, 18
_TINY, _MANY_TIMES = 1e-12, 100
_METHODS = {"tsne": "t-SNE", "pca": "The two main directions"}
_KINDS = {"same": "the same", "near": "nearly the same pixels", "alike": "similar in features"}


def explore_page(results: ExploreResults) -> Page:
    """Returns the page of `explore`."""
    images, findings = results.images, results.findings
    count = len(findings.clusters.centres)
    words = bold(f"images in {count} cluster{'s' if count > 1 else ''}")
    texts = [results.source, *_agreement(findings.agreement)]
    return Page(
        title=f"Content of {printable(results.config.data)}",
        lead=[Section("result", "", [Result(f"{len(images):,}", words), *texts])],
        sections=[
            Section("map", "Map", _map(images, findings)),
            Section("clusters", "Clusters", _clusters(images, findings)),
            Section("repeats", "Repeats", _repeats(images, findings)),
            Section("outliers", "Outliers", _outliers(images, findings.loneliness)),
            Section("settings", "Settings", [pairs(_settings(results))]),
        ],
        warnings=inspection_warnings(results.inspection),
        use=_use(results.config),
    )


def _agreement(agreement):
    if agreement is None:
        return []
    return [
        "The clusters were found without labels. Compared with the folders or labels: purity "
        f"{format_percent(agreement['purity'])}, adjusted mutual information "
        f"{agreement['ami']:.2f}."
    ]


def _map(images, findings):
    rows, method = findings.map_rows, _METHODS[findings.map_method]
    shown = "All" if len(rows) == len(images) else f"{len(rows):,} of {len(images):,}, at random"
    drawn = image_map(
        (images.load(row) for row in rows),
        findings.map_places,
        findings.map_side,
        findings.clusters.numbers[rows],
    )
    return [
        f"{shown}: similar images are near each other. A frame has the colour of the image's "
        f"cluster. ({method} of the features, moved to the places of a grid; images are cut to "
        "squares.)",
        Figure(drawn, "Images arranged by similarity", wide=True),
    ]


def _clusters(images, findings):
    groups, clusters = findings.groups, findings.clusters
    words = [
        "The members nearest to the centre of each cluster, by k-means. A cluster opens into parts "
        "that are more alike. clusters.csv has the cluster and the part of every image.",
        *_level(groups),
    ]
    if groups.large:
        joined = [f"clusters {_listed(large)}" for large in groups.large]
        words.append(f"Merged further they form {len(joined)} large groups: {'; '.join(joined)}.")
    colours = group_colours(len(clusters.centres))
    shown = [
        Group(
            f"Cluster {number + 1}",
            colours[number],
            _size(size, len(images)),
            *_images_and_paths(images, clusters.members(number)[:_TYPICAL]),
            parts=_parts(images, groups, number),
        )
        for number, size in enumerate(clusters.sizes)
        if size
    ]
    return [*words, *shown]


def _level(groups):
    """Returns the sentence on the number of clusters; none if it was given."""
    count = len(groups.clusters.centres)
    if not groups.costs:
        return []
    if groups.is_clear:
        ratio = groups.costs[count] / max(groups.costs.get(count + 1, 0), _TINY)
        times = f"{ratio:.0f} times" if ratio < _MANY_TIMES else "many times"
        reason = f"{count} lie apart: merging two of them loses {times} what one more would"
    else:
        reason = (
            f"no number stands out, so {count} are shown, the usual number for so many images; "
            "there may be fewer kinds or more"
        )
    return [f"Of 2 to {max(groups.costs)} clusters {reason}. Give another number with --clusters."]


def _parts(images, groups, number):
    """Returns the parts of a cluster as `Group`s; none if it has one only."""
    parts = groups.members_of_parts(number)
    if len(parts) < 2:
        return []
    return [
        Group(
            f"Part {number + 1}.{part + 1}",
            "",
            _size(len(rows), sum(map(len, parts))),
            *_images_and_paths(images, rows[:_OF_PART]),
        )
        for part, rows in enumerate(parts)
    ]


def _size(count, total):
    return f"{count:,} image{'s' if count > 1 else ''} ({format_percent(count / total, 0)})"


def _listed(numbers):
    return ", ".join(str(number + 1) for number in numbers)


def _repeats(images, findings):
    searched = _searched(images, findings)
    if not findings.pairs:
        return ["None were found, neither by pixels nor by features.", searched]
    found, listed = findings.pair_counts, len(findings.pairs)
    total = sum(found.values())
    counts = [f"{found[kind]:,} {words}" for kind, words in _KINDS.items() if found[kind]]
    most = "all" if listed == total else f"the first {listed:,}"
    more = f" The first {_PAIRS} are shown; pairs.csv has {most}." if total > _PAIRS else ""
    tiles = [
        Tile(*_images_and_paths(images, (pair.first, pair.second)), [bold(_KINDS[pair.kind])])
        for pair in findings.pairs[:_PAIRS]
    ]
    return [
        f"{total:,} pair{'s' if total > 1 else ''}: {', '.join(counts)}.{more} Images that are in "
        "training and in test make a classifier look better than it is.",
        searched,
        Tiles(tiles, pairs=True),
    ]


def _searched(images, findings):
    pixels = "Pixels: every image was compared with every other"
    if images.is_files:
        pixels += ", and for nearly the same in detail with the 100 most similar in outline"
    most = approximate_neighbours.EXACT_UP_TO
    if len(images) <= most:
        return f"{pixels}. Features: every image was compared with every other."
    return (
        f"{pixels}. Features: of more than {most:,} images an index gives the nearest; of "
        f"1,000 images drawn at random it found {format_percent(findings.neighbours_found)} of the "
        "ten nearest."
    )


def _outliers(images, loneliness):
    rows = np.argsort(-loneliness, kind="stable")[:_OUTLIERS]
    return [
        "Far from all others: the number is the mean distance to the ten nearest images, 1 for "
        "the usual. All are in clusters.csv, as outlier_score.",
        Tiles([
            Tile(*_images_and_paths(images, [row]), [bold(f"{loneliness[row]:.2f}")])
            for row in rows
        ]),
    ]  # fmt: skip


def _images_and_paths(images, rows):
    return [images.load(row) for row in rows], [printable(images.ids[row]) for row in rows]


def _settings(results):
    return (
        ("Time", format_duration(results.metrics["seconds"])),
        ("Features per image", str(results.metrics["features"])),
        *given_options(results.config.to_json()),
    )


def _use(config):
    data = shlex.quote(printable(config.data))
    commands = [f"tl-keras pretrain --method autoencoder --data {data} --out runs/pretrained"]
    if config.backbone != PIXELS:
        backbone = shlex.quote(config.backbone)
        commands.append(
            f"tl-keras train --backbone {backbone} --data LABELLED --out runs/classifier"
        )
    parts = command_parts("The command that made this page:", typed_command("explore"))
    return Section(
        "use",
        "Next steps",
        [Code("\n".join(commands)), *parts, *files_parts("clusters.csv", "pairs.csv")],
    )
