"""Decorator of the jobs that train: devices, number format, and one process that writes."""

import contextlib
import dataclasses
import functools
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import tensorflow as tf

from tl_keras.checks import InputError, listed
from tl_keras.settings.options.declaration import fields_of, nested_in
from tl_keras.training.distribution.several_machines import from_chief, on_several_machines
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
            if not on_several_machines(strategy):
                return job(settings, *arguments)
            is_chief = _is_chief(strategy.cluster_resolver)
            with _naming_lost_workers(), _one_writer(settings, is_chief) as settings:
                return job(settings, *arguments)

    return run


def _is_chief(resolver):
    cluster = resolver.cluster_spec().as_dict()
    return resolver.task_id == 0 and (resolver.task_type == "chief" or "chief" not in cluster)


@contextlib.contextmanager
def _naming_lost_workers() -> Iterator:
    """Raises one line where an exchange ended because another process did."""
    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError) as error:
        tasks = sorted(set(re.findall(r"/task:\d+", str(error))))
        raise InputError(
            "Expected all workers to go on; received no answer from another one "
            f"({listed(tasks) or 'unknown which'}), which has ended or cannot be reached. See its "
            "output, and start all of them again."
        ) from error


@contextlib.contextmanager
def _one_writer(settings, is_chief) -> Iterator:
    """Yields the settings of this process; all but the chief write a copy and print nothing.

    Raises:
        InputError: the folder is there for the chief, and others do not see its files.
    """
    with contextlib.ExitStack() as stack:
        place = Path(settings.out or "run")
        if not is_chief:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tl-keras-"))
            place = _copied(place, Path(folder, place.name))
            settings = dataclasses.replace(settings, out=str(place))
        files = _files(place)
        if files != from_chief(files):  # the chief writes only after all have copied
            raise InputError(
                f"Expected a folder {settings.out} that all processes see, as it holds files; "
                "received others here. Give an --out on a shared disk, or a new folder."
            )
        if not is_chief:
            nowhere = stack.enter_context(open(os.devnull, "w"))
            stack.enter_context(contextlib.redirect_stdout(nowhere))
            stack.enter_context(contextlib.redirect_stderr(nowhere))
        yield settings


def _copied(place, copy):
    if place.is_dir():
        shutil.copytree(place, copy, ignore=shutil.ignore_patterns(".lock", ".part-*"))
    return copy


def _files(place):
    found = (path for path in place.rglob("*") if path.is_file()) if place.is_dir() else ()
    names = (str(path.relative_to(place)) for path in found)
    return sorted(name for name in names if not name.startswith((".lock", ".part-")))


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
