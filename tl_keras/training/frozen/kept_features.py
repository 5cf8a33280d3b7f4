"""Features of a run that was killed, used again when it is resumed.

They are copied beside the run's checkpoints once they are complete, where computing them took much
longer than that. A file with their hashes is written last, and without it they are computed again.
"""

import hashlib
import json
import os
import shutil
import time
from pathlib import Path

import keras
import numpy as np

from tl_keras.checks import InputError
from tl_keras.data.array_store import allocate, release_pages
from tl_keras.files import read_json, replacing, write_json
from tl_keras.progress import say
from tl_keras.training.checkpoints.run_checkpoints import RunCheckpoints, active_checkpoints
from tl_keras.training.frozen.feature_cache import Features, Images, compute_features
from tl_keras.training.frozen.feature_store import graph_digest

_SPEED = 2e8  # bytes per second that a slow disk takes
_LONGER = 10  # times as long as that they took to compute, at least
_SHORT = 10.0  # seconds in which they are computed again
_ROWS = 256  # copied at once


def compute_or_read(
    prefix: keras.Model,
    source: Images | Features,
    *,
    views: int = 1,
    dtype: str = "float32",
    store: str = "auto",
    **arguments: object,
) -> Features:
    """Returns the `Features` of `compute_features`; those of the run before it was killed, if any.

    Args:
        prefix, source, views, dtype, store, **arguments: see `compute_features`.
    """
    how = {"views": views, "dtype": dtype, "store": store, **arguments}
    checkpoints = active_checkpoints()
    if checkpoints is None or not isinstance(source, Images):
        return compute_features(prefix, source, **how)
    path = checkpoints.folder / "features" / f"{_digest(prefix, source, views, dtype)}.json"
    kept = _read(path, store)
    if kept is not None:
        say("The features that the run had computed are used again.")
        return Features(kept, source.labels)
    started = time.monotonic()
    features = compute_features(prefix, source, **how)
    if _is_worth(features, time.monotonic() - started, checkpoints):
        _keep(features, path)
    return features


def _is_worth(features, seconds, checkpoints: RunCheckpoints):
    if not checkpoints.minutes:  # everything is kept
        return True
    size = sum(array.nbytes for array in features.arrays)
    checkpoints.folder.mkdir(parents=True, exist_ok=True)
    room = shutil.disk_usage(checkpoints.folder).free > 2 * size
    return room and seconds > max(_SHORT, _LONGER * size / _SPEED)


def _digest(prefix, source, views, dtype):
    """Digest of all that decides the features: the network, the images, their versions."""
    images = source.image_size, source.augment, source.mirrored, source.channels, source.seed
    digest = hashlib.sha256(json.dumps([graph_digest(prefix), images, views, dtype]).encode())
    dataset = source.dataset
    if dataset.in_shards:
        digest.update(dataset.images.contents.tobytes())
    elif dataset.is_files:
        stats = [(path, *_stat(path)) for path in dataset.images]
        digest.update(json.dumps(stats).encode("utf-8", "surrogateescape"))
    else:
        digest.update(np.ascontiguousarray(dataset.images).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()[:32]


def _stat(path):
    try:
        found = os.stat(path)
    except OSError:  # whoever reads the image will say so
        return ()
    return found.st_size, found.st_mtime_ns


def _keep(features, path):
    """Copies features beside the checkpoints; the file with their hashes comes last."""
    hashes = []
    try:
        for number, array in enumerate(features.arrays):
            file = _file(path, number)
            with replacing(file) as temporary:
                np.save(temporary, array, allow_pickle=False)
            release_pages(array)
            hashes.append(_hash(file))
        write_json(path, {"sha256": hashes})
    except InputError as error:
        say(f"FEATURES NOT KEPT for a resumed run: {error}")


def _read(path, store):
    """The arrays of a complete copy, in arrays of `allocate`; None without one."""
    if not path.is_file():
        return None
    try:
        hashes = read_json(path, "sha256")["sha256"]
        files = [_file(path, number) for number in range(len(hashes))]
        if [_hash(file) for file in files] == hashes:
            return [_copied(file, store) for file in files]
    except (InputError, OSError):
        pass
    say(f"DAMAGED FEATURES: those in {path.parent} are computed again.")
    return None


def _copied(file, store):
    kept = np.load(file, mmap_mode="r", allow_pickle=False)
    array = allocate(kept.shape, kept.dtype, store=store)
    for view, rows in enumerate(kept):
        for first in range(0, len(rows), _ROWS):
            array[view, first : first + _ROWS] = rows[first : first + _ROWS]
            release_pages(array)
    return array


def _file(path: Path, number: int) -> Path:
    return path.with_name(f"{path.stem}-{number}.npy")


def _hash(file):
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
