import numpy as np
import pytest

from tl_keras.checks import InputError
from tl_keras.evaluation.classifiers.suspect_labels import find_suspect_labels


def noisy(share, *, power=1.0, classes=4, count=4000, seed=0):
    """(probabilities p, labels seen, true labels): p^power is the chance of each true label."""
    random = np.random.default_rng(seed)
    q = random.dirichlet(np.full(classes, 0.2), count)
    true = (q.cumsum(axis=1) > random.random((count, 1))).argmax(axis=1)
    seen = np.where(
        random.random(count) < share, (true + random.integers(1, classes, count)) % classes, true
    )
    p = np.maximum(q, 1e-9) ** (1 / power)
    return p / p.sum(axis=1, keepdims=True), seen, true


@pytest.mark.parametrize("share", [0.03, 0.1, 0.3])
@pytest.mark.parametrize("power", [0.7, 2.0])
def test_share_of_wrong_labels_is_estimated_from_unsure_and_oversure_classifiers(share, power):
    p, seen, _ = noisy(share, power=power)
    assert find_suspect_labels(p, seen).share == pytest.approx(share, abs=0.2 * share + 0.01)


def test_probability_that_a_label_is_wrong_means_what_it_says():
    p, seen, true = noisy(0.15, power=1.5, count=20_000)
    found = find_suspect_labels(p, seen)
    for low, high in ((0, 0.1), (0.2, 0.5), (0.5, 0.8), (0.9, 1.01)):
        inside = (found.wrong >= low) & (found.wrong < high)
        assert (seen != true)[inside].mean() == pytest.approx(found.wrong[inside].mean(), abs=0.08)


def test_two_kinds_of_images_have_the_closed_form_of_bayes():
    """Classes are certain, a tenth of the labels is changed: both estimates have a closed form."""
    p = np.tile([0.8, 0.1, 0.1], (1000, 1))
    labels = np.zeros(1000, int)
    labels[:100] = 1
    found = find_suspect_labels(p, labels)
    own, other = found.wrong[labels == 0][0], found.wrong[labels == 1][0]
    # Every image is seen alike, so the chance of the label 0 is its frequency, whatever is fitted:
    # 0.9 = (1 - e) q + e (1 - q) / 2, and P(wrong) of a label is 1 - (1 - e) q_y / that.
    e = found.share
    q = (0.9 - e / 2) / (1 - 1.5 * e)
    assert own == pytest.approx(1 - (1 - e) * q / 0.9, abs=0.02)
    assert other > own
    assert (found.guesses == 0).all()
    np.testing.assert_allclose(found.given, np.where(labels == 0, 0.8, 0.1))


def test_of_a_few_labels_that_nothing_predicts_most_are_not_wrong():
    random = np.random.default_rng(0)
    found = find_suspect_labels(random.dirichlet(np.ones(3), 24), random.integers(0, 3, 24))
    assert found.share < 0.2


def test_suspects_are_the_surest_first_and_images_never_held_out_are_none():
    p = np.array([[0.98, 0.02]] * 200 + [[0.99, 0.01], [0.03, 0.97], [np.nan, np.nan]])
    labels = np.array([0] * 200 + [1, 0, 1])
    found = find_suspect_labels(p, labels)
    assert found.rows.tolist() == [200, 201]
    assert found.wrong[202] == 0 and found.guesses[202] == 1 and np.isnan(found.given[202])
    nothing = find_suspect_labels(np.full((2, 2), np.nan), [0, 1])
    assert nothing.share == 0 and not len(nothing.rows)


@pytest.mark.parametrize(
    ("p", "labels"), [(np.ones((3, 1)), [0] * 3), (np.ones((3, 2)), [0, 2, 1])]
)
def test_shapes_that_do_not_fit_are_refused(p, labels):
    with pytest.raises(InputError, match="Expected probabilities"):
        find_suspect_labels(p, labels)
