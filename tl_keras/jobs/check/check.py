"""`tl-keras check`: faults of labelled images, their page and their corrections."""

import functools
import time
from collections import Counter
from pathlib import Path

import keras

from tl_keras.checks import InputError
from tl_keras.data.dataset import Splits
from tl_keras.data.fixes.finding import without_kept
from tl_keras.data.fixes.fixes_file import read_fixes
from tl_keras.data.grouping.copies import groups_of
from tl_keras.data.grouping.groups import DUPLICATES
from tl_keras.data.grouping.parts import group_parts
from tl_keras.data.inspection.checking import complete, refuse_bad
from tl_keras.data.loading import load_checked
from tl_keras.data.shards.layout import is_shard_folder
from tl_keras.data.shards.reading import ShardStore
from tl_keras.data.sounds.sound_images import Sounds
from tl_keras.data.splits import make_splits
from tl_keras.jobs.check.copy_findings import copies_of, copy_findings
from tl_keras.jobs.check.features import seen_images
from tl_keras.jobs.check.file_findings import file_findings
from tl_keras.jobs.check.images import CheckedImages
from tl_keras.jobs.check.label_findings import odd_findings, suspect_findings, suspects_of
from tl_keras.jobs.check.review import Review, review_site
from tl_keras.jobs.check.tables import FIXES, accepted_names, write_decisions, write_tables
from tl_keras.jobs.runs.writing.run_folder import RunFolder, default_run_path
from tl_keras.models.backbones.backbone import check_backbone
from tl_keras.progress import say
from tl_keras.reports.page_parts.html import write_page
from tl_keras.reports.pages.check_page import check_page
from tl_keras.reports.pages.results import CheckResults
from tl_keras.reports.served.serving import serve
from tl_keras.reports.wording.check import TITLES, summary
from tl_keras.settings.check import NO_FEATURES, CheckSettings
from tl_keras.settings.features import PIXELS

_FEWEST = 10  # images of a class below which a line says that they are few
_LISTED = 10  # pairs of images in two splits
_UNEVEN = 10  # times as many images in the largest class


def check(settings: CheckSettings) -> Path:
    """Looks for faults of labelled images, prints a summary and writes a page.

    Returns:
        Path of the run folder: report.html, findings.csv, label_scores.csv, metrics.json, and
        fixes.csv with the findings that are accepted.

    Raises:
        InputError: the source cannot be used; or, at the end, has images that cannot be read.
    """
    started = time.monotonic()
    keras.utils.set_random_seed(settings.seed)
    if settings.backbone != NO_FEATURES:
        check_backbone(settings.backbone, PIXELS)
    if is_shard_folder(settings.data):
        ShardStore(settings.data).verify()
    with RunFolder(settings.out or default_run_path("check", settings.data)) as run:
        parts, inspection = load_checked(
            settings.data, sounds=Sounds.asked(settings), fixes=settings.fixes
        )
        splits = _splits(parts, inspection, settings)
        print("\n".join(_lines(splits)))  # noqa: T201 - what the command is for
        checked = CheckedImages.of(parts, inspection)
        results, copies = _results(settings, checked, splits)
        results.metrics["seconds"] = time.monotonic() - started
        run.write_json("config.json", settings.to_json())
        run.write_environment()
        run.write_json("metrics.json", results.metrics)
        write_tables(run.path, checked, results.findings, results.suspects, copies)
        _accept(run.path, settings, checked, results.findings)
        write_page(run.path / "report.html", check_page(results))
        print("\n".join(summary(results)))  # noqa: T201
        say(f"Report: {run.path / 'report.html'}")
        if settings.review:
            _review(run.path, settings, checked, results.findings)
    refuse_bad(inspection)
    return run.path


