"""Files and messages of a training that stops before its end."""

import contextlib
import hashlib
import shlex
from collections.abc import Iterator
from pathlib import Path

import keras

from tl_keras.checks import InputError, ran_out_of_memory
from tl_keras.jobs.runs.writing.run_folder import INTERRUPTED, RunFolder
from tl_keras.progress import say
from tl_keras.settings.options.config_files import ASKED, CHECKPOINTS


@contextlib.contextmanager
def keeping_interrupted(
    folder: RunFolder, model: keras.Model, batch_size: int | None = None
) -> Iterator[None]:
    """Saves the weights so far of `model` as interrupted.keras if training stops early.

    Weights that are still those from before the block are not saved. Then the run folder goes too,
    unless it has something that a resumed run needs.

    Args:
        batch_size: images per step, for the message when memory runs out; None for no message.

    Raises:
        InputError: memory ran out.
    """
    before = _digest(model)
    try:
        yield
    except (SystemExit, KeyboardInterrupt, InputError) as error:
        # Stopped by a signal, a lost file or a loss that is no number.
        if _digest(model) == before:
            _leave_untrained(folder, error)
        else:
            _save_interrupted(folder, model)
        raise
    except Exception as error:
        if batch_size is None or not ran_out_of_memory(error):
            raise
        folder.discard_begun()
        raise InputError(
            f"Expected memory enough for batches of {batch_size} images; received out of "
            f"memory. Give --batch-size {max(batch_size // 2, 1)}, or a smaller --image-size."
        ) from error


def _digest(model):
    digest = hashlib.sha256()
    for weight in model.weights:
        digest.update(weight.numpy().tobytes())
    return digest.digest()


def _leave_untrained(folder, error):
    """Discards a run that has nothing yet; of a signal it says so, an error says enough."""
    discarded = folder.discard_begun()
    if isinstance(error, InputError):
        return
    new, kept = ("", "; nothing is kept") if discarded else ("new ", "")
    say(f"Stopped before anything {new}was trained{kept}.")
    _say_if_goes_on(folder)


def _save_interrupted(folder, model):
    """Saves the weights so far; a full disk does not change why training stopped."""
    path = folder.path / INTERRUPTED
    try:
        folder.save_model(model, INTERRUPTED)
    except InputError as error:
        say(f"Stopped early; the weights since the last checkpoint are lost: {error}")
    else:
        say(f"Stopped early; the weights so far are in {path}")
    _say_if_goes_on(folder)


def _say_if_goes_on(folder):
    if (folder.path / CHECKPOINTS / ASKED).is_file():
        say(f"The same command line with --out {shlex.quote(str(folder.path))} goes on.")


@contextlib.contextmanager
def keeping_saved(path: Path) -> Iterator[None]:
    """Says, if the block fails, that the model of the run folder `path` is saved all the same.

    Raises:
        InputError: memory ran out.
    """
    advice = f"The model is saved; `tl-keras evaluate {shlex.quote(str(path))}` measures it."
    try:
        yield
    except InputError as error:
        error.args = (f"{error} {advice}",)
        raise
    except BaseException as error:
        if ran_out_of_memory(error):
            raise InputError(
                f"Expected memory enough to measure the model; received out of memory. {advice}"
            ) from error
        say(advice)
        raise
