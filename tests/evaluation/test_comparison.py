"""From runs to means, pairs and paired differences."""

import pytest

from tl_keras.evaluation.comparison import choose_pairs, differences, summarise
from tl_keras.evaluation.intervals import mean_interval


def run(method, budget, seed, test, val=0.5, seconds=1.0):
    return {
        "method": method,
        "labels_per_class": budget,
        "seed": seed,
        "test_accuracy": test,
        "val_accuracy": val,
        "seconds": seconds,
    }


def test_summary_is_a_mean_with_its_interval_for_each_method_and_budget():
    rows = [run("a", 5, 0, 0.5), run("b", 5, 0, 0.9), run("a", 5, 1, 0.7, 0.7, 3.0)]
    first, second = summarise(rows)
    assert (first["method"], first["labels_per_class"], first["runs"]) == ("a", 5, 2)
    assert first["test_accuracy"] == pytest.approx(0.6)
    assert first["interval"] == mean_interval([0.5, 0.7]).half
    assert (first["val_accuracy"], first["seconds"]) == (pytest.approx(0.6), 2.0)
    assert (second["runs"], second["interval"]) == (1, None)


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


def test_differences_are_paired_by_seed_and_ascend_by_budget():
    rows = [run("a", 50, 0, 0.9), run("b", 50, 0, 0.6)]
    rows += [run("a", 5, seed, 0.5 + seed / 10) for seed in (0, 1)]
    rows += [run("b", 5, seed, 0.4 + seed / 20) for seed in (1, 0, 2)]
    found = differences(rows, "a", "b")
    assert list(found) == [5, 50]
    assert found[5] == mean_interval([0.5 - 0.4, 0.6 - 0.45])
    assert (found[50].mean, found[50].half) == (pytest.approx(0.3), None)


def test_budget_that_one_of_them_lacks_has_no_difference():
    assert differences([run("a", 5, 0, 0.5), run("b", 7, 0, 0.5)], "a", "b") == {}