def _splits(parts, inspection, settings):
    """Returns the `Splits` that training would have, without what the page says by itself."""
    group_by = settings.group_by or DUPLICATES
    grouped, near, lines = group_parts(parts, inspection.fingerprints, group_by, settings.data)
    try:
        splits, notes = make_splits(grouped, split_fractions=settings.split, seed=settings.seed)
    except InputError as error:
        train = parts.get("all", parts.get("train"))
        splits = Splits(train, parts.get("val"), parts.get("test"))
        notes = (f"Training would refuse these images: {error}",)
    notes = (*lines, *notes, *_balance(splits))
    found = complete(
        inspection, splits[:3], ignored=inspection.ignored, notes=notes, near_known=near
    )
    return splits._replace(inspection=found)


def _balance(splits):
    """Yields lines on classes of few images."""
    counts = Counter()
    for part in filter(None, splits[:3]):
        counts.update(part.class_counts())
    most, name = max((count, name) for name, count in counts.items())
    few = [f"{each} ({count})" for each, count in counts.items() if count < _FEWEST]
    uneven = [f"{each} ({count})" for each, count in counts.items() if count * _UNEVEN < most]
    if few:
        yield f"Fewer than {_FEWEST} images: {', '.join(few)}."
    if uneven:
        yield f"Less than a tenth of the {most:,} images of {name}: {', '.join(uneven)}."


def _results(settings, checked, splits):
    seen = seen_images(settings, checked)
    rows, usual = (seen.rows, seen.usual_distance) if seen else (None, 1.0)
    copies, alike = copies_of(checked, rows, usual)
    groups = groups_of(copies.pairs, len(checked)) if len(copies.pairs) else None
    suspects = suspects_of(checked, seen, groups, settings.seed)
    findings = [
        *file_findings(checked),
        *copy_findings(checked, copies, suspects.wrong),
        *suspect_findings(checked, suspects),
        *(odd_findings(checked, seen.neighbours.loneliness) if seen else ()),
    ]
    kept = read_fixes(settings.fixes).fixes if settings.fixes else ()
    findings.sort(key=lambda each: list(TITLES).index(each.kind))
    findings = without_kept(findings, kept)
    metrics = {
        "pictures": len(checked),
        "classes": checked.images.class_counts(),
        "findings": dict(Counter(each.kind for each in findings)),
        "share_of_wrong_labels": suspects.share,
        "look_alikes": alike,
        "copies_searched": copies.searched,
        "features": seen.features.shape[1] if seen else 0,
    }
    results = CheckResults(
        config=settings,
        images=checked.images,
        names=checked.names,
        splits=splits,
        findings=findings,
        suspects=suspects,
        source=seen.source if seen else "",
        metrics=metrics,
    )
    return results, copies


def _writer(folder, settings, checked, findings):
    """Returns a function (accepted names, rejected ones) that writes fixes.csv."""
    before = read_fixes(settings.fixes) if settings.fixes else None
    return functools.partial(write_decisions, folder / FIXES, checked, findings, before=before)


def _accept(folder, settings, checked, findings):
    """Writes fixes.csv with the findings that --accept names, and those of --fixes."""
    if settings.accept is None:
        return
    taken = accepted_names(findings, settings.accept)
    fixes = _writer(folder, settings, checked, findings)(taken)
    say(f"{len(fixes)} fixes: {folder / FIXES}. Give it to any command with --fixes.")


def _review(folder, settings, checked, findings):
    """Serves the page on which findings are decided, until the command is stopped."""
    taken = accepted_names(findings, settings.accept or ())
    decisions = Review(findings, _writer(folder, settings, checked, findings), taken)
    site = review_site(decisions, settings.data, checked.images, folder / FIXES)
    try:
        serve(site, settings.port)
    finally:
        say(f"Decisions: {folder / FIXES}. Give it to any command with --fixes.")


def _lines(splits):
    counts = [Counter() if part is None else Counter(part.labels.tolist()) for part in splits[:3]]
    yield "class,train,val,test"
    for label, name in enumerate(splits.train.class_names):
        yield ",".join([name, *(str(count[label]) for count in counts)])
    found = splits.inspection
    yield from (f"Warning: {warning}" for warning in found.warnings)
    yield from (f"In two splits: {leak.text}" for leak in found.leaks[:_LISTED])
    more = sum(found.leaks.counts.values()) - _LISTED
    if more > 0:
        yield f"In two splits: {more} more pairs"
