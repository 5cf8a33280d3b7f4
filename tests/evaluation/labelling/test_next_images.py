"""Choice of the images to label next."""

import numpy as np

from tl_keras.evaluation.labelling.next_images import landmark_rows, most_telling, typicality


def rows(n=60, d=5, seed=0):
    found = np.random.default_rng(seed).normal(size=(n, d))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def total_variance(x, labelled, weights, noise=0.3):
    """Weighted sum of the variances of all images once some have a label, by inverting."""
    known = x[labelled]
    covariance = np.linalg.inv(np.eye(x.shape[1]) + known.T @ known / noise)
    return float(weights @ np.einsum("nd,de,ne->n", x, covariance, x))


def test_each_choice_lowers_the_variance_of_all_images_most():
    x = rows()
    weights, labelled = np.ones(len(x)), [3, 17]
    for row in most_telling(x, np.array([3, 17]), 4):
        free = [k for k in range(len(x)) if k not in labelled]
        left = {k: total_variance(x, [*labelled, k], weights) for k in free}
        assert row == min(left, key=left.get)
        labelled.append(row)


def test_weights_count_for_the_chosen_image_and_for_those_it_tells_about():
    x = rows(seed=1)
    weights = np.random.default_rng(2).random(len(x))
    before = total_variance(x, [], weights)
    told = [weights[k] * (before - total_variance(x, [k], weights)) for k in range(len(x))]
    assert most_telling(x, np.array([], int), 1, weights=weights) == [int(np.argmax(told))]


def test_images_of_a_large_group_come_before_odd_ones_and_groups_take_turns():
    centres = np.eye(8)[:2]
    generator = np.random.default_rng(0)
    groups = [centre + 0.1 * generator.normal(size=(40, 8)) for centre in centres]
    odd = np.eye(8)[7:]
    x = np.concatenate([*groups, odd])
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    first, second = most_telling(x, np.array([], int), 2)
    assert {first // 40, second // 40} == {0, 1}


def test_labelled_and_skipped_images_are_never_chosen_and_all_others_once():
    x = rows(n=10)
    chosen = most_telling(x, np.array([0, 1]), 99, left_out=np.array([5]))
    assert sorted(chosen) == [2, 3, 4, 6, 7, 8, 9]
    assert most_telling(x, np.arange(10), 1) == []


def test_typical_images_come_first_among_those_that_tell_as_much():
    x = np.repeat(np.eye(3), 4, axis=0)
    typical = np.array([1, 1, 1, 1, 1, 1, 3, 1, 1, 1, 1, 2.0])
    assert most_telling(x, np.array([], int), 2, typical=typical) == [6, 11]


def test_of_many_images_those_of_the_largest_weight_are_looked_at():
    x = rows(n=3000, d=4)
    weights = np.full(3000, 0.1)
    weights[:40] = 1
    chosen = most_telling(x, np.arange(10), 5, weights=weights)
    assert set(chosen) <= set(range(10, 40))


def test_landmark_rows_have_the_products_of_a_gaussian_kernel():
    distinct = rows(n=20, d=6)
    x = np.repeat(distinct, 2, axis=0)  # as many landmarks as distinct images
    found = landmark_rows(x)
    expected = [[np.exp(-0.5 * ((a - b) ** 2).sum()) for b in x] for a in x]
    np.testing.assert_allclose(found @ found.T, expected, atol=2e-3)
    assert landmark_rows(x[:1]).shape == (1, 1)


def test_typicality_is_the_inverse_square_of_the_mean_distance_to_neighbours():
    x = rows(n=50, d=3)
    distances = np.sort(np.linalg.norm(x[:, None] - x[None], axis=2), axis=1)
    np.testing.assert_allclose(typicality(x), distances[:, 1:21].mean(axis=1) ** -2, rtol=1e-3)


def test_typicality_of_many_images_is_measured_on_some_of_them():
    generator = np.random.default_rng(0)
    dense = 0.1 * generator.normal(size=(3000, 3))
    x = np.concatenate([dense, 2 + generator.normal(size=(1000, 3))])
    found = typicality(x)
    assert found.shape == (4000,)
    assert np.median(found[:3000]) > 5 * np.median(found[3000:])
    assert np.isfinite(typicality(x[:1])).all()
