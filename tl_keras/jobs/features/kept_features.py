"""Features of images, kept beside the Keras weights so that a second command need not compute them.

A file is named by a hash of the images, the backbone, its weights and the size. The newest few are
kept.
"""

import contextlib
import hashlib
import os
from pathlib import Path

import numpy as np

from tl_keras import __version__
from tl_keras.checks import InputError
from tl_keras.data.dataset import ImageDataset
from tl_keras.data.split_records import contents_of
from tl_keras.evaluation.encoders.probes import extract_features
from tl_keras.files import replacing
from tl_keras.jobs.features.encoder_features import build_encoder
from tl_keras.progress import say

KEPT = 8  # files
_DAMAGE = (OSError, ValueError, EOFError)


def kept_features(
    backbone: str,
    images: ImageDataset,
    contents: dict,
    *,
    weights: str | None = None,
    image_size: int | None = None,
) -> np.ndarray:
    """Returns the features of images, float32 (n, d), computed or read.

    Args:
        backbone, images, weights, image_size: as in `build_encoder`.
        contents: {path: hash} of files that were decoded, as an `Inspection` has them.

    Raises:
        InputError: see `build_encoder`.
    """
    path = _folder() / f"{_digest(backbone, images, contents, weights, image_size)}.npy"
    with contextlib.suppress(*_DAMAGE):
        features = np.load(path)
        os.utime(path)
        say("The features of these images were computed before and are used again.")
        return features
    features = extract_features(build_encoder(backbone, images, weights, image_size), images)
    _keep(path, features)
    return features


def _folder():
    home = os.path.expanduser(os.environ.get("KERAS_HOME", "~/.keras"))
    return Path(home) / "tl_keras" / "features"


def _digest(backbone, images, contents, weights, image_size):
    digest = hashlib.sha256(repr((__version__, weights, image_size)).encode())
    for each in (backbone, weights):
        digest.update(_identity(each).encode())
    for content in contents_of(images, contents):
        digest.update(content)
    return digest.hexdigest()[:32]


def _identity(name):
    """A name, or of a file or folder its path, size and time."""
    if name is None or not Path(name).exists():
        return repr(name)
    path = Path(name)
    path = path / "model.keras" if path.is_dir() else path
    state = path.stat() if path.exists() else None
    return repr((str(path.resolve()), state and (state.st_size, state.st_mtime_ns)))


def _keep(path, features):
    """Writes the features and removes all but the newest files; without room nothing is kept."""
    try:
        with replacing(path) as temporary:
            np.save(temporary, features)
    except InputError as error:
        say(f"The features are not kept for later commands: {error}")
        return
    files = sorted(path.parent.glob("*.npy"), key=lambda each: each.stat().st_mtime)
    for old in files[:-KEPT]:
        old.unlink(missing_ok=True)
