"""Questions and answers of all browsers that show the page."""

import functools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tl_keras.checks import InputError, listed
from tl_keras.data.images import printable
from tl_keras.data.sources.label_rows import NONE_OF_THESE
from tl_keras.jobs.few_labels.label.answers import Answers
from tl_keras.jobs.few_labels.label.class_names import checked_name
from tl_keras.jobs.few_labels.label.guesses import Guesses
from tl_keras.jobs.few_labels.label.image_groups import ImageGroups
from tl_keras.jobs.few_labels.label.outlook import Outlook
from tl_keras.jobs.few_labels.label.watched_files import WatchedFiles

_AHEAD = 1  # image that a browser fetches before it is asked for; each takes as long as the first
_GRID = 60  # images in a grid
_OF_GROUP = 24  # images of a group, which are selected beforehand: as many as are seen at once
_FORGOTTEN = 600  # seconds after which the image of a browser may be shown to another
_RECENT = 8  # latest answers that are shown
_STEPS = 100  # answers that a browser can undo


def _locked(method):
    @functools.wraps(method)
    def call(self, sent):
        with self._lock:
            return method(self, sent)

    return call


class LabelSession:
    """Labelling of a folder by one or several browsers at once.

    Each public method takes the JSON object of a request and returns that of the answer.
    `sent["client"]` names the browser, which has an image and an undo of its own.

    Args:
        answers: `Answers` so far.
        files: `WatchedFiles`.
        guesses: `Guesses` that know the answers so far.
        outlook: `Outlook`, which forecasts the accuracy.
        groups: `ImageGroups` of the images.
        class_names: names of the classes.
        keep: function that saves the names of the classes.
    """

    def __init__(
        self,
        answers: Answers,
        files: WatchedFiles,
        guesses: Guesses,
        outlook: Outlook,
        groups: ImageGroups,
        class_names: Sequence[str],
        keep: Callable[[list[str]], None],
    ) -> None:
        self._answers, self._files, self._guesses = answers, files, guesses
        self._outlook, self._groups = outlook, groups
        self._classes, self._keep = list(class_names), keep
        self._lock = threading.Lock()
        self._asked: dict[str, tuple[int, float]] = {}
        self._steps: dict[str, list] = {}
        self._skipped: set[int] = set()
        self._outlook.follow(answers.labels)

    @_locked
    def state(self, sent: dict) -> dict:
        """Returns what the page shows, with the image that this browser is asked for."""
        return self._state(_client(sent))

    @_locked
    def answer(self, sent: dict) -> dict:
        """Labels images: `rows`, and `label`: a class, `NONE_OF_THESE`, or None for no label."""
        rows, label = self._rows(sent), sent.get("label")
        if label is not None and label != NONE_OF_THESE:
            self._check_class(label)
        self._check_files(rows)
        self._give(_client(sent), dict.fromkeys(rows, label))
        return self._state(_client(sent))

    @_locked
    def undo(self, sent: dict) -> dict:
        """Takes back the last answer of this browser, and asks for its image again."""
        client = _client(sent)
        steps = self._steps.get(client)
        if not steps:
            raise InputError("Expected an answer of this page to undo; received none.")
        before = self._answers.before(steps[-1])
        if before:
            self._set(before)
            self._ask(client, next(iter(before)))
        steps.pop()
        return self._state(client)

    @_locked
    def skip(self, sent: dict) -> dict:
        """Asks for another image; those that were skipped come last."""
        self._skipped.update(self._rows(sent))
        self._asked.pop(_client(sent), None)
        return self._state(_client(sent))

    @_locked
    def show(self, sent: dict) -> dict:
        """Asks this browser for an image of its choice."""
        self._ask(_client(sent), self._rows(sent)[0])
        return self._state(_client(sent))

    @_locked
    def add_class(self, sent: dict) -> dict:
        """Adds a class, `name`."""
        self._set_classes([*self._classes, checked_name(sent.get("name"), self._classes)])
        return self._state(_client(sent))

    @_locked
    def rename_class(self, sent: dict) -> dict:
        """Renames class `old` to `name`; a name that is there makes one class of the two."""
        old, name = sent.get("old"), sent.get("name")
        self._check_class(old)
        name = name if name in self._classes else checked_name(name)
        if name != old:
            rows = [row for row, label in self._answers.labels.items() if label == old]
            self._give(_client(sent), dict.fromkeys(rows, name))
            self._set_classes([name if each == old else each for each in self._classes])
        return self._state(_client(sent))

    @_locked
    def grid(self, sent: dict) -> dict:
        """Returns many images: those of a `kind` and a `value`, from number `start` on.

        The kind "guess" has images guessed to be a class, the surest first. "similar" has an image
        and those like it. "group" has those of a group, by default the one with the fewest labels.
        "class" has the images labelled as a class, the latest first. All others have no label, and
        "rest" has them all.
        """
        start, kind, value = sent.get("start", 0), sent.get("kind"), sent.get("value")
        if type(start) is not int or start < 0:
            raise InputError(f"Expected a start from 0; received {start!r}.")
        labels, found = self._answers.labels, {}
        if kind == "group":
            value = self._groups.neediest(labels) if value is None else value
            found = {"value": value, "groups": self._groups.overview(labels)}
        rows = self._grid_rows(kind, value)
        count = _OF_GROUP if kind == "group" else _GRID
        images = [self._image(row) for row in rows[start : start + count]]
        return {"images": images, "total": len(rows)} | found

    def _grid_rows(self, kind, value):
        labels = self._answers.labels
        if kind == "class":
            return [row for row in reversed(labels) if labels[row] == value]
        if kind == "guess" and not isinstance(value, str):
            rows = []
        elif kind == "guess":
            rows = self._guesses.guessed(value)
        elif kind == "similar":
            row = self._rows({"rows": [value]})[0]
            rows = [row, *self._guesses.similar(row)]
        elif kind == "group":
            rows = self._groups.rows(value)
        else:
            rows = range(len(self._answers.names))
        return [row for row in rows if row not in labels]

    def _state(self, client):
        labels = list(self._answers.labels.values())
        row, ahead = self._current(client)
        return {
            "classes": [{"name": name, "count": labels.count(name)} for name in self._classes],
            "none": labels.count(NONE_OF_THESE),
            "labelled": len(labels),
            "images": len(self._answers.names),
            "undo": len(self._steps.get(client, ())),
            "notes": self._notes(),
            "current": None if row is None else self._image(row),
            "ahead": ahead,
            "recent": [self._image(row) for row in list(self._answers.labels)[: -_RECENT - 1 : -1]],
            "enough": self._outlook.latest,
        }

    def _image(self, row):
        guess = self._guesses.of(row)
        return {
            "row": row,
            "name": printable(self._answers.names[row]),
            "label": self._answers.labels.get(row),
            "guess": guess and {"name": guess[0], "probability": guess[1]},
        }

    def _notes(self):
        """Sentences on images that are not as they were."""
        names = [printable(self._answers.names[row]) for row in sorted(self._files.trouble)]
        kinds = {
            "changed or gone since the page was started, so not asked for": names,
            "changed since they were labelled, so without a label": self._answers.changed,
            "labelled but not in the folder; their labels stay in the file": self._answers.missing,
        }
        return [
            f"{len(found)} images {words}: {listed([printable(name) for name in found], 3)}."
            for words, found in kinds.items()
            if found
        ]

    def _current(self, client):
        """Returns the image that a browser is asked for, or None, and those that come after it."""
        row, _ = self._asked.get(client, (None, 0))
        if row is not None and self._files.is_there(row):
            return row, []
        self._asked.pop(client, None)
        rows = self._next(client)
        if not rows and self._skipped:
            self._skipped.clear()
            rows = self._next(client)
        if not rows:
            return None, []
        self._ask(client, rows[0])
        return rows[0], rows[1:]

    def _next(self, client):
        """Returns images to ask for that are there and not before another browser."""
        recent = time.monotonic() - _FORGOTTEN
        others = {row for name, (row, at) in self._asked.items() if name != client and at > recent}
        while True:
            rows = self._guesses.next(1 + _AHEAD, self._skipped | others | set(self._files.trouble))
            there = [row for row in rows if self._files.is_there(row)]
            if there or not rows:
                return there

    def _ask(self, client, row):
        self._asked[client] = (row, time.monotonic())

    def _give(self, client, labels):
        """Sets labels by a browser, which can be undone."""
        steps = self._steps.setdefault(client, [])
        steps.append(self._set(labels))
        del steps[:-_STEPS]
        for name in [name for name, (row, _) in self._asked.items() if row in labels]:
            del self._asked[name]

    def _set(self, labels: Mapping[int, str | None]) -> Mapping:
        step = self._answers.give(labels)
        self._guesses.learn(labels)
        self._set_classes([*self._classes, *filter(None, labels.values())])
        self._outlook.follow(self._answers.labels)
        return step

    def _set_classes(self, names):
        names = [name for name in dict.fromkeys(names) if name != NONE_OF_THESE]
        if names != self._classes:
            self._keep(names)
            self._classes = names

    def _check_files(self, rows):
        for row in rows:
            if not self._files.is_there(row):
                name, words = printable(self._answers.names[row]), self._files.trouble[row]
                raise InputError(
                    f"Expected an image that is as it was; received {name}: {words}. Nothing was "
                    "labelled. Start the command again to read it anew."
                )

    def _check_class(self, name):
        if name not in self._classes:
            known = listed(self._classes) or "none yet"
            raise InputError(
                f"Expected one of the classes ({known}); received {name!r}. Add it first."
            )

    def _rows(self, sent) -> list[int]:
        rows, count = sent.get("rows"), len(self._answers.names)
        if not isinstance(rows, list) or not rows:
            raise InputError(f"Expected numbers of images as rows; received {rows!r}.")
        for row in rows:
            if type(row) is not int or not 0 <= row < count:
                raise InputError(f"Expected images from 0 to {count - 1}; received {row!r}.")
        return list(dict.fromkeys(rows))


def _client(sent: Mapping[str, Any]) -> str:
    """Returns the name that a browser gave itself."""
    client = sent.get("client")
    if not isinstance(client, str) or not 0 < len(client) <= 64:
        raise InputError("Expected the name of a browser as client; received none. Load it again.")
    return client
