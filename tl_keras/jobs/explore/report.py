"""The page of `explore`, and its table."""

import csv
import io
import json
import shlex
import sys

import numpy as np
from PIL import Image

from tl_keras.data.images import printable
from tl_keras.evaluation.encoders import approximate_neighbours
from tl_keras.files import replacing, write_text
from tl_keras.jobs.train.report import inspection_warnings
from tl_keras.reports.figures.image_map import group_colours, image_map
from tl_keras.reports.pages.explore_page import ExploreReport, Group, Tile, write_explore_page
from tl_keras.reports.pages.thumbnails import thumbnail
from tl_keras.reports.pages.wording import format_duration, format_percent
from tl_keras.settings.label_free import PIXELS

FILES = ("clusters.csv", "pairs.csv", "config.json", "environment.json", "metrics.json", "figures/")
_TYPICAL, _PAIRS, _ODD = 10, 24, 18
_CLEAR, _TOUCHING = 0.25, 0.1  # mean silhouettes
_METHODS = {"tsne": "t-SNE", "pca": "The two main directions"}
_KINDS = {"same": "the same", "near": "nearly the same pixels", "alike": "alike in features"}


def write_tables(folder, pictures, findings):
    """Writes clusters.csv (path, cluster, distance, outlier_score) and pairs.csv.

    Args:
        folder: Path of the run.
        pictures: `ImageDataset`.
        findings: `Findings`.
    """
    found = findings.clusters
    columns = (pictures.ids, found.numbers + 1, found.distances, findings.loneliness)
    rows = (
        [path, number, f"{distance:.6g}", f"{lonely:.6g}"]
        for path, number, distance, lonely in zip(*columns, strict=True)
    )
    _write_csv(folder / "clusters.csv", ["path", "cluster", "distance", "outlier_score"], rows)
    names = pictures.ids
    pairs = ([names[pair.first], names[pair.second], pair.kind] for pair in findings.pairs)
    _write_csv(folder / "pairs.csv", ["first", "second", "kind"], pairs)


def write_report(folder, config, pictures, findings, note, metrics, inspection):
    """Writes figures/map.png and report.html.

    Args:
        folder: Path of the run.
        config: `ExploreSettings`.
        pictures: `ImageDataset`.
        findings: `Findings`.
        note: a sentence on where the features come from.
        metrics: the content of metrics.json.
        inspection: `Inspection` of the files.
    """
    on_map = (pictures.load(row) for row in findings.map_rows)
    groups = findings.clusters.numbers[findings.map_rows]
    drawn = image_map(on_map, findings.map_places, findings.map_side, groups)
    with replacing(folder / "figures" / "map.png") as temporary:
        Image.fromarray(drawn).save(temporary)
    clusters = findings.clusters
    count = len(clusters.centres)
    report = ExploreReport(
        title=f"What is in {printable(config.data)}",
        number=f"{len(pictures):,}",
        words=f"pictures in {count} cluster{'s' if count > 1 else ''}",
        verdict=(note, *_agreement(findings)),
        map_image=drawn,
        map_words=_map_words(pictures, findings),
        groups=_groups(pictures, findings),
        groups_words=_groups_words(findings),
        pairs=tuple(_pair(pictures, pair) for pair in findings.pairs[:_PAIRS]),
        pairs_words=_pairs_words(pictures, findings),
        odd=_odd(pictures, findings),
        odd_words=(
            "Far from everything else: the number is the mean distance to the ten nearest "
            "pictures, 1 for the usual. All are in clusters.csv, as outlier_score.",
        ),
        settings=_settings(config, metrics),
        commands=_commands(config),
        warnings=tuple(inspection_warnings(inspection)),
        files=FILES,
        command=shlex.join(["tl-keras", *sys.argv[1:]]) if "explore" in sys.argv else "",
    )
    write_explore_page(folder / "report.html", report)


def _map_words(pictures, findings):
    shown, method = len(findings.map_rows), _METHODS[findings.map_method]
    part = f"{shown:,} of {len(pictures):,}, drawn at random" if shown < len(pictures) else "All"
    return (
        f"{part}: alike pictures lie near each other. A frame has the colour of the picture's "
        f"cluster. ({method} of the features, moved to the places of a grid; pictures are cut to "
        "squares.)"
    )


