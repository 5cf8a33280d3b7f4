"""k-means, purity and mutual information against slow versions and closed cases."""

from math import comb, log

import numpy as np
import pytest

from tl_keras.checks import InputError
from tl_keras.evaluation.encoders.clusters import (
    adjusted_mutual_information,
    cluster_features,
    purity,
)

RANDOM = np.random.default_rng(0)


def far_groups(sizes, d=4):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    centres = 10.0 * np.eye(len(sizes), d)
    rows = RANDOM.permutation(len(labels))
    return (centres[labels] + RANDOM.normal(0, 0.5, (len(labels), d)))[rows], labels[rows]


def test_groups_that_lie_apart_are_found_the_largest_first():
    x, labels = far_groups([5, 30, 12])
    found = cluster_features(x, 3)
    assert found.sizes.tolist() == [30, 12, 5]
    assert purity(labels, found.numbers) == 1.0
    assert adjusted_mutual_information(labels, found.numbers) == pytest.approx(1.0)
    for cluster in range(3):
        mine = x[found.numbers == cluster]
        np.testing.assert_allclose(found.centres[cluster], mine.mean(0), rtol=1e-4, atol=1e-4)


def test_members_are_ordered_by_their_distance_to_the_centre():
    x, _ = far_groups([20, 10])
    found = cluster_features(x, 2)
    plain = np.sqrt([sum((x[i] - found.centres[n]) ** 2) for i, n in enumerate(found.numbers)])
    np.testing.assert_allclose(found.distances, plain, rtol=1e-4)
    for cluster in range(2):
        rows = found.members(cluster)
        assert sorted(rows) == np.flatnonzero(found.numbers == cluster).tolist()
        assert (np.diff(found.distances[rows]) >= 0).all()


def test_clusters_seen_in_other_features_have_their_means_and_distances_there():
    x, _ = far_groups([20, 10])
    found, other = cluster_features(x, 2), RANDOM.normal(size=(30, 7))
    seen = found.seen_in(other)
    np.testing.assert_array_equal(seen.numbers, found.numbers)
    means = np.stack([other[found.numbers == cluster].mean(0) for cluster in range(2)])
    np.testing.assert_allclose(seen.centres, means, rtol=1e-5, atol=1e-6)
    plain = np.linalg.norm(other - means[found.numbers], axis=1)
    np.testing.assert_allclose(seen.distances, plain, rtol=1e-5)
    np.testing.assert_allclose(found.seen_in(x).centres, found.centres, rtol=1e-4, atol=1e-5)


def test_no_row_is_nearer_to_another_centre_and_the_seed_decides():
    x = RANDOM.normal(size=(60, 3))
    found = cluster_features(x, 5, seed=3)
    to_centres = ((x[:, None] - found.centres) ** 2).sum(2)
    np.testing.assert_array_equal(to_centres.argmin(1), found.numbers)
    np.testing.assert_array_equal(cluster_features(x, 5, seed=3).numbers, found.numbers)


def test_as_many_clusters_as_rows_and_rows_that_are_all_the_same():
    x = RANDOM.normal(size=(4, 3))
    assert cluster_features(x, 4).sizes.tolist() == [1, 1, 1, 1]
    same = cluster_features(np.ones((5, 3)), 2)
    assert same.sizes.sum() == 5
    assert same.distances.max() == 0


def slow_purity(labels, clusters):
    right = 0
    for cluster in set(clusters):
        mine = [label for label, c in zip(labels, clusters, strict=True) if c == cluster]
        right += max(mine.count(label) for label in set(mine))
    return right / len(labels)


def slow_adjusted(labels, clusters):
    """Counted pair by pair; the expectation over all ways to draw each cluster at random."""
    n, mutual, expected = len(labels), 0.0, 0.0
    for a in set(labels):
        for b in set(clusters):
            rows, columns = labels.count(a), clusters.count(b)
            both = sum(x == a and y == b for x, y in zip(labels, clusters, strict=True))
            for count in range(1, min(rows, columns) + 1):
                term = count / n * log(n * count / (rows * columns))
                chance = comb(rows, count) * comb(n - rows, columns - count) / comb(n, columns)
                mutual += term * (count == both)
                expected += term * chance
    entropy = sum(
        -(x.count(v) / n) * log(x.count(v) / n) for x in (labels, clusters) for v in set(x)
    )
    return (mutual - expected) / (entropy / 2 - expected)


@pytest.mark.parametrize("seed", range(4))
def test_purity_and_adjusted_mutual_information_equal_slow_versions(seed):
    random = np.random.default_rng(seed)
    labels, clusters = random.integers(0, 4, 50), random.integers(3, 9, 50)
    clusters[:20] = labels[:20]
    lists = labels.tolist(), clusters.tolist()
    assert purity(labels, clusters) == pytest.approx(slow_purity(*lists), abs=1e-12)
    measured = adjusted_mutual_information(labels, clusters)
    assert measured == pytest.approx(slow_adjusted(*lists), abs=1e-12)


def test_closed_cases_of_purity_and_adjusted_mutual_information():
    labels = [0, 0, 1, 1]
    assert purity(labels, [7, 7, 3, 3]) == 1.0
    assert adjusted_mutual_information(labels, [7, 7, 3, 3]) == pytest.approx(1)
    assert purity(labels, [0, 0, 0, 0]) == 0.5
    assert adjusted_mutual_information(labels, [0, 0, 0, 0]) == pytest.approx(0, abs=1e-12)
    # I = 0 where (log 2) / 3 is usual: two pairs agree in 2 of 6 ways, and else not at all.
    assert adjusted_mutual_information(labels, [0, 1, 0, 1]) == pytest.approx(-0.5)
    # Each image a cluster: pure, and no better than any other such clusters.
    assert purity(labels, [0, 1, 2, 3]) == 1.0
    assert adjusted_mutual_information(labels, [0, 1, 2, 3]) == pytest.approx(0, abs=1e-12)
    assert adjusted_mutual_information([5, 5], [1, 1]) == 1.0


@pytest.mark.parametrize("n", [200, 1000])
def test_many_random_clusters_are_worth_nothing(n):
    random = np.random.default_rng(0)
    values = [adjusted_mutual_information(*random.integers(0, 200, (2, n))) for _ in range(10)]
    assert abs(np.mean(values)) < 0.02


def test_wrong_input_is_refused():
    with pytest.raises(InputError, match=r"shapes \(3,\) and \(2,\)"):
        purity([0, 1, 1], [0, 1])
    with pytest.raises(InputError, match="num_clusters.*<= 3"):
        cluster_features(np.ones((3, 2)), 4)
    with pytest.raises(InputError, match="finite features"):
        cluster_features(np.full((3, 2), np.nan), 2)
