"""Records of the images of each split, from which the splits are found again later."""

import collections
import csv
import gzip
import io
import itertools
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset, Splits, concatenated
from tl_keras.data.inspection.fingerprints import content_of
from tl_keras.files import replacing

REST = "rest"  # training images excluded by labels_per_class
UNUSED = "unused"  # images that a run did not use for another reason, e.g. of other classes
_COLUMNS = ("split", "class", "image", "content", "group")
_WITHOUT_GROUPS = _COLUMNS[:-1]  # files of earlier versions
_DAMAGE = (OSError, EOFError, ValueError, KeyError, TypeError, csv.Error, zlib.error)


class ImageRecord(NamedTuple):
    """Identity of one image.

    Attributes:
        split: "train", "val", "test", "rest" or "unused".
        label: name of the class; "" without labels.
        name: path below the source, or row in an array.
        content: 16 bytes that differ for images with a different RGB pixel or size.
        group: number of the group that was kept together, the same in all splits of a source; None
            for none.
    """

    split: str
    label: str
    name: str
    content: bytes
    group: int | None = None


@dataclass(frozen=True)
class FoundImages:
    """Recorded images found again in a source.

    Attributes:
        splits: {name: `ImageDataset`}, each in the order of its records, with current labels and
            the groups of the records, if these have any.
        missing: records whose content no longer exists.
        changed: records whose name now has another content, which no record has.
        relabelled: records whose image is now in another class.
        new: names of the images without a record.
    """

    splits: dict[str, ImageDataset]
    missing: tuple[ImageRecord, ...]
    changed: tuple[ImageRecord, ...]
    relabelled: tuple[ImageRecord, ...]
    new: tuple[str, ...]


def contents_of(dataset: ImageDataset, contents: Mapping[str, bytes]) -> list[bytes]:
    """Returns the content hash of each image.

    Args:
        dataset: `ImageDataset`.
        contents: {path: hash} of files already decoded; others are decoded here.
    """
    return list(_contents(dataset, contents))


def _contents(dataset, contents):
    if dataset.in_shards:
        yield from (content.tobytes() for content in dataset.images.contents)
    elif dataset.is_files:
        yield from (contents.get(p) or content_of(dataset, i) for i, p in enumerate(dataset.ids))
    else:
        yield from (content_of(dataset, index) for index in range(len(dataset)))


def record_images(dataset: ImageDataset, contents: Any, split: str) -> tuple[ImageRecord, ...]:
    """Returns an `ImageRecord` of `split` for each image; for `contents` see `contents_of`."""
    return tuple(_records(dataset, contents, split))


def image_names(dataset: ImageDataset) -> list[str]:
    """Returns the path of each image below the source, or its row in an array."""
    if dataset.in_shards:
        return list(dataset.images.names)
    if dataset.is_files:
        return [os.path.relpath(path, dataset.source) for path in dataset.images]
    return list(map(str, dataset.rows))


def _records(dataset, contents, split):
    names = image_names(dataset)
    if dataset.labels is None:
        labels = itertools.repeat("")
    else:
        labels = (dataset.class_names[label] for label in dataset.labels)
    splits, contents = itertools.repeat(split), _contents(dataset, contents)
    groups = itertools.repeat(None) if dataset.groups is None else dataset.groups.tolist()
    return map(ImageRecord, splits, labels, names, contents, groups)


def record_splits(splits: Splits, *others: Any) -> tuple[ImageRecord, ...]:
    """Returns what `each_record` yields, with the same arguments."""
    return tuple(each_record(splits, *others))


def each_record(
    splits: Splits, rest: ImageDataset | None = None, loaded: Splits | None = None
) -> Iterator[ImageRecord]:
    """Yields the records of `Splits` and of the images that are left out.

    Args:
        splits: `Splits`; its inspection, if any, has the hashes and the images left out.
        rest: `ImageDataset` of images that were left out later, or None.
        loaded: `Splits` with further images, which become "unused", or None.
    """
    contents = getattr(splits.inspection, "contents", {})
    parts = [*zip(("train", "val", "test"), splits[:3], strict=True), (REST, rest)]
    used = itertools.chain(
        getattr(splits.inspection, "left_out", ()),
        *(_records(part, contents, name) for name, part in parts if part is not None),
    )
    if loaded is None or loaded is splits:
        yield from used
        return
    known = set()
    for record in used:
        known.add((record.name, record.content))
        yield record
    for record in each_record(loaded):
        if (record.name, record.content) not in known:
            yield record._replace(split=UNUSED)


