"""The folder of one run: locked while in use, each file written whole or not at all."""

import contextlib
import csv
import fcntl
import io
import os
import platform
import shutil
import sys
import time
from importlib import metadata
from pathlib import Path

from tl_keras.checks import InputError, listed
from tl_keras.data.images import printable
from tl_keras.data.split_records import each_record, read_records, write_records
from tl_keras.files import read_json, replacing, write_json, write_text
from tl_keras.progress import say
from tl_keras.settings.options.config_files import ASKED, CHECKPOINTS, differences_of, renamed

SPLITS, INTERRUPTED, FIXES = "splits.csv.gz", "interrupted.keras", "fixes.csv"
_BEGUN = {"config.json", "environment.json", "classes.json", SPLITS, FIXES}  # before any training
_PACKAGES = ("tl-keras", "tensorflow", "keras", "numpy", "scikit-learn", "pillow")


class RunFolder:
    """A run folder, new, empty or to be continued, that no other process may write to.

    Use as a context manager: the lock goes with the block, or with the process if it is killed.

    Args:
        path: folder, created if it is not there.
        continues: the settings of a run that may go on where it was, as its config.json has
            them; None for one that begins.
        asked: dict of "command", "settings" and "versions". An unfinished run that was begun with
            the same goes on. None for a run without checkpoints.
        option: of the command line that names the folder.

    Attributes:
        goes_on: whether it is an unfinished run that goes on.

    Raises:
        InputError: another run is writing there, it cannot be written, or it holds files, unless
            they are those of a run with the settings `continues` or `asked`.
    """

    def __init__(self, path, continues=None, asked=None, option="--out"):
        self.path = Path(path)
        self.goes_on = self._began = False
        self._continues, self._asked, self._option = continues, asked, option

    def __enter__(self):
        self._lock = None
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = open(self.path / ".lock", "w")  # noqa: SIM115 - held for the whole block
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise InputError(
                f"Expected a run folder of its own; received {self.path}, which another run is "
                f"writing to. Choose another {self._option}."
            ) from None
        except OSError as error:
            raise InputError(
                f"Expected a folder that can be written; received {self.path} "
                f"({error.strerror}). Choose another {self._option}."
            ) from error
        try:
            self._check_content()
            if self._asked is not None:
                self._began = not self.goes_on
                write_json(self.path / CHECKPOINTS / ASKED, self._asked)
        except InputError as error:
            self.__exit__(type(error))
            raise
        return self

    def _check_content(self):
        asked = self.path / CHECKPOINTS / ASKED
        if self._asked is not None and asked.is_file():
            self._go_on(read_json(asked, "command", "settings", "versions"))
            return
        if self._continues is not None or _holds_only_parts(self.path):
            self._remove_parts()
        if not any(entry.name != ".lock" for entry in self.path.iterdir()):
            return
        config = self.path / "config.json"
        if self._continues is None or not config.is_file():
            raise InputError(
                f"Expected a new or empty run folder; received {self.path}, which holds files. "
                f"Nothing in it was changed. Choose another {self._option} or remove it."
            )
        differences = _differences(renamed(read_json(config)), self._continues)
        if differences:
            raise InputError(
                f"Expected the settings with which {self.path} was begun; received others: "
                f"{differences}. Nothing in it was changed. Give the same, or another "
                f"{self._option}."
            )

    def _go_on(self, begun):
        """Checks that an unfinished run was begun alike."""
        differences = differences_of(begun, self._asked)
        if differences:
            raise InputError(
                f"Expected the settings with which the unfinished run {self.path} was begun; "
                f"received others: {differences}. Nothing in it was changed. Give the same, or "
                f"another {self._option}."
            )
        self._remove_parts()
        self.goes_on = True
        say(f"Going on with the unfinished run {self.path}.")

    def _remove_parts(self):
        for part in self.path.rglob(".part-*"):  # of a write that a kill cut short
            part.unlink()

    def __exit__(self, error=None, *_):
        if self._asked is not None and (error is None or self._has_begun_only()):
            remove_checkpoints(self.path)
        (self.path / ".lock").unlink(missing_ok=True)
        self._lock.close()
        with contextlib.suppress(OSError):
            self.path.rmdir()  # only if nothing was written

    def _has_begun_only(self):
        """Tells whether this run wrote nothing but the beginning of its checkpoints."""
        return self._began and not self._names() and not self._has_checkpoints()

    def _names(self):
        return {path.name for path in self.path.iterdir()} - {".lock", CHECKPOINTS}

    def _has_checkpoints(self):
        return any((self.path / CHECKPOINTS / of).exists() for of in ("fits", "features"))

    def discard_begun(self):
        """Removes what a run has written before its training, if there is nothing else.

        Returns:
            Whether it was removed: not from a run that goes on, nor beside checkpoints, features
            or any other file.
        """
        names = self._names()
        if not self._began or self._has_checkpoints() or names - _BEGUN:
            return False
        for name in names:
            (self.path / name).unlink()
        remove_checkpoints(self.path)
        return True

    def write_json(self, name, content):
        write_json(self.path / name, content)

    def write_splits(self, splits, rest=None, loaded=None):
        """Writes splits.csv.gz: the identity of each image, see `each_record`.

        Raises:
            InputError: the run goes on and was begun with other images.
        """
        self._write_records(SPLITS, each_record(splits, rest, loaded))

    def keep_fixes(self, file):
        """Copies the fixes.csv with which the images were loaded, so that the run has its own."""
        if file is not None:
            with replacing(self.path / FIXES) as temporary:
                shutil.copyfile(file, temporary)

    def check_images(self, splits):
        """Refuses an unfinished run that was begun with other images; keeps theirs until its end.

        For runs without splits.csv.gz.
        """
        self._write_records(f"{CHECKPOINTS}/{SPLITS}", each_record(splits))

    def _write_records(self, name, records):
        path = self.path / name
        if self.goes_on and path.is_file():
            records = tuple(records)
            _check_same_images(self.path, read_records(path), records)
        write_records(path, records)

    def write_environment(self):
        """Writes environment.json: what this run ran on, and the command that began it."""
        path = self.path / "environment.json"
        begun = read_json(path, "command", "started") if self.goes_on and path.is_file() else {}
        versions = {}
        for package in _PACKAGES:
            try:
                versions[package] = metadata.version(package)
            except metadata.PackageNotFoundError:
                versions[package] = None
        self.write_json(
            "environment.json",
            {
                "command": begun.get("command", sys.argv),
                "started": begun.get("started", time.strftime("%Y-%m-%dT%H:%M:%S%z")),
                "python": platform.python_version(),
                "platform": platform.platform(),
                "cpus": os.cpu_count(),
                "packages": versions,
            },
        )

    def write_history(self, history):
        """Writes history.csv: one row per epoch, with the name of its phase."""
        names = [p["name"] for p in history.phases for _ in range(p["start"], p["end"])]
        table = io.StringIO()
        writer = csv.writer(table)
        writer.writerow(["epoch", "phase", *history.history])
        for row in zip(history.epoch, names, *history.history.values(), strict=True):
            writer.writerow([row[0] + 1, *row[1:]])
        write_text(self.path / "history.csv", table.getvalue())

    def write_classes(self, class_names, model, *, flips=None):
        """Writes classes.json; `flips` tells whether figures are means over mirror images."""
        content = {"class_names": list(class_names), "image_size": list(model.input_shape[1:3])}
        self.write_json(
            "classes.json", content | ({} if flips is None else {"test_time_flips": flips})
        )

    def save_model(self, model, name="model.keras"):
        """Saves `model` whole or not at all."""
        with replacing(self.path / name) as temporary:
            model.save(temporary)


