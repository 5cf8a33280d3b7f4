"""Distances and neighbours against plain searches."""

import sys
import tracemalloc

import numpy as np
import pytest

from tl_keras.checks import InputError
from tl_keras.data.inspection import nearest_rows
from tl_keras.evaluation.encoders import approximate_neighbours, feature_space
from tl_keras.evaluation.encoders.feature_space import (
    close_pairs,
    directions,
    find_neighbours,
    main_directions,
)

RANDOM = np.random.default_rng(0)


def test_distances_are_those_of_directions_and_lengths_do_not_matter():
    features = RANDOM.normal(size=(30, 12))
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    space = directions(features * RANDOM.uniform(0.1, 9, (30, 1)))
    plain = np.linalg.norm(unit[:, None] - unit, axis=2)
    np.testing.assert_allclose(np.linalg.norm(space[:, None] - space, axis=2), plain, atol=1e-5)


def test_what_is_odd_is_far_however_small_its_share_of_the_variance():
    features = np.hstack([RANDOM.normal(size=(100, 20)), np.zeros((100, 1))])
    features[7] = [*np.zeros(20), 4]
    assert find_neighbours(directions(features)).loneliness.argmax() == 7


def test_main_directions_are_those_of_a_plain_decomposition():
    space = directions(RANDOM.normal(size=(200, 80)))
    main = main_directions(space)
    centred = space - space.mean(0)
    left, values, _ = np.linalg.svd(centred.astype(float), full_matrices=False)
    expected = (left * values)[:, : feature_space.COMPONENTS]
    np.testing.assert_allclose(np.abs(main[:, :5]), np.abs(expected[:, :5]), rtol=1e-2, atol=1e-3)
    assert main.shape == (200, feature_space.COMPONENTS)
    assert main_directions(directions(np.ones((5, 3)))).tolist() == [[0.0]] * 5


def test_what_are_no_features_is_refused():
    with pytest.raises(InputError, match="finite features"):
        directions(np.full((5, 3), np.inf))


@pytest.mark.parametrize("block", [7, 512])
def test_neighbours_are_those_of_a_plain_search(block, monkeypatch):
    monkeypatch.setattr(feature_space, "_BLOCK", block)
    monkeypatch.setattr(nearest_rows, "_KNOWN", block)
    space = RANDOM.normal(size=(40, 5)).astype("float32")
    found = find_neighbours(space, k=4)
    plain = np.linalg.norm(space[:, None].astype(float) - space, axis=2)
    np.fill_diagonal(plain, np.inf)
    np.testing.assert_array_equal(found.rows, np.argsort(plain, axis=1)[:, :4])
    np.testing.assert_allclose(found.distances, np.sort(plain, axis=1)[:, :4], rtol=1e-5)
    assert find_neighbours(space[:3], k=10).rows.shape == (3, 2)


@pytest.mark.parametrize("count", [3_000, pytest.param(21_000, marks=pytest.mark.slow)])
def test_repeats_are_found_among_all_rows_up_to_a_high_number(count):
    assert count <= approximate_neighbours.EXACT_UP_TO == 100_000
    space = RANDOM.normal(size=(count, 6)).astype("float32")
    first, second = RANDOM.permutation(count)[:60].reshape(2, 30)
    space[second] = space[first] + 1e-4
    found = find_neighbours(space, k=1)
    assert found.found == 1.0
    np.testing.assert_array_equal(found.rows[first, 0], second)
    np.testing.assert_array_equal(found.rows[second, 0], first)
    pairs = {pair[:2] for pair in close_pairs(found, ratio=0.01)}
    assert pairs >= {tuple(sorted(pair)) for pair in zip(first, second, strict=True)}


def test_memory_of_the_exact_search_is_that_of_a_block(monkeypatch):
    monkeypatch.setattr(nearest_rows, "_QUERIES", 100)
    monkeypatch.setattr(nearest_rows, "_KNOWN", 500)
    space = RANDOM.normal(size=(4000, 4)).astype("float32")
    find_neighbours(space[:100], k=5)
    tracemalloc.start()
    find_neighbours(space, k=5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8e6  # all distances at once are 64 MB


def test_an_index_finds_the_neighbours_of_very_many_rows_and_says_how_many(monkeypatch):
    pytest.importorskip("faiss")
    monkeypatch.setattr(approximate_neighbours, "EXACT_UP_TO", 500)
    monkeypatch.setattr(approximate_neighbours, "_JUDGED", 3000)
    space = RANDOM.normal(size=(3000, 4)).astype("float32")
    space[50:90] = space[50]
    plain = find_neighbours(space, k=5)
    exact = approximate_neighbours.exact_neighbours(space, 5)
    assert plain.rows.shape == (3000, 5)
    assert (plain.rows != np.arange(3000)[:, None]).all() and (plain.rows >= 0).all()
    shared = np.mean([len(set(a) & set(b)) / 5 for a, b in zip(exact, plain.rows, strict=True)])
    assert plain.found == pytest.approx(shared, abs=2e-3)  # equal rows come in any order
    assert plain.found > 0.95
    np.testing.assert_array_equal(find_neighbours(space, k=5).rows, plain.rows)
    monkeypatch.setattr(approximate_neighbours, "_PROBED", 1)
    assert find_neighbours(space, k=5).found < 0.9


def test_without_the_library_very_many_rows_are_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    monkeypatch.setattr(approximate_neighbours, "EXACT_UP_TO", 50)
    with pytest.raises(InputError, match=r"faiss-cpu for more than 50 images; received 60.*pip"):
        find_neighbours(RANDOM.normal(size=(60, 3)).astype("float32"))
    find_neighbours(RANDOM.normal(size=(50, 3)).astype("float32"))


def test_the_loneliest_row_is_the_one_far_from_all():
    space = np.vstack([RANDOM.normal(size=(50, 4)), np.full((1, 4), 9.0)]).astype("float32")
    loneliness = find_neighbours(space).loneliness
    assert loneliness.argmax() == 50
    assert loneliness[50] > 4
    assert np.median(loneliness) == pytest.approx(1)


def test_close_pairs_are_found_once_the_nearest_first_and_others_are_not():
    alone = RANDOM.normal(size=(60, 40)).astype("float32")
    assert close_pairs(find_neighbours(alone)) == []
    space = alone.copy()
    space[10] = space[3] + 0.01
    space[50] = space[20]
    pairs = close_pairs(find_neighbours(space))
    assert [pair[:2] for pair in pairs] == [(20, 50), (3, 10)]
    assert pairs[0][2] == 0
