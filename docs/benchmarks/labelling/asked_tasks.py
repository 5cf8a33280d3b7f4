"""Tasks whose true labels answer in the place of a person; 30 % of the images are set aside.

The tasks are those of suite/ in the folder that TL_KERAS_DATA names, cat_breeds, cats_vs_dogs and
the test images of cifar10, unpacked below --data.
"""

from pathlib import Path

import numpy as np

from docs.benchmarks.shared import tasks
from tl_keras.evaluation.labelling.head import head_probabilities, unit_rows
from tl_keras.evaluation.labelling.labelling import Labelling

TASKS = (*tasks.TASKS, "cifar10/test")
HELD_OUT, MOST = 0.3, 4000  # images of a task that are used at most


def add_task_options(options):
    options.add_argument("--data", type=Path, required=True, help="folder of the tasks")
    options.add_argument("--features", type=Path, default=Path("task-features"), help="kept here")
    options.add_argument("--tasks", type=tasks.listed, default=",".join(TASKS))
    options.add_argument("--seeds", type=int, default=5)


def features_of(task, given):
    """(features (n, d), labels) of a task, computed once."""
    kept = given.features / f"{task.replace('/', '_')}.npz"
    features, labels = tasks.plain_features(given.data / task, kept)
    rows = np.random.default_rng(0).permutation(len(labels))[:MOST]
    return features[rows], labels[rows]


class Task:
    """Images to ask for and images to measure on, for one seed.

    The directions of the features come from all images, since none needs a label.
    """

    def __init__(self, features, labels, seed):
        order = np.random.default_rng(100 + seed).permutation(len(labels))
        held = int(HELD_OUT * len(labels))
        rows = unit_rows(features[order])
        self.labels, self.test_labels = labels[order[held:]], labels[order[:held]]
        self.rows, self.test_rows = rows[held:], rows[:held]
        self.num_classes, self.seed = int(labels.max()) + 1, seed

    def asked_for(self, count, chosen, at_once=5):
        """Rows in the order in which their labels are given."""
        if not chosen:
            return np.random.default_rng(self.seed).permutation(len(self.rows))[:count]
        labelling = Labelling(self.rows)
        while len(labelling.answers) < count:
            for row in labelling.next(min(at_once, count - len(labelling.answers))):
                labelling.answer(row, int(self.labels[row]))
        return np.array(list(labelling.answers))

    def accuracy(self, asked):
        known = self.rows[asked], self.labels[asked]
        found = head_probabilities(*known, self.test_rows, self.num_classes)
        return float((found.argmax(axis=1) == self.test_labels).mean())
