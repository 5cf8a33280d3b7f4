"""Progress of long steps where standard error is no terminal."""

import pytest

from tl_keras import progress
from tl_keras.progress import say, track


@pytest.fixture
def clock(monkeypatch):
    """Time that goes on by four seconds whenever it is looked at."""
    seconds = iter(range(0, 10_000, 4))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(seconds))


def test_said_lines_go_to_standard_error_unbroken_and_as_they_are(capsys):
    message = "[bold]not markup[/bold] :dog: " + "x" * 300
    say(message)
    captured = capsys.readouterr()
    assert captured.err == message + "\n"
    assert captured.out == ""


def test_quick_steps_show_nothing(capsys):
    assert list(track([1, 2, 3], "Checking")) == [1, 2, 3]
    assert capsys.readouterr().err == ""


def test_slow_steps_show_plain_lines_of_how_far_they_are(clock, capsys):
    assert list(track(range(5), "Checking pictures")) == [0, 1, 2, 3, 4]
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Checking pictures: 2/5"
    assert all(line.startswith("Checking pictures: ") for line in lines)
    assert "\x1b" not in "".join(lines)


def test_total_can_be_given_for_what_has_no_length(clock, capsys):
    assert list(track((n for n in range(4)), "Reading", total=4)) == [0, 1, 2, 3]
    assert "Reading: 2/4" in capsys.readouterr().err


def test_what_has_no_length_needs_a_total():
    with pytest.raises(TypeError):
        list(track((n for n in range(3)), "Reading"))


def test_terminal_gets_the_same_items(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert list(track([1, 2, 3], "Checking")) == [1, 2, 3]
    assert "Checking" in capsys.readouterr().err
