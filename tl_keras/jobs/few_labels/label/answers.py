"""Labels given so far, each on the disk before it counts."""

from collections.abc import Iterable, Mapping, Sequence

from tl_keras.data.sources.label_rows import NO_LABEL, NONE_OF_THESE, LabelLog, LabelRow


class Answers:
    """Labels of images, in the order in which they were given.

    Args:
        names: path of each image below the folder.
        contents: hash of the pixels of each image.
        log: `LabelLog`, whose rows are the answers so far.

    Attributes:
        labels: {row: name of a class, or `NONE_OF_THESE`}.
        changed: names of images that have changed since they were labelled; they have no label.
        missing: names of labelled images that are not there.
    """

    def __init__(self, names: Sequence[str], contents: Sequence[bytes], log: LabelLog) -> None:
        self.names, self._contents, self._log = names, contents, log
        self.labels: dict[int, str] = {}
        self.changed: list[str] = []
        self.missing: list[str] = []
        rows = {name: row for row, name in enumerate(names)}
        for name, answer in log.rows.last.items():
            row = rows.get(name)
            if row is None:
                self.missing.append(name)
            elif answer.content not in (b"", contents[row]):
                self.changed.append(name)
            else:
                self.labels[row] = answer.label

    @property
    def count(self) -> int:
        """Number of images with a class."""
        return len(self.labels) - self.none

    @property
    def none(self) -> int:
        """Number of images that belong to no class."""
        return list(self.labels.values()).count(NONE_OF_THESE)

    def give(self, labels: Mapping[int, str | None]) -> dict[int, tuple[str | None, str | None]]:
        """Sets labels, None to take one away; returns {row: (label before, label now)}.

        Raises:
            InputError: they cannot be written; then none of them counts.
        """
        step = {row: (self.labels.get(row), label) for row, label in labels.items()}
        self._log.append(self._rows(labels.items()))
        for row, label in labels.items():
            self.labels.pop(row, None)
            if label is not None:
                self.labels[row] = label
        return step

    def before(self, step: Mapping[int, tuple[str | None, str | None]]) -> dict[int, str | None]:
        """Returns the labels before a step of `give`, of images that nobody labelled since."""
        return {row: before for row, (before, now) in step.items() if self.labels.get(row) == now}

    def _rows(self, labels: Iterable[tuple[int, str | None]]):
        for row, label in labels:
            yield LabelRow(self.names[row], label or NO_LABEL, self._contents[row])
