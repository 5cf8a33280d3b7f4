"""Equal methods are seldom told apart by `tl-keras compare`: its simulation, reduced."""

import numpy as np
import pytest

from docs.benchmarks.trust.verdicts import draw, told_apart


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
def test_equal_methods_are_told_apart_in_at_most_5_percent(seeds):
    told = told_apart(seeds, 100, None, 600)
    assert told["ours"] <= 0.05 < told["seeds alone"]


def test_one_number_of_degrees_for_seeds_and_images_is_too_few():
    told = told_apart(2, 1000, "each method's own", 600)
    assert told["ours"] <= 0.05 < 0.07 < told["Satterthwaite"]


def test_a_true_difference_is_told_with_seeds_and_images_enough():
    assert told_apart(10, 1000, None, 100, 0.05)["ours"] > 0.8


def test_simulated_methods_differ_by_what_is_asked():
    rng = np.random.default_rng(0)
    drawn = [draw(rng, 3, 1000, "none", 0.05) for _ in range(200)]
    assert sum(a.mean() - b.mean() for a, b in drawn) / 200 == pytest.approx(0.05, abs=0.003)
