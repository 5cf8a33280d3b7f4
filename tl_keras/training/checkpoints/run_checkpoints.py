"""Checkpoints of one run: its fits, when they are saved, and how they are read back."""

import contextlib
import dataclasses
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tl_keras.checks import InputError
from tl_keras.files import read_json
from tl_keras.progress import say
from tl_keras.training.checkpoints.state_files import read_state, remove_state, write_state

KEPT = 3  # checkpoints of a fit that is not finished
_SHARE = 0.03  # of the time, at most, goes into checkpoints
_FITS, _DONE = "fits", "done"


class RunCheckpoints:
    """Checkpoints of a run in a folder.

    Args:
        folder: created when the first checkpoint is written.
        minutes: from one checkpoint of a fit to the next; 0 for one after each batch.

    Attributes:
        spent: seconds of earlier processes, up to their last checkpoint.
        spent_in_fits: those of them in the fits that this process has read back so far.
    """

    def __init__(self, folder: Path, minutes: float = 5.0) -> None:
        self.folder = Path(folder)
        self.minutes = minutes
        self.cost = 0.0  # seconds of the last one
        self.spent = max(map(_seconds_in, self.folder.rglob("*.json")), default=0.0)
        self.spent_in_fits = 0.0
        self._started = time.monotonic()
        self._part, self._fits = Path(), 0

    @property
    def seconds(self) -> float:
        """Seconds of this process, and of those before it up to their last checkpoint."""
        return self.spent + time.monotonic() - self._started

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Numbers the fits within the block for themselves, and forgets them when it is over."""
        before = self._part, self._fits
        self._part, self._fits = Path(name), 0
        try:
            yield
            shutil.rmtree(self.folder / _FITS / self._part, ignore_errors=True)
        finally:
            self._part, self._fits = before

    def next_fit(self, name: str) -> "FitCheckpoints":
        """Returns the checkpoints of the fit that begins now."""
        self._fits += 1
        folder = self.folder / _FITS / self._part / f"{self._fits:04}-{name}"
        return FitCheckpoints(self, name, folder)


@dataclasses.dataclass
class FitCheckpoints:
    """Checkpoints of one fit.

    Attributes:
        run: those of the run.
        name: of the fit.
        folder: of its checkpoints.
    """

    run: RunCheckpoints
    name: str
    folder: Path

    def __post_init__(self):
        self._last = self._started = time.monotonic()
        self._spent = 0.0  # seconds of earlier processes in this fit

    def finished(self) -> dict | None:
        """Returns the state in which this fit ended; None if that is not recorded."""
        found = self._counted(self._read(self.folder / _DONE))
        return found and found[0]

    def latest(self) -> tuple[dict, dict] | None:
        """Returns (state, facts) of the last whole checkpoint of this fit; None without any."""
        found = (self._read(path) for path in reversed(self._paths()))
        return self._counted(next((pair for pair in found if pair), None))

    def is_due(self, *, last: bool = False) -> bool:
        """Returns whether a checkpoint is to be written now.

        Args:
            last: whether the fit ends; then no more time than for 33 checkpoints has to be over.
        """
        seconds = 0.0 if last else 60 * self.run.minutes
        apart = max(seconds, self.run.cost / _SHARE) if self.run.minutes else 0.0
        return time.monotonic() - self._last >= apart

    def save(self, state_of: Callable[[], dict], epoch: int, step: int) -> None:
        """Writes a checkpoint and removes older ones; says so if it cannot be written.

        Args:
            state_of: function that returns the state.
            epoch: number of the epoch that goes on from here, in `fit`.
            step: completed steps of it.
        """
        paths = self._paths()
        number = int(paths[-1].name) + 1 if paths else 1
        self._write(f"{number:06}", state_of, {"epoch": epoch, "step": step})
        for path in self._paths()[:-KEPT]:
            remove_state(path)

    def finish(self, state_of: Callable[[], dict]) -> None:
        """Records the end of the fit in place of its checkpoints."""
        if self._write(_DONE, state_of, {}):
            for path in self._paths():
                remove_state(path)

    def _write(self, name: str, state_of: Callable[[], dict], facts: dict) -> bool:
        started = time.monotonic()
        in_fit = self._spent + started - self._started
        facts = facts | {"seconds": self.run.seconds, "seconds_in_fit": in_fit}
        try:
            write_state(self.folder / name, state_of(), facts)
        except InputError as error:
            say(f"NO CHECKPOINT: {error} The training goes on.")
            return False
        finally:
            self._last = time.monotonic()
            self.run.cost = self._last - started
        return True

    def _counted(self, found: tuple[dict, dict] | None) -> tuple[dict, dict] | None:
        """Returns what was read back; the seconds up to there count as spent in this fit."""
        if found is not None:
            spent = found[1].get("seconds_in_fit", 0.0)  # older checkpoints have none
            self.run.spent_in_fits += spent - self._spent
            self._spent = spent
        return found

    def _paths(self) -> list[Path]:
        names = sorted(path.stem for path in self.folder.glob("*.json") if path.stem != _DONE)
        return [self.folder / name for name in names]

    def _read(self, path: Path) -> tuple[Any, dict] | None:
        if not path.with_suffix(".json").is_file():
            return None
        found = read_state(path)
        if found is None:
            say(f"DAMAGED CHECKPOINT: {path} is left out; the one before it is used.")
        return found


def _seconds_in(path):
    try:
        return read_json(path, "seconds")["seconds"]
    except InputError:  # no facts, or those of a damaged checkpoint
        return 0.0


_active: RunCheckpoints | None = None


@contextlib.contextmanager
def checkpointing(checkpoints: RunCheckpoints) -> Iterator[RunCheckpoints]:
    """Records the fits within the block in `checkpoints`."""
    global _active
    before, _active = _active, checkpoints
    try:
        yield checkpoints
    finally:
        _active = before


def active_checkpoints() -> RunCheckpoints | None:
    """Returns the checkpoints of the run that goes on now; None without any."""
    return _active


@contextlib.contextmanager
def run_part(name: str) -> Iterator[None]:
    """See `RunCheckpoints.part`; without checkpoints it does nothing."""
    with contextlib.nullcontext() if _active is None else _active.part(name):
        yield
