"""Logistic regression and novelty on frozen features of the small tasks, as a model has them."""

from pathlib import Path

import numpy as np

from docs.benchmarks.shared.tasks import TASKS, listed


def add_task_options(options):
    options.add_argument("--out", type=Path, default=Path("runs/trust"), help="keeps what is done")
    options.add_argument("--tasks", type=listed, default=",".join(TASKS))


def fit_regression(views, labels, strength=None):
    """(regression with `kernel` and `bias`, its strength, chosen by validation if not given).

    Args:
        views: float (v, n, d), features of each image and its mirror image.
        labels: int (n,).
        strength: float.
    """
    from tl_keras.training.fine_tuning.linear_start import _moments, fit_linear_start
    from tl_keras.training.fine_tuning.logistic_regression import LogisticRegression

    number = labels.max() + 1
    strength = strength or fit_linear_start(views, labels, number).strength
    return LogisticRegression(views, labels, number, *_moments(views)).fit(strength), strength


def novelty_function(references, weight=0.5):
    """A function (views (v, n, d), probabilities (n, c)) -> novelty (n,), as the model has it."""
    from tl_keras.models.answers.local_distance import fit_local_distance

    distance = fit_local_distance(references).model()

    def novelty(views, probabilities):
        far = np.mean([distance(view).numpy() for view in views], axis=0)
        logs = np.log(np.maximum(probabilities, 1e-20))
        return far - weight * (logs.max(axis=1) - logs.mean(axis=1))

    return novelty
