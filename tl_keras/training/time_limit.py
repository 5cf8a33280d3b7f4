"""Ends training when its time is over."""

import contextlib
import math
import time
from collections.abc import Iterator

import keras

from tl_keras.progress import say
from tl_keras.training.checkpoints.decisions import decided
from tl_keras.training.checkpoints.run_checkpoints import active_checkpoints
from tl_keras.training.distribution.several_machines import from_chief
from tl_keras.training.frozen.feature_cache import Features, Images
from tl_keras.training.optimizers import build_schedule

_PARTS = 10_000  # of the time, between which the rate differs


class TimeLimit(keras.callbacks.Callback):
    """Stops `fit` at the end of the epoch in which the time is over; at least one epoch runs.

    Args:
        seconds: from the creation of the object.
        charged: function that returns further seconds to count, spent before by others.
    """

    state_names = ("seconds_left",)

    def __init__(self, seconds, charged=lambda: 0.0):
        super().__init__()
        self._end = time.monotonic() + seconds
        self._charged = charged

    @property
    def seconds_left(self) -> float:
        """Seconds until the time is over."""
        return self._end - time.monotonic() - self._charged()

    @seconds_left.setter
    def seconds_left(self, seconds: float) -> None:
        self._end = time.monotonic() + self._charged() + seconds

    def on_epoch_end(self, epoch, logs=None):
        if from_chief(self.seconds_left < 0, self.model.distribute_strategy):
            self.model.stop_training = True


class CosineOverTime(keras.callbacks.Callback):
    """Lets the learning rate follow a cosine over a time, not over steps; then `fit` stops.

    For a limit in minutes, where the number of epochs is unknown. The curve is that of
    `build_schedule`, up to the rate that the optimizer has, which must be a number. At least one
    execution runs.

    Args:
        seconds: from the beginning of `fit`.
        clock: function that returns seconds.
    """

    state_names = ("seconds_spent",)

    def __init__(self, seconds, clock=time.monotonic):
        super().__init__()
        self._seconds = seconds
        self._clock = clock

    @property
    def seconds_spent(self) -> float:
        """Seconds since `fit` began."""
        return self._clock() - self._start

    @seconds_spent.setter
    def seconds_spent(self, seconds: float) -> None:
        self._start = self._clock() - seconds

    def on_train_begin(self, logs=None):
        self._start = self._clock()
        highest = float(self.model.optimizer.learning_rate)
        self._schedule = build_schedule("cosine", highest, _PARTS)
        self._follow(0.0)

    def on_train_batch_end(self, batch, logs=None):
        share = self.seconds_spent / self._seconds
        share = from_chief(share, self.model.distribute_strategy)
        self._follow(share)
        if share >= 1:
            self.model.stop_training = True

    def _follow(self, share):
        at = max(1, round(min(share, 1.0) * _PARTS))  # at 0 the rate would be 0
        self.model.optimizer.learning_rate = float(self._schedule(at))


class Deadline:
    """Tells whether a further fine-tuning ends in time.

    Args:
        minutes: from now on, less what a resumed run has spent before; None for no limit.
    """

    def __init__(self, minutes):
        checkpoints = active_checkpoints()
        spent = 0.0 if checkpoints is None else checkpoints.spent
        self._end = math.inf if minutes is None else time.monotonic() + 60 * minutes - spent
        self._slowest = 0.0  # seconds for one image in one epoch

    @contextlib.contextmanager
    def measuring(self, epochs: int, source: Images | Features) -> Iterator[None]:
        """Measures a fine-tuning for so many epochs on `Images` or `Features`.

        In a resumed run, what earlier processes spent in it counts too: a fine-tuning that is read
        back from its checkpoints takes no time by itself.
        """
        started = _seconds_with_earlier()
        yield
        seconds = _seconds_with_earlier() - started
        self._slowest = max(self._slowest, seconds / (epochs * len(source.labels)))

    def allows(self, epochs: int, source: Images | Features) -> bool:
        """Returns whether one for so many epochs, as slow as the slowest before, ends in time."""
        needed = self._slowest * epochs * len(source.labels)
        return from_chief(time.monotonic() + needed <= self._end)

    def leaves_out(self, epochs: int, source: Images | Features, name: str) -> bool:
        """Returns whether one would end too late, and says so."""
        if decided(f"time for {name}", lambda: self.allows(epochs, source)):
            return False
        say(f"OUT OF TIME: {name} is left out.")
        return True


def _seconds_with_earlier():
    """Seconds by the clock, and those of earlier processes in the fits read back by now."""
    checkpoints = active_checkpoints()
    return time.monotonic() + (0.0 if checkpoints is None else checkpoints.spent_in_fits)
