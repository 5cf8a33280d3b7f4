"""Plan of a training run and the time it takes, said before and while it runs."""

import dataclasses
import time

import keras

from tl_keras.checks import InputError
from tl_keras.data.array_store import need_room
from tl_keras.jobs.train.starting_point import StartingPoint
from tl_keras.progress import say
from tl_keras.reports.wording.numbers import format_duration
from tl_keras.settings.fine_tune import PRESETS
from tl_keras.settings.train import TrainSettings
from tl_keras.training.checkpoints.decisions import decided
from tl_keras.training.distribution.several_machines import from_chief
from tl_keras.training.fine_tuning.inputs import default_batch_size, images_of
from tl_keras.training.fine_tuning.linear_start import last_dense
from tl_keras.training.fine_tuning.time_plan import (
    Speed,
    measure_speed,
    memory,
    stages,
    start_bytes,
)

_SAY_EVERY = 20  # seconds


def planned(
    config: TrainSettings, start: StartingPoint, started: float | None = None
) -> "tuple[TrainSettings, TimeLeft | None]":
    """Fills the settings that a start decides, and prints the plan with its duration.

    Args:
        config: settings as they were given; minutes choose the preset, up to a given one.
        started: `time.monotonic` when the command began, where the minutes begin; None for now.

    Returns:
        (`TrainSettings` with a value for all; `TimeLeft`, or None without a linear start)

    Raises:
        InputError: not even the linear start fits into the minutes, or its features into the room
            for cached arrays.
    """
    started = time.monotonic() if started is None else started
    resolved, minutes = start.resolved(config), config.fine_tune.minutes
    if not resolved.fine_tune.linear_start:
        return resolved, None
    presets = _presets(config.fine_tune) if minutes else [resolved.fine_tune.preset]
    ways = [_with_preset(config, start, preset) for preset in presets]
    features = last_dense(start.model).kernel.shape[0]
    smallest = min(start_bytes(way.fine_tune, start.splits, features) for way in ways)
    need_room(smallest, what="features of the linear start")
    images = images_of(start.splits.train, start.model, ways[0].fine_tune, training=True)
    speed = measure_speed(start.model, images, ways[0].fine_tune)
    speed, elapsed = from_chief([dataclasses.asdict(speed), time.monotonic() - started])
    speed = Speed(**speed)
    plans = [stages(speed, way.fine_tune, start.splits, features) for way in ways]
    # The first run decides by the time that is left, and a resumed one does the same.
    number, left = decided("plan", lambda: _fitting(plans, minutes, elapsed, presets[-1]))
    way, parts = ways[number], plans[number]
    batch_size = way.fine_tune.batch_size or default_batch_size(len(start.splits.train))
    needed = memory(speed, way.fine_tune, start.splits, start.model, batch_size)
    return way, _announced(way, parts, needed, left)


def _fitting(plans, minutes, elapsed, last):
    """(number of the first plan that fits into the minutes, those left for its training)"""
    if minutes is None:
        return 0, None
    left = 60 * minutes - elapsed
    for number, parts in enumerate(plans):
        if sum(parts.values()) <= left:
            return number, (left - parts["test"]) / 60
    needed = (elapsed + sum(plans[-1].values())) / 60
    raise InputError(
        f"Expected at least {needed:.1f} minutes, which preset {last!r} takes here; "
        f"received --minutes {minutes:g}. Give more, or fewer --labels-per-class."
    )


def _announced(config, parts, needed=None, minutes=None):
    lines = ", ".join(f"{name} {format_duration(value)}" for name, value in parts.items())
    total = format_duration(sum(parts.values()))
    more = "" if config.unlabelled is None else ", then the phase with pseudo-labels"
    room = "" if needed is None else f" and {needed / 1e9:.1f} GB of memory"
    say(f"Plan ({config.fine_tune.preset}): {lines}; about {total}{room} in all{more}.")
    return TimeLeft(parts, minutes)


def _presets(asked):
    """Returns the presets up to the given one that allow the given options, the best first."""

    def can(preset):
        try:
            dataclasses.replace(asked, preset=preset)
        except InputError:  # an option that has no effect with it
            return False
        return True

    most = PRESETS.index(asked.preset or PRESETS[-1])
    return [name for name in reversed(PRESETS[: most + 1]) if can(name)]


def _with_preset(config, start, preset):
    tuning = dataclasses.replace(config.fine_tune, preset=preset)
    return start.resolved(dataclasses.replace(config, fine_tune=tuning))


class TimeLeft:
    """Prints the remaining time of a training every 20 seconds.

    Args:
        parts: {stage: estimated seconds}, see `training.fine_tuning.time_plan.stages`.
        minutes: for all fine-tunings; None for no limit.
    """

    def __init__(self, parts, minutes=None):
        self.minutes = minutes
        # What comes before the phases shows its own bars.
        self._parts = [parts[name] for name in parts if name not in ("linear start", "frozen part")]

    def callbacks(self):
        """The callbacks of the next phase of `fine_tune`."""
        phase = self._parts.pop(0) if self._parts else 0.0
        return [_PhaseClock(phase, sum(self._parts))]


class _PhaseClock(keras.callbacks.Callback):
    """Prints the remaining time of the phase and of those after it.

    Args:
        phase: estimated seconds of the phase.
        after: estimated seconds of all after it, which are off by the same factor.
    """

    state_names = ()  # it tells the time of this process

    def __init__(self, phase, after):
        super().__init__()
        self._phase = phase
        self._after = after

    def on_train_begin(self, logs=None):
        self._started = self._said = time.monotonic()
        self._first = None

    def on_epoch_end(self, epoch, logs=None):
        self._first = epoch if self._first is None else self._first
        now, done = time.monotonic(), epoch - self._first + 1
        if now - self._said >= _SAY_EVERY:
            self._said = now
            last = self.params["epochs"] - epoch - 1
            epoch_seconds = (now - self._started) / done
            planned = self._phase / (self.params["epochs"] - self._first)
            factor = epoch_seconds / planned if planned else 1.0
            left = epoch_seconds * last + factor * self._after
            say(f"About {format_duration(left)} left.")
