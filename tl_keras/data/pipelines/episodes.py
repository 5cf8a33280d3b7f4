"""Episodes: small tasks of a few classes with a support set and queries, drawn by (seed, index)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tl_keras.checks import InputError, check_number, listed
from tl_keras.data.dataset import ImageDataset


class Episode(NamedTuple):
    """Rows of one task in its dataset; row i of both belongs to the i-th class drawn.

    Attributes:
        classes: int64 (n_way,), labels of the classes.
        support: int64 (n_way, k_shot), images that are shown with their class.
        query: int64 (n_way, n_query), images to recognise.
    """

    classes: np.ndarray
    support: np.ndarray
    query: np.ndarray


@dataclass(frozen=True)
class TaskSampler:
    """Draws tasks from a labelled dataset: classes without repetition, support and query disjoint.

    The episode with an index is a function of (seed, index), whatever was drawn before. Example:
    `TaskSampler(5, 1, 15).tasks(dataset).draw(0).support`.

    Args:
        n_way: int, classes per episode, at least 2.
        k_shot: int, support images per class, at least 1.
        n_query: int, queries per class, at least 1.
        seed: int from 0.

    Raises:
        InputError: a number is out of range.
    """

    n_way: int
    k_shot: int
    n_query: int
    seed: int = 0

    def __post_init__(self):
        check_number("n_way", self.n_way, minimum=2, integer=True)
        check_number("k_shot", self.k_shot, minimum=1, integer=True)
        check_number("n_query", self.n_query, minimum=1, integer=True)
        check_number("seed", self.seed, minimum=0, integer=True)

    @property
    def per_class(self) -> int:
        """Images per class of an episode."""
        return self.k_shot + self.n_query

    def tasks(
        self,
        dataset: ImageDataset,
        *,
        groups: Sequence[str] | None = None,
        grouped: float | None = None,
        drawers: Sequence[int] | np.ndarray | None = None,
    ) -> "Tasks":
        """Returns the tasks of a dataset.

        Args:
            dataset: labelled `ImageDataset`. A class without images is left out.
            groups: name of the group of each class (num_classes,), such as its alphabet. Then all
                classes of an episode are of one group, and each group is as likely.
            grouped: share of the episodes that have the classes of one group, and others where
                the group has too few; the rest is drawn from all classes. Needs `groups`. Defaults
                to None: all, and a small group is refused.
            drawers: number of the drawer of each image (n,). Then the support of all classes is by
                the same k_shot drawers, and the queries by n_query others.

        Raises:
            InputError: there are no labels, fewer classes than n_way in all or in a group, or a
                class with too few images.
        """
        return Tasks(self, dataset, groups, drawers, grouped)


class Tasks:
    """Tasks of one dataset, see `TaskSampler.tasks`.

    Attributes:
        sampler: the `TaskSampler`.
        dataset: the `ImageDataset`.
    """

    def __init__(
        self,
        sampler: TaskSampler,
        dataset: ImageDataset,
        groups: Sequence[str] | None = None,
        drawers: Sequence[int] | np.ndarray | None = None,
        grouped: float | None = None,
    ) -> None:
        self.sampler, self.dataset, self._grouped = sampler, dataset, grouped
        _check_labels(dataset)
        self._rows, self._counts = _rows_by_class(dataset.labels, dataset.num_classes)
        by_group = _classes_by_group(self._counts, groups)
        self._classes, self._by_drawer = list(by_group.values()), None
        if grouped is not None:
            check_number("grouped", grouped, minimum=0, maximum=1)
            by_group = _classes_by_group(self._counts, None)
        _check_ways(sampler.n_way, by_group, grouped=groups is not None and grouped is None)
        if drawers is not None:
            self._by_drawer = _rows_by_drawer(dataset, np.asarray(drawers))
            check_number("k_shot + n_query", sampler.per_class, maximum=self._by_drawer.shape[1])
        self._check_counts()

    def draw(self, index: int) -> Episode:
        """Returns the `Episode` of a number from 0."""
        generator = np.random.default_rng([self.sampler.seed, int(index)])
        classes = self._draw_classes(generator)
        rows = self._draw_rows(classes, generator)
        return Episode(classes, rows[:, : self.sampler.k_shot], rows[:, self.sampler.k_shot :])

    def draw_rows(self, indices: np.ndarray) -> np.ndarray:
        """Returns the rows of several episodes, support first: int64 (e, n_way, k + q)."""
        return np.stack([np.concatenate(self.draw(i)[1:], axis=1) for i in indices])

    def _draw_classes(self, generator):
        n_way = self.sampler.n_way
        if self._grouped is None:
            group = self._classes[generator.integers(len(self._classes))]
            return generator.choice(group, n_way, replace=False)
        every = generator.permutation(np.concatenate(self._classes))
        if generator.random() >= self._grouped:
            return every[:n_way]
        # The group of a random class, so that a large group is as likely as it is large.
        group = next(group for group in self._classes if every[0] in group)
        first = generator.permutation(group)[:n_way]
        others = every[~np.isin(every, group)]
        return np.concatenate([first, others[: n_way - len(first)]])

    def _draw_rows(self, classes, generator):
        if self._by_drawer is not None:
            drawers = generator.permutation(self._by_drawer.shape[1])[: self.sampler.per_class]
            return self._by_drawer[classes][:, drawers]
        width = self._counts[classes].max()
        order = generator.random((len(classes), width))
        order[np.arange(width) >= self._counts[classes][:, None]] = np.inf
        places = np.argsort(order, axis=1, kind="stable")[:, : self.sampler.per_class]
        return np.take_along_axis(self._rows[classes], places, axis=1)

    def _check_counts(self):
        needed = self.sampler.per_class
        used = np.concatenate(self._classes)
        for label in used[self._counts[used] < needed]:
            raise InputError(
                f"Expected at least k_shot + n_query = {needed} images of each class; received "
                f"{self._counts[label]} of {self.dataset.class_names[label]!r}. Add images, leave "
                "the class out, or ask for fewer."
            )


def _check_labels(dataset):
    if dataset.labels is None:
        raise InputError(
            f"Expected labels, from which episodes are drawn; received {dataset.source} without "
            "labels."
        )


def _rows_by_class(labels, num_classes):
    """Returns the rows of each class, padded to (num_classes, most), and their numbers."""
    counts = np.bincount(labels, minlength=num_classes)
    rows = np.zeros((num_classes, max(1, counts.max(initial=0))), np.int64)
    rows[np.arange(rows.shape[1]) < counts[:, None]] = np.argsort(labels, kind="stable")
    return rows, counts


def _classes_by_group(counts, groups):
    """Returns {group name: its classes that have images}; one group of all if there are none."""
    present = np.flatnonzero(counts)
    if groups is None:
        return {"": present}
    if len(groups) != len(counts):
        raise InputError(
            f"Expected the group of each of {len(counts)} classes; received {len(groups)} groups."
        )
    names = np.asarray([str(name) for name in groups])
    return {name: present[names[present] == name] for name in sorted(set(names[present]))}


def _check_ways(n_way, classes, *, grouped):
    small = [
        f"{name} {len(group)}".strip() for name, group in classes.items() if len(group) < n_way
    ]
    if small or not classes:
        raise InputError(
            f"Expected at least n_way={n_way} classes{' in each group' if grouped else ''}; "
            f"received {listed(small) or 0}. Lower n_way"
            f"{', or leave small groups out' if grouped else ''}."
        )


def _rows_by_drawer(dataset, drawers):
    """Returns the row of each class and drawer, int64 (num_classes, drawers)."""
    if drawers.shape != dataset.labels.shape:
        raise InputError(
            f"Expected the drawer of each of {len(dataset)} images; received {drawers.shape}."
        )
    names, numbers = np.unique(drawers, return_inverse=True)
    rows = np.full((dataset.num_classes, len(names)), -1, np.int64)
    rows[dataset.labels, numbers] = np.arange(len(dataset))
    whole = np.bincount(dataset.labels, minlength=dataset.num_classes) == len(names)
    empty = np.bincount(dataset.labels, minlength=dataset.num_classes) == 0
    for label in np.flatnonzero(~(whole & (rows >= 0).all(1)) & ~empty):
        raise InputError(
            f"Expected one image of each class by each of {len(names)} drawers; received others "
            f"of {dataset.class_names[label]!r}. Leave drawers out."
        )
    return rows
