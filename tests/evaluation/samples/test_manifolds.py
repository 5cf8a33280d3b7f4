"""Precision and recall against plain loops and against sets where they are known."""

import numpy as np
import pytest

from tl_keras import InputError
from tl_keras.evaluation.encoders import distances
from tl_keras.evaluation.samples.manifolds import precision_and_recall

RNG = np.random.default_rng(0)


def plain_share_inside(points, members, k):
    radii = []
    for i, member in enumerate(members):
        others = [np.linalg.norm(member - o) for j, o in enumerate(members) if j != i]
        radii.append(sorted(others)[k - 1])
    hits = [
        any(np.linalg.norm(point - m) <= r for m, r in zip(members, radii, strict=True))
        for point in points
    ]
    return np.mean(hits)


@pytest.mark.parametrize("k", [1, 3])
def test_it_equals_plain_loops_whatever_the_blocks(k, monkeypatch):
    monkeypatch.setattr(distances.row_blocks, "__defaults__", (7,))
    samples, real = RNG.normal(0.7, 1, (40, 3)), RNG.normal(size=(30, 3))
    precision, recall = precision_and_recall(samples, real, k)
    assert 0.1 < precision < 1
    assert precision == plain_share_inside(samples, real, k)
    assert recall == plain_share_inside(real, samples, k)


def test_the_same_set_has_one_and_sets_far_apart_have_none():
    real = RNG.normal(size=(50, 4))
    assert precision_and_recall(real, real) == (1, 1)
    assert precision_and_recall(real + 100, real) == (0, 0)


def test_one_mode_of_two_is_precise_with_half_the_recall():
    modes = RNG.normal(size=(200, 2))
    real = np.concatenate([modes[:100], modes[100:] + 50])
    samples = modes[:100] + RNG.normal(0, 1e-4, (100, 2))
    precision, recall = precision_and_recall(samples, real)
    assert precision == 1
    assert recall == 0.5


@pytest.mark.parametrize(("rows", "k"), [(3, 3), (9, 0)])
def test_too_few_rows_or_no_neighbour_is_refused(rows, k):
    with pytest.raises(InputError, match="at least 4|k to be an integer"):
        precision_and_recall(np.zeros((rows, 2)), np.zeros((9, 2)), k)