def _groups(pictures, findings):
    clusters = findings.clusters
    colours = group_colours(len(clusters.centres))
    return tuple(
        Group(
            f"Cluster {number + 1}",
            colours[number],
            f"{size:,} pictures ({format_percent(size / len(pictures), 0)})",
            tuple(_tile(pictures, row) for row in clusters.members(number)[:_TYPICAL]),
        )
        for number, size in enumerate(clusters.sizes)
        if size
    )


def _groups_words(findings):
    words = ["The members nearest to the centre of each cluster, by k-means. clusters.csv has all."]
    if findings.silhouettes:
        best = max(findings.silhouettes.values())
        tried = ", ".join(f"{n}: {v:.2f}" for n, v in findings.silhouettes.items())
        words.append(
            f"{len(findings.clusters.centres)} is the number of those tried whose clusters are "
            f"best apart ({_apart(best)}). Mean silhouette, 1 for far apart and 0 for touching: "
            f"{tried}. Give another with --clusters."
        )
    return tuple(words)


def _apart(silhouette):
    if silhouette >= _CLEAR:
        return "clearly so"
    return "they touch" if silhouette >= _TOUCHING else "hardly: there may be no groups at all"


def _agreement(findings):
    if findings.agreement is None:
        return ()
    share, information = findings.agreement["purity"], findings.agreement["ami"]
    return (
        f"The clusters were found without labels. Compared with the folders or labels that are "
        f"there: purity {format_percent(share)}, adjusted mutual information {information:.2f}.",
    )


def _pairs_words(pictures, findings):
    searched = _searched(pictures, findings)
    if not findings.pairs:
        return ("None were found, neither by pixels nor by features.", searched)
    found, listed = findings.pair_counts, len(findings.pairs)
    total = sum(found.values())
    counts = [f"{found[kind]:,} {words}" for kind, words in _KINDS.items() if found[kind]]
    most = "all" if listed == total else f"the first {listed:,}"
    more = f" The first {_PAIRS} are shown; pairs.csv has {most}." if total > _PAIRS else ""
    return (
        f"{total:,} pair{'s' if total > 1 else ''}: {', '.join(counts)}.{more} Pictures "
        "that stand in training and in test make a classifier look better than it is.",
        searched,
    )


def _searched(pictures, findings):
    """A sentence on what was compared with what."""
    pixels = "Pixels: every image was compared with every other"
    if pictures.is_files:
        pixels += ", and for nearly the same in detail with the 100 most similar in outline"
    most = approximate_neighbours.EXACT_UP_TO
    if len(pictures) <= most:
        return f"{pixels}. Features: every image was compared with every other."
    return (
        f"{pixels}. Features: of more than {most:,} images an index gives the nearest; of "
        f"1,000 images drawn at random it found {format_percent(findings.neighbours_found)} of the "
        "ten nearest."
    )


def _pair(pictures, pair):
    rows = (pair.first, pair.second)
    return Tile(
        tuple(thumbnail(pictures.load(row)) for row in rows),
        tuple(printable(pictures.ids[row]) for row in rows),
        _KINDS[pair.kind],
    )


def _odd(pictures, findings):
    order = np.argsort(-findings.loneliness, kind="stable")[:_ODD]
    return tuple(_tile(pictures, row, f"{findings.loneliness[row]:.2f}") for row in order)


def _tile(pictures, row, words=""):
    return Tile((thumbnail(pictures.load(row)),), (printable(pictures.ids[row]),), words)


def _settings(config, metrics):
    given = {name: value for name, value in config.to_json().items() if value is not None}
    return (
        ("Time", format_duration(metrics["seconds"])),
        ("Features a picture", str(metrics["features"])),
        *((name.replace("_", " "), json.dumps(value)) for name, value in given.items()),
    )


def _commands(config):
    data = shlex.quote(printable(config.data))
    commands = [f"tl-keras pretrain --method autoencoder --data {data} --out runs/pretrained"]
    if config.backbone != PIXELS:
        backbone = shlex.quote(config.backbone)
        commands.append(
            f"tl-keras train --backbone {backbone} --data LABELLED --out runs/classifier"
        )
    return tuple(commands)


def _write_csv(path, header, rows):
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(header)
    writer.writerows(rows)
    write_text(path, table.getvalue())