def remove_checkpoints(path: Path) -> None:
    """Removes what the run folder `path` needs only until the run is finished."""
    shutil.rmtree(path / CHECKPOINTS, ignore_errors=True)
    (path / INTERRUPTED).unlink(missing_ok=True)


def _holds_only_parts(path):
    return all(entry.name == ".lock" or entry.name.startswith(".part-") for entry in path.iterdir())


def _check_same_images(path, begun, now):
    # An earlier version recorded no groups.
    begun, now = ([record._replace(group=None) for record in each] for each in (begun, now))
    before, after = set(begun), set(now)
    if before == after:
        return
    names = [printable(f"{r.name} ({r.split})") for r in now if r not in before]
    lost = [printable(f"{r.name} ({r.split})") for r in begun if r not in after]
    raise InputError(
        f"Expected the images with which the unfinished run {path} was begun; received others: "
        f"{len(lost)} are missing or changed ({listed(lost) or 'none'}) and {len(names)} are new "
        f"({listed(names) or 'none'}). Nothing in it was changed. Put them back, or give another "
        "--out."
    )


def _differences(begun, asked):
    names = [n for n in {**begun, **asked} if begun.get(n) != asked.get(n)]
    return ", ".join(f"{n} {asked.get(n)!r} (there: {begun.get(n)!r})" for n in names)


def default_run_path(*parts):
    """A new path such as runs/vgg16-digits-20260131-120000."""
    plain = ["".join(c if c.isalnum() or c in "._" else "-" for c in Path(p).stem) for p in parts]
    return Path("runs") / "-".join([*plain, time.strftime("%Y%m%d-%H%M%S")])
