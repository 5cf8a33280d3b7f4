"""Answers so far, guesses, and the images asked for next."""

import numpy as np
import pytest

from tl_keras import InputError
from tl_keras.evaluation.labelling.head import head_probabilities, unit_rows
from tl_keras.evaluation.labelling.labelling import NONE_OF_THESE, Labelling


def blobs(each=40, classes=3, d=20, seed=0):
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(classes, d))
    labels = np.arange(each * classes) % classes
    return (centres[labels] + 0.5 * generator.normal(size=(len(labels), d))), labels


def test_a_few_answers_to_what_is_asked_name_nearly_all_images():
    features, labels = blobs()
    labelling = Labelling(unit_rows(features))
    assert labelling.probabilities() is None
    for _ in range(9):
        (row,) = labelling.next()
        assert row not in labelling.answers
        labelling.answer(row, int(labels[row]))
    assert set(labelling.answers.values()) == {0, 1, 2}
    guesses = labelling.probabilities()
    assert guesses.shape == (120, 3)
    np.testing.assert_allclose(guesses.sum(axis=1), 1, atol=1e-6)
    assert (guesses.argmax(axis=1) == labels).mean() > 0.95


def test_unsure_images_are_asked_for_once_there_are_guesses():
    features, labels = blobs(each=60, classes=2)
    labelling = Labelling(unit_rows(features))
    for row in (0, 1, 2, 3):
        labelling.answer(row, int(labels[row]))
    highest = labelling.probabilities().max(axis=1)
    asked = labelling.next(5)
    assert highest[asked].mean() < np.delete(highest, asked).mean()


@pytest.mark.parametrize("count", [5, 100, 200])
def test_few_images_of_many_features_have_no_more_directions_than_images(count):
    """A choice among 100 images took seconds: its cost grows with the square of the directions."""
    features = np.random.default_rng(0).normal(size=(count, 1280))
    rows, centred = unit_rows(features), _unit(_unit(features) - _unit(features).mean(axis=0))
    assert rows.shape == (count, min(count, 128)) and rows.dtype == np.float32
    if count <= 128:
        np.testing.assert_allclose(rows @ rows.T, centred @ centred.T, atol=1e-5)


def _unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_an_answer_can_be_taken_back_and_none_of_these_is_no_class():
    features, labels = blobs()
    labelling = Labelling(unit_rows(features))
    labelling.answer(0, 0)
    labelling.answer(1, 1)
    before = labelling.probabilities()
    labelling.answer(2, NONE_OF_THESE)
    assert 2 not in labelling.next(200)
    np.testing.assert_array_equal(labelling.probabilities(), before)
    labelling.answer(1, None)
    assert labelling.probabilities() is None
    assert 1 in labelling.next(200)


def test_similar_images_are_the_nearest_without_a_label():
    features, labels = blobs()
    labelling = Labelling(unit_rows(features))
    near = labelling.similar(0, 10)
    assert 0 not in near
    assert (labels[near] == labels[0]).all()
    labelling.answer(near[0], 0)
    assert near[0] not in labelling.similar(0, 10)
    assert len(labelling.similar(0, 10_000)) == len(features) - 2


def test_wrong_rows_and_labels_are_refused():
    labelling = Labelling(unit_rows(blobs()[0]))
    with pytest.raises(InputError, match="image from 0 to 119; received 120"):
        labelling.answer(120, 0)
    with pytest.raises(InputError, match="label from -1; received -2"):
        labelling.answer(0, -2)


def test_rows_have_length_one_and_few_directions():
    features = np.random.default_rng(0).normal(5, 1, (300, 400))
    rows = unit_rows(features)
    assert rows.shape == (300, 128)
    assert unit_rows(features[:, :20]).shape == (300, 20)
    np.testing.assert_allclose(np.linalg.norm(unit_rows(features[:, :20]), axis=1), 1, atol=1e-5)
    assert np.isfinite(unit_rows(np.ones((1, 4)))).all()  # one image


def test_a_class_without_a_label_has_probability_zero_and_one_class_alone_has_all():
    rows = unit_rows(blobs()[0])
    found = head_probabilities(rows[:4], np.array([0, 2, 0, 2]), rows, 4)
    assert (found[:, [1, 3]] == 0).all()
    assert (head_probabilities(rows[:2], np.array([1, 1]), rows, 3)[:, 1] == 1).all()
    with pytest.raises(InputError, match="at least one labelled image"):
        head_probabilities(rows[:0], np.array([], int), rows, 3)
