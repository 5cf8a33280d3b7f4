"""A made-up comparison whose answer is known."""

import numpy as np

from tl_keras.evaluation.statistics.comparison import choose_pairs, differences, summarise
from tl_keras.reports.pages.results import ComparisonResults
from tl_keras.reports.wording.comparison import verdict
from tl_keras.settings.compare import CompareSettings

ACCURACY = {
    "scratch:cnn": (0.21, 0.34, 0.52),
    "frozen": (0.45, 0.58, 0.68),
    "fine-tune": (0.46, 0.62, 0.77),
    "l2-sp": (0.47, 0.62, 0.76),
}
SECONDS = {"scratch:cnn": 10, "frozen": 6, "fine-tune": 50, "l2-sp": 55}


def made_up_rows(seeds=3, methods=tuple(ACCURACY)):
    """Rows as results.csv has them: budgets 10, 50 and 250."""
    rng = np.random.default_rng(0)
    return [
        {
            "method": method,
            "labels_per_class": budget,
            "seed": seed,
            "test_accuracy": float(ACCURACY[method][place] + rng.normal(0, 0.01)),
            "test_macro_f1": ACCURACY[method][place] - 0.1,
            "val_pictures": 20 * (1 + place),
            "val_accuracy": float(ACCURACY[method][place] + rng.normal(0, 0.02)),
            "epochs": 30,
            "best_epoch": 21,
            "lr": 1e-3,
            "seconds": SECONDS[method] * (1 + place) + rng.random(),
        }
        for seed in range(seeds)
        for place, budget in enumerate((10, 50, 250))
        for method in methods
    ]


def made_up_answers(rows, images=400):
    """Correctness of each run on the test images; the same images are hard for all runs."""
    rng = np.random.default_rng(1)
    return {
        (row["method"], row["labels_per_class"], row["seed"]): (
            np.arange(images) / images + rng.normal(0, 0.05, images) < row["test_accuracy"]
        )
        for row in rows
    }


def made_up_results(rows, **changes):
    """Results with these rows."""
    correct = made_up_answers(rows)
    found = {pair: differences(correct, *pair) for pair in choose_pairs(rows)}
    content = {
        "config": CompareSettings("cifar10", methods=("scratch:cnn", "linear"), epochs=30),
        "rows": rows,
        "summary": summarise(rows, correct),
        "differences": found,
        "verdicts": tuple(verdict(*pair, d) for pair, d in found.items()),
        "num_test": 400,
        "val_per_class": 10,
        "baseline_size": 32,
        "rates": {"scratch:cnn": (0.003, 0.001), "linear": (0.001,)},
    }
    return ComparisonResults(**content | changes)
