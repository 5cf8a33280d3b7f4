"""Page of `check`: findings about labelled images, by kind, with thumbnails."""

import shlex

import numpy as np
from markupsafe import Markup

from tl_keras.data.fixes.finding import ODD, SUSPECT, Finding
from tl_keras.data.images import printable
from tl_keras.reports.page_parts.sections import (
    Code,
    Files,
    Page,
    Part,
    Result,
    Section,
    Soft,
    Table,
    Tile,
    Tiles,
    bold,
    command_parts,
    given_options,
    pairs,
    typed_command,
)
from tl_keras.reports.pages.results import CheckResults
from tl_keras.reports.wording.check import MEANINGS, TITLES, labels_line
from tl_keras.reports.wording.numbers import format_duration, inspection_warnings

_FILES = ("metrics.json", "config.json", "environment.json")
_SHOWN = 48  # findings of a kind
_OF_GROUP = 6  # images of one finding
_NEXT = 12  # labels shown at least


def check_page(results: CheckResults) -> Page:
    """Returns the page of `check`."""
    count = len(results.findings)
    words = bold(f"finding{'' if count == 1 else 's'} in {len(results.images):,} images")
    config = results.config
    return Page(
        title=f"Check of {printable(config.data)}",
        lead=[Section("result", "", [Result(f"{count:,}", words), labels_line(results)])],
        sections=[
            *filter(None, (_section(kind, results) for kind in TITLES)),
            Section("classes", "Classes and splits", _classes(results)),
            Section("settings", "Settings", [pairs(_settings(results))]),
        ],
        warnings=inspection_warnings(results.splits.inspection),
        use=_use(config),
    )


def _section(kind, results):
    found = [each for each in results.findings if each.kind == kind]
    if not found:
        return _most_suspect(results) if kind == SUSPECT and results.source else None
    first = f" The first {_SHOWN} are shown; findings.csv has all." if len(found) > _SHOWN else ""
    parts = [f"{len(found):,}. {MEANINGS[kind]}{first}"]
    if kind in (SUSPECT, ODD):
        parts.append(Soft(results.source))
    several = any(len(each.rows) > 1 for each in found)
    tiles = [finding_tile(each, results) for each in found[:_SHOWN]]
    parts.append(Tiles(tiles, pairs=several))
    if kind == SUSPECT and len(found) < _NEXT:
        parts += _least_sure(results, found)
    return Section(kind, TITLES[kind], parts)


def finding_tile(finding: Finding, results: CheckResults) -> Tile:
    """Returns the images of a finding with its name, its reason and its proposal."""
    rows = finding.rows[:_OF_GROUP]
    lines = [
        Markup("<b>{}</b> {}").format(finding.name, finding.reason),
        Markup('<span class="soft">{}</span>').format(finding.proposal),
    ]
    more = len(finding.paths) - _OF_GROUP
    paths = [printable(path) for path in finding.paths[:_OF_GROUP]]
    paths += [f"and {more} more"] if more > 0 else []
    return Tile([results.images.load(row) for row in rows], paths, lines)


def _most_suspect(results):
    """Section on labels none of which is more probably wrong than right."""
    parts = ["No label is more probably wrong than right.", *_least_sure(results, ())]
    texts = [Soft(MEANINGS[SUSPECT]), Soft(results.source)]
    return Section(SUSPECT, TITLES[SUSPECT], [parts[0], *texts, *parts[1:]])


def _least_sure(results, found) -> list[Part]:
    """Returns the least sure labels that are no findings."""
    suspects, images = results.suspects, results.images
    order = np.argsort(-suspects.wrong, kind="stable").tolist()
    known = {row for each in found for row in each.rows}
    rows = [row for row in order if row not in known][: _NEXT - len(found)]
    tiles = [
        Tile(
            [images.load(row)],
            [printable(results.names[row])],
            [
                f"{images.class_names[images.labels[row]]}: {suspects.wrong[row]:.0%} probably "
                f"wrong; or {images.class_names[suspects.guesses[row]]}"
            ],
        )
        for row in rows
    ]
    return ["The least sure of the others, more probably right than wrong:", Tiles(tiles)]


def _classes(results) -> list[Part]:
    parts = [part for part in results.splits[:3] if part is not None]
    counts = [part.class_counts() for part in parts]
    rows = [(name, *(count[name] for count in counts)) for name in parts[0].class_names]
    columns = ("class", *(part.split for part in parts))
    texts = ["As training with the same seed would cut them."]
    sizes = list(results.splits.inspection.sizes.values())
    if sizes:
        sides = np.array(sizes)
        low, usual, high = np.quantile(sides, [0, 0.5, 1], axis=0).astype(int)
        texts.append(
            f"Sizes in pixels: {low[0]} to {high[0]} wide, usually {usual[0]}; {low[1]} to "
            f"{high[1]} high, usually {usual[1]}."
        )
    return [*texts, Table(columns, rows, tall=len(rows) > 20)]


def _settings(results):
    return (
        ("Time", format_duration(results.metrics["seconds"])),
        ("Features per image", str(results.metrics["features"])),
        *given_options(results.config.to_json()),
    )


def _use(config):
    data = shlex.quote(printable(config.data))
    commands = [
        f"tl-keras check {data} --accept near,suspect --out runs/checked",
        f"tl-keras train --data {data} --fixes runs/checked/fixes.csv",
    ]
    parts = command_parts("The command that made this page:", typed_command("check"))
    return Section(
        "use",
        "Next steps",
        [
            "Accept findings by kind, or by name; fixes.csv then goes with any command. Images and "
            "folders stay as they are. Remove a row of fixes.csv to take a correction back.",
            Code("\n".join(commands)),
            *parts,
            "Files beside this page:",
            Files(["findings.csv", "label_scores.csv", "pairs.csv", *_FILES]),
        ],
    )
