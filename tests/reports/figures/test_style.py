"""Names in figures are one short line that can be drawn; the caller's settings stay."""

import io
import warnings

import matplotlib
import pytest
from PIL import Image

from tl_keras.reports.figures.style import axis_names, new_figure, render_png, short_name, styled


def test_short_names_stay_as_they_are():
    assert short_name("oxeye daisy") == "oxeye daisy"


def test_long_names_keep_both_ends():
    short = short_name("a very long name of a class that ends in number 17", width=20)
    assert short.startswith("a very")
    assert short.endswith("number 17")
    assert len(short) <= 20


@pytest.mark.parametrize("name", ["two\nlines", "tab\tand\rreturn", "  spaces  ", "a\x00b"])
def test_names_become_one_line(name):
    assert short_name(name).isprintable()


def test_wide_letters_take_two_columns():
    assert len(short_name("猫" * 40, width=20)) <= 10


def test_empty_name_is_visible():
    assert short_name("\n") == "-"


def test_names_that_shortening_makes_equal_get_their_number():
    names = axis_names(["breed number 1 of the many dogs", "breed number 2 of the many dogs"], 16)
    assert len(set(names)) == 2
    assert names[1].startswith("2: ")
    assert max(map(len, names)) <= 16


def test_letters_that_no_font_has_give_the_number_of_the_class():
    assert axis_names(["cat", "\U00013000"]) == ["cat", "class 2"]


@pytest.mark.parametrize(
    "name", ["under $5 or over $9", "$\\frac{$", "_^{", "%s {0}", "猫と犬", "قطة"]
)
def test_any_name_is_drawn_without_a_warning(name):
    @styled
    def draw():
        figure = new_figure(3, 2)
        figure.subplots().set_title(axis_names([name])[0])
        return figure

    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        png = render_png(draw())
    Image.open(io.BytesIO(png)).verify()


def test_settings_of_the_caller_stay():
    before = dict(matplotlib.rcParams)
    styled(lambda: new_figure(2, 2))()
    assert dict(matplotlib.rcParams) == before
