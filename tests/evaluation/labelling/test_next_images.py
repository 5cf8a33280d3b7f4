"""Choice of the images to label next."""

import numpy as np

from tl_keras.evaluation.labelling.next_images import most_telling


def rows(n=60, d=5, seed=0):
    found = np.random.default_rng(seed).normal(size=(n, d))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def total_variance(x, labelled, weights, noise=0.1):
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
