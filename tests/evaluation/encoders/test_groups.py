"""Groups at three levels: Ward's merges against SciPy, and the level that is shown first."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import cut_tree, ward

from tl_keras.checks import InputError
from tl_keras.evaluation.encoders import groups as module
from tl_keras.evaluation.encoders.clusters import adjusted_mutual_information, cluster_features
from tl_keras.evaluation.encoders.groups import Merges, choose_level, first_groups, group_rows

RANDOM = np.random.default_rng(0)


def apart(count, n=60, d=8, noise=0.2):
    """Rows around `count` centres that lie far apart, and their centre."""
    labels = np.arange(n) % count
    rows = np.eye(count, d)[labels] * 3 + RANDOM.normal(0, noise, (n, d))
    return rows.astype("float32"), labels


def nested():
    """Three large groups of three small ones each, 40 rows in each of these."""
    small = np.arange(360) % 9
    corners = 12.0 * np.eye(6)[small // 3] + 2.0 * np.eye(6)[3 + small % 3]
    return (corners + RANDOM.normal(0, 0.2, (360, 6))).astype("float32"), small


def agree(a, b):
    return adjusted_mutual_information(a, b) == pytest.approx(1)


def test_merges_are_those_of_scipy():
    rows = RANDOM.normal(size=(50, 4)).astype("float32")
    tree, plain = Merges.of(rows), ward(rows.astype(float))
    variance = np.square(rows - rows.mean(0)).sum()
    np.testing.assert_allclose(tree.costs[::-1], plain[:, 2] ** 2 / 2 / variance, rtol=1e-4)
    assert tree.costs.sum() == pytest.approx(1, rel=1e-4)
    for count in (1, 2, 7, 30, 50):
        assert agree(tree.cut(count), cut_tree(plain, count)[:, 0])
        assert tree.cut(count).max() == count - 1


def test_a_small_cluster_counts_as_its_rows(monkeypatch):
    """Ten points, each several times: merging the points or the rows is the same."""
    points, times = RANDOM.normal(size=(10, 3)).astype("float32"), RANDOM.integers(1, 9, 10)
    rows = np.repeat(points, times, axis=0)
    tree, plain = Merges.of(rows), ward(rows.astype(float))
    assert len(tree.costs) == 9
    variance = np.square(rows - rows.mean(0)).sum()
    np.testing.assert_allclose(tree.costs, plain[::-1, 2][:9] ** 2 / 2 / variance, rtol=1e-4)
    assert agree(tree.cut(4), cut_tree(plain, 4)[:, 0])


def test_merging_starts_from_few_small_clusters_however_many_rows_there_are():
    tree = Merges.of(RANDOM.normal(size=(3000, 3)).astype("float32"))
    assert len(tree.costs) == module._SEEDS - 1
    assert len(np.unique(tree.cut(40))) == 40


@pytest.mark.parametrize("count", [2, 3, 5])
def test_groups_that_lie_apart_are_found_and_their_number_is_clear(count):
    rows, labels = apart(count)
    found = group_rows(rows)
    assert found.is_clear
    assert len(found.clusters.centres) == count
    assert agree(labels, found.clusters.numbers)


def test_without_a_clear_number_it_follows_the_number_of_images():
    for size, expected in ((40, 9), (400, 15)):
        found = group_rows(RANDOM.normal(size=(size, 6)).astype("float32"))
        assert (len(found.clusters.centres), found.is_clear) == (expected, False)
        assert list(found.costs) == list(range(2, min(size // 2, 40) + 1))


def test_levels_are_nested():
    rows, small = nested()
    found = group_rows(rows)
    assert found.is_clear
    assert agree(found.clusters.numbers, small // 3)
    assert agree(found.clusters.numbers * 10 + found.parts, small)
    for cluster in range(3):
        parts = found.members_of_parts(cluster)
        assert [len(part) for part in parts] == [40, 40, 40]
        joined = np.concatenate(parts)
        assert sorted(joined) == np.flatnonzero(found.clusters.numbers == cluster).tolist()
        assert (np.diff(found.clusters.distances[parts[0]]) >= 0).all()


def test_many_clusters_are_merged_into_few_large_ones():
    rows, small = nested()
    found = group_rows(rows, num_groups=9)
    assert agree(found.clusters.numbers, small)
    assert len(found.large) == 3
    for large in found.large:
        inside = np.isin(found.clusters.numbers, large)
        assert len(np.unique(small[inside] // 3)) == 1
    assert sorted(sum(found.large, ())) == list(range(9))
    assert (found.costs, found.is_clear) == ({}, False)


def test_starting_from_merged_clusters_ends_at_least_as_near_as_a_random_start():
    rows = RANDOM.normal(size=(600, 10)).astype("float32")
    start = Merges.of(rows).cut(15)
    lost = [
        np.square(cluster_features(rows, 15, **how).distances).sum()
        for how in ({"start": start}, {"starts": 1})
    ]
    assert lost[0] < lost[1]
    same = cluster_features(rows, 15, start=start, seed=5)
    np.testing.assert_array_equal(same.numbers, cluster_features(rows, 15, start=start).numbers)


def test_few_or_equal_rows_are_one_group():
    for rows in (RANDOM.normal(size=(3, 2)), np.zeros((50, 1))):
        found = group_rows(rows)
        assert len(found.clusters.centres) == 1
        assert found.parts.tolist() == [0] * len(rows)
        assert (found.costs, found.large) == ({}, ())
    assert choose_level(Merges.of(RANDOM.normal(size=(5, 2)).astype("float32")), 5) == (2, False)
    assert group_rows(np.zeros((5, 2)), num_groups=5).clusters.sizes.sum() == 5
    assert group_rows(RANDOM.normal(size=(7, 2)), num_groups=7).clusters.sizes.tolist() == [1] * 7


def test_from_features_lengths_do_not_matter_and_distances_are_those_of_directions():
    rows, labels = apart(3)
    found = first_groups(rows * RANDOM.uniform(0.1, 9, (60, 1)))
    assert agree(labels, found.clusters.numbers)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    first = found.clusters.members(0)
    centre = unit[first].mean(0)
    expected = np.linalg.norm(unit[first] - centre, axis=1)
    np.testing.assert_allclose(found.clusters.distances[first], expected, atol=1e-5)


def test_more_groups_than_rows_are_refused():
    with pytest.raises(InputError, match="num_groups.*<= 5"):
        first_groups(RANDOM.normal(size=(5, 3)), num_groups=6)