def write_records(path: str | Path, records: Iterable[ImageRecord]) -> None:
    """Writes records as a .csv.gz, whole or not at all."""
    with (
        replacing(path) as temporary,
        open(temporary, "wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed,
        # Paths that are not valid Unicode are kept to the byte.
        io.TextIOWrapper(packed, "utf-8", "surrogateescape", newline="") as text,
    ):
        writer = csv.writer(text)  # with its line end \r\n a name that holds one of them is quoted
        writer.writerow(_COLUMNS)
        writer.writerows((r.split, r.label, r.name, r.content.hex(), r.group) for r in records)


def read_records(path: str | Path) -> tuple[ImageRecord, ...]:
    """Returns records written by `write_records`.

    Raises:
        InputError: the file is damaged.
    """
    try:
        with _opened(path) as text:
            rows = csv.DictReader(text)
            if tuple(rows.fieldnames or ()) not in (_COLUMNS, _WITHOUT_GROUPS):
                raise ValueError("its columns are different")
            return tuple(map(_record, rows))
    except _DAMAGE as error:
        raise InputError(
            f"Expected {path} as the run wrote it, with the images of its splits; received a file "
            f"that cannot be read ({' '.join(str(error).split())}). Train again."
        ) from error


def keeps_groups(path: str | Path) -> bool:
    """Returns whether a file has the groups of the images, which earlier versions did not write."""
    with _opened(path) as text:
        return tuple(next(csv.reader(text), ())) == _COLUMNS


def _opened(path):
    return gzip.open(path, "rt", encoding="utf-8", errors="surrogateescape", newline="")


def _record(row):
    group = int(row["group"]) if row.get("group") else None
    names = (row[column] for column in _COLUMNS[:3])
    return ImageRecord(*names, bytes.fromhex(row["content"]), group)


def find_images(
    records: Sequence[ImageRecord], parts: dict[str, ImageDataset], contents: Mapping[str, bytes]
) -> FoundImages:
    """Finds recorded images in a source by content, and by name among images of equal content.

    Args:
        records: `ImageRecord`s.
        parts: {name: `ImageDataset`} that the source comes with.
        contents: as in `contents_of`.

    Returns:
        `FoundImages`. Each image of the source is used once.
    """
    places = [(key, row) for key, part in parts.items() for row in range(len(part))]
    there = [record for key, part in parts.items() for record in record_images(part, contents, key)]
    found = _match(records, there)
    free = set(range(len(there))) - set(found)
    free_names = {there[place].name for place in free}
    lost = [record for record, place in zip(records, found, strict=True) if place is None]
    changed = tuple(record for record in lost if record.name in free_names)
    lost_names = {record.name for record in changed}
    pairs = [(r, p) for r, p in zip(records, found, strict=True) if p is not None]
    splits, grouped = {}, any(record.group is not None for record in records)
    for split in dict.fromkeys(record.split for record in records):
        own = [(record, places[place]) for record, place in pairs if record.split == split]
        splits[split] = _gather(parts, [place for _, place in own], split)
        if grouped:  # in the numbers of the records, which are others than those of `parts`
            groups = [record.group for record, _ in own]
            groups = None if None in groups else np.array(groups, np.int64)
            splits[split] = replace(splits[split], groups=groups)
    return FoundImages(
        splits=splits,
        missing=tuple(record for record in lost if record.name not in free_names),
        changed=changed,
        relabelled=tuple(record for record, place in pairs if record.label != there[place].label),
        new=tuple(there[p].name for p in sorted(free) if there[p].name not in lost_names),
    )


def _match(records, there):
    """Returns indices in `there` of each record, or None: first of the same name and content."""
    named, found = _index(there, range(len(there)), lambda r: (r.name, r.content)), []
    for record in records:
        found.append(_take(named, (record.name, record.content)))
    rest = _index(there, set(range(len(there))) - set(found), lambda r: r.content)
    return [
        _take(rest, record.content) if place is None else place
        for record, place in zip(records, found, strict=True)
    ]


def _index(there, rows, key):
    """Returns {key: rows, the last first}."""
    index = collections.defaultdict(list)
    for row in sorted(rows, reverse=True):
        index[key(there[row])].append(row)
    return index


def _take(index, key):
    return index[key].pop() if index.get(key) else None


def _gather(parts, places, split):
    """Returns the images at (part, row) as one dataset."""
    keys = {key for key, _ in places} or set(list(parts)[:1])
    if len(keys) == 1:
        return parts[keys.pop()].subset([row for _, row in places], split=split)
    pieces = [parts[key].subset([row]) for key, row in places]
    first = pieces[0]
    return replace(
        first,
        images=concatenated([piece.images for piece in pieces]),
        labels=None if first.labels is None else np.concatenate([p.labels for p in pieces]),
        split=split,
        rows=None if first.is_files else np.concatenate([p.rows for p in pieces]),
        groups=None,
    )
