"""Result of a training: the values of each epoch, its phases, and what else a method found."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypedDict

import keras

if TYPE_CHECKING:
    from tl_keras.training.fine_tuning.from_linear import FromLinear
    from tl_keras.training.frozen.feature_cache import Features


class Phase(TypedDict):
    """Epochs of one fit, from `start` to before `end`."""

    name: str
    start: int
    end: int
    trainable_weights: int


class TrainingHistory(keras.callbacks.History):
    """`keras.callbacks.History` over all phases of a training."""

    history: dict[str, list[float]]
    """Values of each metric per epoch; NaN where a phase does not have it."""
    epoch: list[int]
    """Numbers of the epochs, from 0."""
    phases: list[Phase]
    """Phases in order."""
    best_epoch: int | None = None
    """Epoch whose weights were kept, from 0; None if none was better than the start."""
    seconds: dict[str, float]
    """Duration of each stage, and "total"."""
    from_linear: FromLinear | None = None
    """Start, points and choice of `fine_tune` from a linear start."""
    source_model: keras.Model | None = None
    """Classifier of the source after joint training, on the backbone as it is now."""
    answers: Features | None = None
    """Predictions of the teacher that `distill` learned from."""
    pruning: dict | None = None
    """Sizes before and after `prune`."""

    def __init__(self) -> None:
        super().__init__()
        self.history, self.epoch, self.phases, self.seconds = {}, [], [], {}

    @contextlib.contextmanager
    def timing(self, stage: str) -> Iterator[None]:
        """Adds the duration of the block to that of a stage."""
        started = time.monotonic()
        yield
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.monotonic() - started

    def add_phase(self, name: str, fit: keras.callbacks.History, model: keras.Model) -> None:
        """Appends a fit of `model`, whose epochs are numbered after those before, as a phase."""
        start = len(self.epoch)
        self._add_epochs(fit, fit.epoch)
        weights = len(model.trainable_weights)
        self.phases.append(
            Phase(name=name, start=start, end=start + len(fit.epoch), trainable_weights=weights)
        )

    def extend(self, more: TrainingHistory) -> None:
        """Appends the epochs, phases and seconds of another training."""
        start = len(self.epoch)
        self._add_epochs(more, [start + epoch for epoch in more.epoch])
        for phase in more.phases:
            moved = {name: start + phase[name] for name in ("start", "end")}
            self.phases.append({**phase, **moved})
        if more.best_epoch is not None:
            self.best_epoch = start + more.best_epoch
        total = self.seconds.get("total", 0.0) + more.seconds.get("total", 0.0)
        self.seconds.update({**more.seconds, "total": total})

    def _add_epochs(self, more: keras.callbacks.History, numbers: list[int]) -> None:
        start = len(self.epoch)
        for name in {**self.history, **more.history}:
            values = self.history.setdefault(name, [math.nan] * start)
            values.extend(more.history.get(name, [math.nan] * len(numbers)))
        self.epoch.extend(numbers)
