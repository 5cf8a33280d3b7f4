"""Sentence on what more labels would bring."""

import pytest

from tl_keras.reports.wording.labelling import enough_sentence

NOW, LATER = (0.81, 0.78, 0.84), (0.86, 0.84, 0.88)


@pytest.mark.parametrize(
    ("needed", "words"),
    [
        ([], "60 more labels should bring"),
        (["cat"], "60 more labels, mostly of cat, should bring"),
        (["a", "b", "c", "d"], "60 more labels, mostly of a, b and c, should bring"),
    ],
)
def test_classes_that_need_labels_are_named(needed, words):
    first = "About 81% (78% to 84%) of new images would be named rightly now."
    assert enough_sentence(NOW, LATER, 60, needed) == f"{first} {words} 86% (84% to 88%)."


def test_when_all_is_labelled_only_the_accuracy_now_is_said():
    assert "more labels" not in enough_sentence(NOW, LATER, 0, [])
