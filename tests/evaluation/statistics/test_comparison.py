"""From runs to means, pairs and paired differences."""

import numpy as np
import pytest

from tl_keras.evaluation.statistics.comparison import choose_pairs, differences, summarise
from tl_keras.evaluation.statistics.intervals import crossed_difference, mean_accuracy


def run(method, budget, seed, test, val=0.5, seconds=1.0):
    return {
        "method": method,
        "labels_per_class": budget,
        "seed": seed,
        "test_accuracy": test,
        "test_macro_f1": test / 2,
        "val_accuracy": val,
        "seconds": seconds,
    }


def answers(*runs):
    """Answers to 30 images of (method, labels per class, seed) each."""
    rng = np.random.default_rng(0)
    return {run: rng.random(30) < 0.7 for run in runs}


def test_summary_is_a_mean_with_its_interval_for_each_method_and_budget():
    rows = [run("a", 5, 0, 0.5), run("b", 5, 0, 0.9), run("a", 5, 1, 0.7, 0.7, 3.0)]
    correct = answers(("a", 5, 1), ("b", 5, 0), ("a", 5, 0))
    first, second = summarise(rows, correct)
    assert (first["method"], first["labels_per_class"], first["runs"]) == ("a", 5, 2)
    interval = mean_accuracy(np.stack([correct["a", 5, 0], correct["a", 5, 1]]))
    assert (first["test_accuracy"], first["interval"]) == (interval.mean, interval.half)
    assert (first["val_accuracy"], first["seconds"]) == (pytest.approx(0.6), 2.0)
    assert first["test_macro_f1"] == pytest.approx(0.3)
    assert summarise([rows[0] | {"test_macro_f1": np.nan}], correct)[0]["test_macro_f1"] is None
    assert second["runs"] == 1
    assert second["interval"] == mean_accuracy(correct["b", 5, 0][None]).half


def test_transfers_are_set_against_the_best_scratch_on_validation_never_on_test():
    rows = [
        run("scratch:mlp", 5, 0, test=0.9, val=0.3),
        run("scratch:cnn", 5, 0, test=0.1, val=0.4),
        run("frozen", 5, 0, test=0.9, val=0.6),
        run("fine-tune", 5, 0, test=0.2, val=0.8),
    ]
    assert choose_pairs(rows) == [
        ("fine-tune", "scratch:cnn"),
        ("frozen", "scratch:cnn"),
        ("fine-tune", "frozen"),
    ]


@pytest.mark.parametrize("methods", [("frozen", "joint"), ("scratch:mlp", "scratch")])
def test_without_both_kinds_all_are_set_against_the_first(methods):
    assert choose_pairs([run(m, 5, 0, 0.5) for m in methods]) == [methods[::-1]]
    assert choose_pairs([run(methods[0], 5, 0, 0.5)]) == []


def test_differences_are_paired_by_seed_and_image_and_ascend_by_budget():
    correct = answers(
        *(("a", 50, 0), ("b", 50, 0), ("c", 50, 0)),
        *(("a", 5, seed) for seed in (0, 1)),
        *(("b", 5, seed) for seed in (1, 0, 2)),
    )
    found = differences(correct, "a", "b")
    assert list(found) == [5, 50]
    pair = (np.stack([correct[m, 5, 0], correct[m, 5, 1]]) for m in "ab")
    assert found[5] == crossed_difference(*pair)
    assert found[50] == crossed_difference(correct["a", 50, 0][None], correct["b", 50, 0][None])


def test_budget_that_one_of_them_lacks_has_no_difference():
    assert differences(answers(("a", 5, 0), ("b", 7, 0)), "a", "b") == {}
