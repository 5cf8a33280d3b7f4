"""Check of every image before training, with the decoder that training uses."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from tl_keras.checks import InputError, listed
from tl_keras.data.array_store import put_row
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.decoded_files import DecodedFiles
from tl_keras.data.images import (
    ImageReadError,
    decoding_threads,
    printable,
    read_checked,
    suffix_matches,
)
from tl_keras.data.inspection.fingerprints import (
    Fingerprint,
    Leaks,
    NearPairs,
    find_leaks,
    fingerprint,
)
from tl_keras.data.sounds.sound_images import sounds_of
from tl_keras.progress import track

_SHOWN = 5
UNGROUPED = (
    "NOT GROUPED: copies of different classes cannot be divided with each class in every split, so "
    "some lie in several."
)


@dataclass(frozen=True)
class Inspection:
    """Result of checking the images.

    Attributes:
        bad: (path, reason) of each file that cannot be read, in the order of the dataset.
        warnings: one line for each kind of anomaly, with the first paths.
        leaks: images that occur in two splits, see `Leaks`.
        ignored: paths of the files that are not images.
        fingerprints: `Fingerprint` of each readable file, by path; emptied once leaks are found.
        contents: hash of the pixels of each readable file, by path, see `Fingerprint`.
        renamed: {path: format} of the files whose content is of another format than the suffix.
        sizes: {path: (width, height)} of the readable files, in pixels.
        decoded: the files at the requested size; None without a size or without room for them.
        left_out: `ImageRecord` of each training image that labels_per_class excluded.
        grouped: those of the warnings that tell of groups.
    """

    bad: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    leaks: Leaks = Leaks()
    ignored: tuple[str, ...] = ()
    fingerprints: Mapping[str, Fingerprint] = field(default_factory=dict, repr=False)
    contents: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    renamed: Mapping[str, str] = field(default_factory=dict, repr=False)
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict, repr=False)
    decoded: DecodedFiles | None = field(default=None, repr=False)
    left_out: tuple = field(default=(), repr=False)
    grouped: tuple[str, ...] = field(default=(), repr=False)

    def ungrouped(self) -> "Inspection":
        """Returns the inspection of splits for which the groups could not be kept."""
        kept = (line for line in self.warnings if line not in self.grouped)
        return replace(self, warnings=(*kept, UNGROUPED), grouped=(UNGROUPED,))


def inspect_files(paths: Sequence[str], image_size: tuple[int, int] | None = None) -> Inspection:
    """Decodes files in several threads.

    Args:
        paths: list of file paths.
        image_size: (height, width) needed later, so that each file is decoded once; or None.

    Returns:
        Inspection with `bad`, `warnings`, `fingerprints` and `decoded`, in the order of `paths`.
    """
    decoded = DecodedFiles.with_room(paths, image_size)
    size = image_size if decoded else None

    def look(item):
        row, path = item
        found, resized = _look(path, size)
        if resized is not None:
            put_row(decoded.images, row, resized)
        return found

    with ThreadPoolExecutor(decoding_threads(paths)) as pool:
        done = pool.map(look, enumerate(paths))
        looks = list(track(done, "Checking images", total=len(paths)))
    bad = tuple((look.path, look.reason) for look in looks if look.reason)
    formats = {look.path: look.format for look in looks if look.renamed}
    renamed = [f"{printable(path)} ({kind})" for path, kind in formats.items()]
    sizes = {look.path: look.size for look in looks if look.size}
    tiny = [printable(path) for path, size in sizes.items() if size == (1, 1)]
    warnings = [
        _listed("whose content is of another format than the suffix says", renamed),
        _listed("of a single pixel (1 x 1)", tiny),
    ]
    prints = {look.path: look.fingerprint for look in looks if look.fingerprint}
    warnings = tuple(filter(None, warnings))
    return Inspection(
        bad, warnings, fingerprints=prints, renamed=formats, sizes=sizes, decoded=decoded
    )


def complete(
    inspection: Inspection,
    datasets: Sequence[ImageDataset],
    *,
    ignored: Sequence[str] = (),
    notes: Sequence[str] = (),
    near_known: NearPairs | None = None,
) -> Inspection:
    """Returns the inspection with ignored files, notes and leaks between datasets added.

    Args:
        near_known: as in `find_leaks`.
    """
    leaks = find_leaks(datasets, inspection.fingerprints, near_known)
    counts = leaks.counts
    skipped = _listed("that are not images by their suffix, ignored", map(printable, ignored))
    same = [leak.text for leak in leaks if leak.kind == "same"]
    near = [leak.text for leak in leaks if leak.kind == "near"]
    warnings = [
        *inspection.warnings,
        skipped,
        *notes,
        _listed("that occur in two splits", same, "pairs of the same image", counts["same"]),
        _listed("in two splits", near, "pairs of nearly the same image", counts["near"]),
    ]
    return Inspection(
        inspection.bad,
        tuple(filter(None, warnings)),
        leaks,
        tuple(ignored),
        contents={path: mark.content for path, mark in inspection.fingerprints.items()},
        renamed=inspection.renamed,
        sizes=inspection.sizes,
    )


def refuse_bad(inspection: Inspection) -> None:
    """Raises InputError if images cannot be read: their number, the first paths and reasons."""
    if not inspection.bad:
        return
    first = "; ".join(f"{printable(path)}: {reason}" for path, reason in inspection.bad[:_SHOWN])
    more = len(inspection.bad) - _SHOWN
    raise InputError(
        f"Expected every image to be readable; received {len(inspection.bad)} that cannot be "
        f"read: {first}{f'; and {more} more' if more > 0 else ''}. Repair or remove them, or give "
        "--on-bad-image skip to continue without them."
    )


def refuse_leaks(inspection: Inspection) -> None:
    """Raises InputError if an image, or nearly the same image, occurs in two splits."""
    if not inspection.leaks:
        return
    first = "; ".join(leak.text for leak in inspection.leaks[:_SHOWN])
    count = sum(inspection.leaks.counts.values())
    more = count - _SHOWN
    raise InputError(
        f"Expected no image in two splits; received {count} pairs of the same or "
        f"nearly the same: {first}{f'; and {more} more' if more > 0 else ''}. Remove one of each "
        "pair or put both into one split, or give --on-duplicate report to continue with them."
    )


def drop_bad(dataset: ImageDataset, inspection: Inspection) -> ImageDataset:
    """Returns the dataset without the images that cannot be read."""
    bad = {path for path, _ in inspection.bad}
    if not bad or not dataset.is_files:
        return dataset
    return dataset.subset([i for i, path in enumerate(dataset.images) if path not in bad])


@dataclass(frozen=True)
class _Look:
    path: str
    reason: str = ""
    format: str = ""
    renamed: bool = False
    size: tuple[int, int] | None = None
    fingerprint: Fingerprint | None = None


def _look(path, image_size):
    """Returns the findings for a file, and its image at that size or None."""
    try:
        checked = read_checked(path, image_size)
    except ImageReadError as error:
        return _Look(path, reason=error.reason), None
    found = _Look(
        path,
        format=checked.format,
        renamed=not suffix_matches(path, checked.format),
        size=checked.size,
        fingerprint=fingerprint(checked.image, looks=not sounds_of([path])),
    )
    return found, checked.resized


def _listed(what, items, subject="files", count=None):
    items = list(items)
    count = len(items) if count is None else count
    if not items:
        return None
    return f"{count} {subject} {what}: {listed(items, _SHOWN, count)}."
