"""Sentences on a promised error."""

from tl_keras.reports.wording.answers import promise_sentence, realised_sentence

_VAL = {"images": 100, "known": 95, "answered": 0, "errors": 0}


def _figures(**changes):
    figures = {"max_error": 0.02, "risk": 0.1, "val": _VAL, "needed": 114}
    return figures | {"first": {"images": 0, "errors": 0}} | changes


def test_promise_names_its_confidence_and_what_is_answered():
    text = promise_sentence(_figures(val=_VAL | {"answered": 80, "errors": 1}))
    assert text.startswith(
        "At most 2.0% of the answers are wrong, with a confidence of 90%. Of 100"
    )
    assert "80 are answered, 1 of them wrong" in text


def test_too_few_images_are_told_with_the_number_it_takes():
    text = promise_sentence(_figures())
    assert text.startswith("NOTHING IS ANSWERED: to promise at most 2.0% wrong takes at least 114")
    assert "there are 95. Give more, with --split" in text


def test_errors_that_are_too_many_are_told_apart_from_too_few_images():
    first = {"images": 114, "errors": 1}
    more = promise_sentence(_figures(first=first, needed=400))
    assert "of the 114 most certain of 95" in more
    assert "would take about 400 validation images" in more
    never = promise_sentence(_figures(first=first | {"errors": 9}, needed=None))
    assert "9 are wrong, which is too many to promise at most 2.0%" in never
    assert "More of them would not help" in never


def test_realised_error_stands_with_intervals_beside_the_promise():
    test = {"images": 50, "answered": 40, "errors": 1, "novel": 3, "unsure": 7}
    intervals = {"answered_interval": [0.66, 0.9], "error_interval": [0.001, 0.13]}
    text = realised_sentence(test | intervals, 0.02)
    assert "40 are answered (80.0%, 66.0% to 90.0%)" in text
    assert "1 of these are wrong (2.5%, 0.1% to 13.0%; promised: at most 2.0%)" in text
    assert "3 are left to a person as novel, 7 as unsure" in text
    none = realised_sentence(test | intervals | {"answered": 0}, 0.02)
    assert none == "None of the 50 test images is answered: all are left to a person."
