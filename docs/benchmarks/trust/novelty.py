"""Novelty of the images of a class that was left out of the training.

Each class of a task with five classes or more is left out in turn. On the features of MobileNetV2
(each image and its mirror image) a logistic regression is fitted to 70 % of the images of the other
classes. Their other 30 % and the whole class that was left out are told apart. The area
under the ROC curve of the novelty stands beside that of the highest softmax probability. Its two
settings are the default's; `others` has those that are best on the other tasks.

    TL_KERAS_DATA=folder python -m docs.benchmarks novelty --tasks flowers,trash --seeds 2

Every finished task is a file of OUT. Writes its section of docs/benchmarks.md.
"""

import json

import numpy as np

from docs.benchmarks.shared.page import machine, replace_section, table_head
from docs.benchmarks.shared.tasks import mirrored_features
from docs.benchmarks.trust.frozen_features import (
    add_task_options,
    fit_regression,
    novelty_function,
)

WEIGHTS = (0.0, 0.2, 0.5, 0.8, 1.2)  # of the logits beside the distance
DEFAULT = "novelty 0.5"
RIVALS = ("softmax", "energy", "distance alone", "nearest, cosine", "Mahalanobis")


def add_options(options):
    add_task_options(options)
    options.add_argument("--seeds", type=int, default=2)


def main(given):
    results = {}
    for task in given.tasks:
        views, labels = mirrored_features(task, given.out / "features")
        if labels.max() < 4:
            continue
        kept = given.out / f"novelty-{task}.json"
        if not kept.exists():
            kept.write_text(json.dumps(left_out(views, labels, given.seeds)))
        results[task] = json.loads(kept.read_text())
        print(task, results[task], flush=True)
    replace_section("Images of no class", section(results, given.seeds))


def left_out(views, labels, seeds):
    """{score: mean area under the ROC curve over classes and seeds}"""
    found, strength = {}, None
    for seed in range(seeds):
        for label in range(labels.max() + 1):
            random = np.random.default_rng([seed, label])
            others = random.permutation(np.flatnonzero(labels != label))
            train, known = np.split(others, [int(0.7 * len(others))])
            own = np.where(labels > label, labels - 1, labels)[train]
            fitted, strength = fit_regression(views[:, train], own, strength)
            rows = np.concatenate([known, np.flatnonzero(labels == label)])
            scores = all_scores(views[:, train], own, fitted, views[:, rows])
            for name, score in scores.items():
                found.setdefault(name, []).append(area(score, len(known)))
    return {name: float(np.mean(areas)) for name, areas in found.items()}


def all_scores(train, labels, fitted, views):
    """{name: score (n,)}, higher for the novel."""
    from scipy.special import logsumexp, softmax

    logits = views @ fitted.kernel + fitted.bias
    probabilities = softmax(logits, axis=-1).mean(axis=0)
    distance = novelty_function(train[0], weight=0)(views, probabilities)
    logs = np.log(np.maximum(probabilities, 1e-20))
    lead = logs.max(axis=1) - logs.mean(axis=1)
    return {
        "softmax": -probabilities.max(axis=1),
        "energy": -logsumexp(logits, axis=-1).mean(axis=0),
        "distance alone": distance,
        "nearest, cosine": nearest(train[0], views),
        "Mahalanobis": mahalanobis(train[0], labels, views),
        **{f"novelty {weight}": distance - weight * lead for weight in WEIGHTS},
    }


def nearest(train, views):
    unit = train / np.linalg.norm(train, axis=1, keepdims=True)
    lengths = np.linalg.norm(views, axis=-1, keepdims=True)
    return np.mean([1 - (view @ unit.T).max(axis=1) for view in views / lengths], axis=0)


def mahalanobis(train, labels, views):
    """Distance to the nearest class mean, with a shared covariance shrunk by OAS."""
    from sklearn.covariance import oas

    means = np.stack([train[labels == label].mean(axis=0) for label in range(labels.max() + 1)])
    covariance, _ = oas(train - means[labels], assume_centered=True)
    values, vectors = np.linalg.eigh(covariance)
    whiten = vectors / np.sqrt(np.maximum(values, 1e-9))
    centres = means @ whiten
    distances = []
    for view in views:
        rows = view @ whiten
        squares = (rows**2).sum(axis=1)[:, None] - 2 * rows @ centres.T + (centres**2).sum(axis=1)
        distances.append(squares.min(axis=1))
    return np.mean(distances, axis=0)


def area(score, known):
    from sklearn.metrics import roc_auc_score

    return roc_auc_score(np.arange(len(score)) >= known, score)


def section(results, seeds):
    """Lines of Markdown."""
    columns = (*RIVALS, DEFAULT)
    lines = [
        f"{machine()}. MobileNetV2 at 224 pixels, frozen. Area under the ROC curve, mean over the"
        " classes that were left out; `others`: with the weight that is best on the other tasks.",
        "",
        *table_head("task", *columns, "others"),
    ]
    rows = []
    for task, areas in results.items():
        row = [areas[name] for name in columns] + [areas[best_elsewhere(results, task)]]
        rows.append(row)
        lines.append(f"| {task} | {' | '.join(f'{100 * value:.1f}' for value in row)} |")
    means = np.mean(rows, axis=0)
    lines.append(f"| mean | {' | '.join(f'{100 * value:.1f}' for value in means)} |")
    ahead = means[-2:] - means[0]
    lines += [
        "",
        f"Ahead of the highest softmax probability by {100 * ahead[0]:.1f} points, and by "
        f"{100 * ahead[1]:.1f} with the weight of the other tasks.",
    ]
    return [*lines, "", f"Command: `python -m docs.benchmarks novelty --seeds {seeds}`."]


def best_elsewhere(results, task):
    others = [areas for name, areas in results.items() if name != task]
    names = [f"novelty {weight}" for weight in WEIGHTS]
    return max(
        names, key=lambda name: np.mean([areas[name] for areas in others or [results[task]]])
    )
