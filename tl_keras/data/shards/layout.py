"""Files of a shard folder: TFRecord shards, an index, names, and a manifest that is written last.

Each record is a `tf.train.Example` with the features "image" (bytes), "label" (int64), "class" and
"name" (bytes), so other programs can read the shards too. The index tells where the bytes of each
image lie, so any of them can be read without its neighbours.
"""

import hashlib
import json
from typing import Any

import numpy as np
import tensorflow as tf

from tl_keras.checks import InputError
from tl_keras.data.images import printable

MANIFEST, INDEX, NAMES = "manifest.json", "index.npy", "names.bin"
VERSION = 1
NO_LABEL = -1
# Of each image: its shard, place and size in it, checksum, class, length of its name, content hash.
ENTRY = np.dtype(
    [
        ("shard", "<u4"),
        ("start", "<u8"),
        ("size", "<u4"),
        ("crc", "<u4"),
        ("label", "<i4"),
        ("name", "<u4"),
        ("content", "V16"),
    ]
)
_KEYS = ("version", "splits", "shards", "class_names", "image_shape", "grayscale", "checksums")


def join(folder: str, name: str) -> str:
    """Returns the path of a file in a folder, which may be a URL such as gs://bucket/folder."""
    return f"{folder.rstrip('/')}/{name}"


def is_shard_folder(name: str) -> bool:
    """Returns whether `name` is a folder with a manifest of shards."""
    try:
        return tf.io.gfile.exists(join(name, MANIFEST))
    except (tf.errors.OpError, ValueError, UnicodeError):
        return False


def read_bytes(path: str, start: int = 0, size: int = -1) -> bytes:
    """Returns bytes of a file on a disk or behind a URL.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        # On a disk without TensorFlow, which would hold a second copy of the bytes.
        with tf.io.gfile.GFile(path, "rb") if "://" in path else open(path, "rb") as file:
            file.seek(start)
            return file.read(size)
    except (tf.errors.OpError, OSError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"Expected to read {printable(path)}; received {reason}. Copy the whole shard "
            "folder again."
        ) from error


def digest(content: bytes) -> str:
    """Returns the SHA-256 of some bytes in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def read_manifest(folder: str) -> dict[str, Any]:
    """Returns the content of manifest.json.

    Raises:
        InputError: it is damaged, or of another version.
    """
    path = join(folder, MANIFEST)
    try:
        manifest = json.loads(read_bytes(path))
    except ValueError as error:
        raise InputError(
            f"Expected a whole manifest of shards; received {printable(path)} ({error}). Copy the "
            "folder again, or run `tl-keras shard` again."
        ) from error
    missing = [key for key in _KEYS if not isinstance(manifest, dict) or key not in manifest]
    if missing or manifest["version"] != VERSION:
        raise InputError(
            f"Expected {printable(path)} of `tl-keras shard`, version {VERSION}; received "
            f"{'one without ' + ', '.join(missing) if missing else manifest['version']}. "
            "Run `tl-keras shard` again."
        )
    return manifest
