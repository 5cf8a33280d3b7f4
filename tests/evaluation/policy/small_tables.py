"""Rows of a made-up table."""

import numpy as np

from tl_keras.evaluation.policy.descriptors import NAMES
from tl_keras.evaluation.policy.table import Row


def row(data_set="a", linear=0.7, start=0.65, **accuracy):
    """A row whose linear start is right on `start` of the images held out."""
    descriptors = dict.fromkeys(NAMES, 10.0) | {"linear_accuracy": start, "grey": 0.0}
    accuracy = {"linear": linear, "balanced": linear + 0.05} | accuracy
    times = dict.fromkeys(accuracy, 20.0)
    return Row(data_set, f"{data_set}~4", 10, 0, 224, descriptors, accuracy, {"linear": 0.5}, times)


def told_by_grey(sets=12, seed=0):
    """Rows of which fine-tuning is better on colour, and the linear start on grey images."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(sets):
        grey = float(number % 2)
        for _ in range(3):
            noise = random.normal(scale=0.005)
            each = row(f"set {number}", balanced=0.7 + (0.5 - grey) / 5 + noise)
            each.descriptors["grey"] = grey
            rows.append(each)
    return rows
