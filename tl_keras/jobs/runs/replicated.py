"""Decorator of the jobs that train: devices, number format, and one process that writes."""

import contextlib
import dataclasses
import functools
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tl_keras.checks import InputError
from tl_keras.settings.declaration import fields_of, nested_in
from tl_keras.training.distribution.strategy import running_under


def replicated(job: Callable) -> Callable:
    """Runs a job under the strategy and number format of its settings, its first argument.

    Of several processes all run the job, as each has part of every batch. The chief alone writes
    and prints: the others write to a temporary folder, which goes with the job.
    """

    @functools.wraps(job)
    def run(settings, *arguments):
        with running_under(settings) as strategy:
            if strategy is None:
                return job(settings, *arguments)
            _check_batch_sizes(settings, strategy.num_replicas_in_sync)
            resolver = strategy.cluster_resolver
            if resolver is None or _is_chief(resolver):
                return job(settings, *arguments)
            with _unseen(settings) as settings:
                return job(settings, *arguments)

    return run


def _is_chief(resolver):
    cluster = resolver.cluster_spec().as_dict()
    return resolver.task_id == 0 and (resolver.task_type == "chief" or "chief" not in cluster)


@contextlib.contextmanager
def _unseen(settings) -> Iterator:
    """Yields settings that write to a temporary folder; nothing is printed inside."""
    name = Path(settings.out or "run").name
    with (
        tempfile.TemporaryDirectory(prefix="tl-keras-") as folder,
        open(os.devnull, "w") as nowhere,
    ):
        with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            yield dataclasses.replace(settings, out=str(Path(folder, name)))


def _check_batch_sizes(settings, replicas):
    """Refuses a batch size that was asked for and that replicas cannot share evenly."""
    own = [option.name for option in fields_of(type(settings)) if option.name == "batch_size"]
    for name in own:
        size = getattr(settings, name)
        if size is not None and size % replicas:
            raise InputError(
                f"Expected a batch size that {replicas} replicas share evenly; received "
                f"{name}={size}. Give {size // replicas * replicas or replicas}, or "
                f"{(size // replicas + 1) * replicas}."
            )
    for name in nested_in(type(settings)):
        part = getattr(settings, name)
        if part is not None:
            _check_batch_sizes(part, replicas)
