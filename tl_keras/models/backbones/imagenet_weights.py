"""ImageNet weights in the Keras cache: look-up and complete downloads."""

import contextlib
import fcntl
import hashlib
import os
import tempfile
import time
from pathlib import Path

import keras

from tl_keras.checks import InputError
from tl_keras.files import PART, replacing
from tl_keras.models.backbones.imagenet_files import imagenet_file
from tl_keras.models.saving.hdf5_safety import check_hdf5

_FRESH = 60  # seconds in which a part may not be locked yet


def cached_weights(backbone: str, image_size: tuple[int, int]) -> Path | None:
    """Finds the ImageNet weights of a backbone in the Keras cache, without network access.

    A file counts only if it is complete, according to the published hash. The files without a hash
    (MobileNet, MobileNetV2) are checked against the end of file declared in their first block.

    Args:
        backbone: str, a name from `list_backbones()`.
        image_size: (int, int), height and width.

    Returns:
        Path, or None if the file is absent or damaged.
    """
    file = imagenet_file(backbone, image_size)
    path = _cache_folder() / file.name
    return path if path.is_file() and _is_whole(path, file.file_hash) else None


def fetch_weights(backbone: str, image_size: tuple[int, int]) -> Path:
    """Returns the path of the ImageNet weights and downloads them if they are not in the cache.

    The download goes to a temporary name and is renamed once it is complete. An interrupted
    download is therefore never found in the cache, and two processes can fetch the same file.

    Args:
        backbone: str, a name from `list_backbones()`.
        image_size: (int, int), height and width.

    Returns:
        Path in the Keras cache.

    Raises:
        InputError: there is no network, or the download is not the published file.
    """
    cached = cached_weights(backbone, image_size)
    if cached is not None:
        return cached
    file = imagenet_file(backbone, image_size)
    path = _cache_folder() / file.name
    _remove_stale(path)
    with replacing(path) as temporary, _held(temporary):
        _download(file, temporary)
        if not _is_whole(temporary, file.file_hash):
            raise _unavailable(file, "the downloaded file is truncated or not the published one")
    return path


def _cache_folder():
    """Returns the folder where `keras.utils.get_file` stores weights, also for a read-only home."""
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")).expanduser()
    if home.exists() and not os.access(home, os.W_OK):
        home = Path(tempfile.gettempdir()) / ".keras"
    return home / "models"


@contextlib.contextmanager
def _held(part):
    """Locks a file while it is downloaded, so that nobody takes it for one of a killed process."""
    with open(part, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)  # HDF5 takes one as well to read the file
        yield


def _remove_stale(path):
    """Removes the parts of downloads of `path` that a killed process left in the cache."""
    for part in path.parent.glob(f"{PART}*{path.name[-64:]}"):
        with contextlib.suppress(OSError), open(part, "rb") as file:  # one may just be renamed
            if time.time() - part.stat().st_mtime > _FRESH:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                part.unlink()


def _is_whole(path, file_hash):
    if file_hash is not None:
        algorithm = "sha256" if len(file_hash) == 64 else "md5"
        with open(path, "rb") as file:
            return hashlib.file_digest(file, algorithm).hexdigest() == file_hash
    try:
        check_hdf5(path)
    except InputError:
        return False
    return True


def _download(file, temporary):
    try:
        keras.utils.get_file(
            temporary.name, file.url, cache_subdir=str(temporary.parent), force_download=True
        )
    except Exception as error:  # Keras raises a bare Exception
        if isinstance(error, OSError) and error.filename is not None:
            raise  # this machine's disk, which `replacing` explains
        raise _unavailable(file, str(error).splitlines()[0]) from error


def _unavailable(file, reason):
    reason = reason.replace(f" on {file.url}", "")
    return InputError(
        f"Expected to download the ImageNet weights {file.url}; received no network or no such "
        f"file ({reason}). Give a weights file, or weights='random', or on the command line "
        f"--weights auto; or put {file.name} into {_cache_folder()}."
    )
