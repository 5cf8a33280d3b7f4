"""Measures the search for suspect labels: a tenth of the labels of each suite task is changed.

`check` and cleanlab get the same held-out probabilities, of the logistic regression and the nearest
images in frozen MobileNetV2 features. cleanlab is no part of this project; without it only ours is
measured. With --clean the labels stay as they are, and the number of suspects is counted. The tasks
lie in the folder suite/ of the one that TL_KERAS_DATA names, unpacked, or in --data; the features
are kept in --features.

    python -m docs.benchmarks suspect_labels --seeds 5 --tasks trash,flowers --data FOLDER
"""

from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score

from docs.benchmarks.shared.data_folder import data_file
from docs.benchmarks.shared.page import table_head
from docs.benchmarks.shared.tasks import SUITE, listed, plain_features
from tl_keras.evaluation.classifiers.neighbour_labels import (
    neighbour_probabilities,
    with_neighbours,
)
from tl_keras.evaluation.classifiers.suspect_labels import find_suspect_labels
from tl_keras.evaluation.encoders.feature_space import directions, find_neighbours
from tl_keras.training.fine_tuning.linear_start import fit_linear_start

CLEANLAB = ("self_confidence", "normalized_margin", "confidence_weighted_entropy")
SHARE = 0.1


def add_options(options):
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--tasks", type=listed, default=",".join(SUITE))
    options.add_argument("--data", type=Path, help="folder of the tasks")
    options.add_argument("--features", type=Path, default=Path("suite-features"))
    options.add_argument("--clean", action="store_true")


def main(given):
    folder = given.data or data_file("suite")
    names = ["ours", *(f"cleanlab {name}" for name in CLEANLAB if has_cleanlab())]
    columns = [*names, "estimated share", "suspects", "of them wrong", "wrong found"]
    print("\n".join(table_head("task", *columns)), flush=True)
    all_rows = []
    for task in given.tasks:
        features, labels = plain_features(folder / task, given.features / f"{task}.npz")
        features, labels = features[None].astype(np.float32), labels.astype(int)
        rows = [measured(features, labels, seed, given.clean) for seed in range(given.seeds)]
        all_rows.append(np.mean(rows, axis=0))
        print_row(task, all_rows[-1], len(names))
    print_row("mean", np.mean(all_rows, axis=0), len(names))


def print_row(name, row, precisions):
    cells = [f"{value:.3f}" for value in row[:precisions]]
    share, suspects, right, found = row[precisions:]
    cells += [f"{share:.1%}", f"{suspects:.0f}", f"{right:.0%}", f"{found:.0%}"]
    print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def measured(features, labels, seed, clean):
    """[average precision of each, estimated share, suspects, share of them wrong, recall]"""
    random = np.random.default_rng(seed)
    classes, seen = labels.max() + 1, labels.copy()
    if not clean:
        changed = random.permutation(len(labels))[: round(SHARE * len(labels))]
        seen[changed] = (labels[changed] + random.integers(1, classes, len(changed))) % classes
    wrong = seen != labels
    p = fit_linear_start(features, seen, classes, seed=seed).probabilities
    neighbours = find_neighbours(directions(features[0]), k=20)
    p = with_neighbours(p, neighbour_probabilities(neighbours, seen, classes))
    found = find_suspect_labels(p, seen)
    scores = [found.wrong, *(1 - cleanlab_scores(seen, p, n) for n in CLEANLAB if has_cleanlab())]
    precisions = [np.nan if clean else average_precision_score(wrong, s) for s in scores]
    hits = wrong[found.rows].sum()
    shares = (hits / max(len(found.rows), 1), hits / max(wrong.sum(), 1))
    return [*precisions, found.share, len(found.rows), *shares]


def cleanlab_scores(labels, probabilities, name):
    from cleanlab.rank import get_label_quality_scores

    p = probabilities.astype(np.float64)
    return get_label_quality_scores(labels, p / p.sum(axis=1, keepdims=True), method=name)


def has_cleanlab():
    try:
        import cleanlab  # noqa: F401
    except ImportError:
        return False
    return True
