"""Features of images, kept beside the Keras weights so that later commands compute new ones only.

A file has the features of all images of a call, each beside the hash of its pixels. They are found
again by that hash in any file of the same encoder and image size, whatever the images are called.
The files used last are kept.
"""

import contextlib
import hashlib
import io
import os
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np

from tl_keras import __version__
from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.split_records import contents_of
from tl_keras.evaluation.encoders.probes import extract_features
from tl_keras.files import replacing
from tl_keras.jobs.features.encoder_features import build_encoder
from tl_keras.models.backbones.applications import image_size_for
from tl_keras.models.backbones.backbone import encoder_file, is_backbone_path
from tl_keras.progress import say

KEPT = 8  # files
ROOM = 2**31  # bytes of all files
_HASH = 16  # bytes of a content


def kept_features(
    backbone: str,
    images: ImageDataset,
    contents: Mapping[str, bytes],
    *,
    weights: str | None = None,
    image_size: int | None = None,
) -> np.ndarray:
    """Returns the features of images, float32 (n, d), computed or read.

    Features from a batch of another size differ by rounding: in float32 on a CPU by at most 1e-5 of
    the largest feature. Those of random weights are not kept.

    Args:
        backbone, images, weights, image_size: as in `build_encoder`.
        contents: {path: hash} of files that were decoded, as an `Inspection` has them.

    Raises:
        InputError: see `build_encoder`.
    """
    if weights == "random":
        return extract_features(build_encoder(backbone, images, weights, image_size), images)
    encoder = _digest(backbone, images, weights, image_size)
    names = contents_of(images, contents)
    kept, files = _read(encoder, set(names))
    new = [row for row, name in enumerate(names) if name not in kept]
    if kept:
        say(
            f"The features of {len(names) - len(new)} of {len(names)} images were computed before "
            "and are used again."
        )
    if new or not names:
        some = images.subset(new) if kept else images
        features = extract_features(build_encoder(backbone, images, weights, image_size), some)
        kept.update(zip([names[row] for row in new], features, strict=True))
        _keep(encoder, kept, files)
    return np.stack([kept[name] for name in names])


def _folder():
    home = os.path.expanduser(os.environ.get("KERAS_HOME", "~/.keras"))
    return Path(home) / "tl_keras" / "features"


def _digest(backbone, images, weights, image_size):
    """Digest of all that decides the features of an image."""
    size = image_size_for(backbone, images, image_size)
    file = encoder_file(Path(backbone)) if is_backbone_path(backbone) else backbone
    asked = [_identity(file), _identity(None if weights == "auto" else weights)]
    decided = __version__, *asked, size, keras.config.dtype_policy().name
    return hashlib.sha256(repr(decided).encode()).hexdigest()[:32]


def _identity(name):
    """A name, or of a file its path, size and time."""
    if name is None or not Path(name).is_file():
        return str(name)
    state = Path(name).stat()
    return str(Path(name).resolve()), state.st_size, state.st_mtime_ns


def _read(encoder, wanted):
    """Returns ({content: features} known before, {file: all its contents})."""
    kept, files = {}, {}
    for path, _ in _by_use(f"{encoder}-*.npy"):
        if wanted <= kept.keys():
            break
        rows = _rows(path)
        found = wanted & rows.keys()
        kept.update((content, rows[content]) for content in found)
        if found:
            files[path] = rows.keys()
            with contextlib.suppress(OSError):
                os.utime(path)
    return kept, files


def _rows(path):
    """Returns {content: features} of a file; {} if it is damaged or gone."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:  # another process wrote one that holds more
        return {}
    except OSError:
        data = b""
    if f"-{_hash(data)}" not in path.stem:
        say(f"DAMAGED FEATURES: those in {path} are computed again.")
        with contextlib.suppress(OSError):
            path.unlink()
        return {}
    rows = np.load(io.BytesIO(data))
    names = rows["content"].tobytes()
    names = [names[start : start + _HASH] for start in range(0, len(names), _HASH)]
    return dict(zip(names, rows["features"], strict=True))


def _keep(encoder, kept, files):
    """Writes a file of features, and removes those that hold no others and those used long ago."""
    rows = _table(kept)
    if rows.nbytes > ROOM:
        say(f"The features take {rows.nbytes / 1e9:.1f} GB and are not kept for later commands.")
        return
    data = io.BytesIO()
    np.save(data, rows)
    try:
        with replacing(_folder() / f"{encoder}-{_hash(data.getbuffer())}.npy") as temporary:
            temporary.write_bytes(data.getbuffer())
    except InputError as error:
        say(f"The features are not kept for later commands: {error}")
        return
    for path, contents in files.items():
        if contents <= kept.keys():
            path.unlink(missing_ok=True)
    _drop_old()


def _table(kept):
    width = len(next(iter(kept.values())))
    rows = np.empty(len(kept), [("content", f"V{_HASH}"), ("features", "<f4", (width,))])
    rows["content"] = np.frombuffer(b"".join(kept), f"V{_HASH}")
    rows["features"] = list(kept.values())
    return rows


def _drop_old():
    """Removes the files used longest ago, beyond `KEPT` and beyond `ROOM`."""
    room = ROOM
    for number, (path, size) in enumerate(_by_use("*.npy")):
        room -= size
        if number >= KEPT or room < 0:
            path.unlink(missing_ok=True)


def _by_use(pattern):
    """Returns [(file, bytes)], the one used last first."""
    found = []
    for path in _folder().glob(pattern):
        with contextlib.suppress(FileNotFoundError):
            state = path.stat()
            found.append((state.st_mtime_ns, state.st_size, path))
    return [(path, size) for _, size, path in sorted(found, reverse=True)]


def _hash(data):
    return hashlib.sha256(data).hexdigest()[:32]
