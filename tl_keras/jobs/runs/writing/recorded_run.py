"""Run folder whose fits are recorded, so that a run that was stopped can be resumed."""

import contextlib
import hashlib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import tl_keras
from tl_keras.jobs.runs.writing.run_folder import RunFolder
from tl_keras.settings.image_source import CheckpointSettings
from tl_keras.settings.options.config_files import CHECKPOINTS
from tl_keras.training.checkpoints.run_checkpoints import RunCheckpoints, checkpointing

_PACKAGES = ("keras", "tensorflow", "numpy", "scikit-learn")
_ROOMS = ("data", "models", "training")  # whose code decides the weights


@contextlib.contextmanager
def recorded_run(
    path: Path | str, command: str, settings: CheckpointSettings, **arguments: object
) -> Iterator[RunFolder]:
    """Opens a `RunFolder` with checkpoints, which are removed when the block ends without error.

    An unfinished run of the same command, settings and versions goes on.

    Args:
        path: run folder.
        command: name of the command.
        settings: as they were given.
        **arguments: more of `RunFolder`.

    Raises:
        InputError: the folder cannot be used, see `RunFolder`.
    """
    asked = {"command": command, "settings": settings.to_json(), "versions": _versions()}
    with RunFolder(path, asked=asked, **arguments) as folder:
        checkpoints = RunCheckpoints(folder.path / CHECKPOINTS, settings.checkpoint_minutes)
        with checkpointing(checkpoints):
            yield folder


def _versions():
    """Returns the versions that can change the results."""
    versions = {name: metadata.version(name) for name in _PACKAGES}
    return {"tl_keras": tl_keras.__version__, "code": _digest(), **versions}


def _digest():
    package = Path(tl_keras.__file__).parent
    files = sorted(file for room in _ROOMS for file in (package / room).rglob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
