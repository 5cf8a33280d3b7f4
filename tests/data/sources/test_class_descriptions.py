import numpy as np
import pytest

from tl_keras.checks import InputError
from tl_keras.data.sources.class_descriptions import ClassDescriptions, read_descriptions

GOOD = "class,furry,wheels\ncat,1,0\ntruck,0,1\nship,0,0\n"


@pytest.fixture
def read(tmp_path):
    def of(text, classes=None, encoding="utf-8"):
        path = tmp_path / "table.csv"
        path.write_text(text, encoding=encoding)
        return read_descriptions(path, classes)

    return of


def test_a_table_has_names_columns_and_numbers(read):
    found = read(GOOD)
    assert found.class_names == ("cat", "truck", "ship") and found.columns == ("furry", "wheels")
    np.testing.assert_array_equal(found.values, [[1, 0], [0, 1], [0, 0]])


@pytest.mark.parametrize(
    "text",
    [
        "cat,1,0\ntruck,0,1\nship,0,0",  # no heading
        "\ufeffname;a;b\r\n cat ;1;0\r\ntruck;0;1\r\n\r\nship;0;0\r\n",
        "\tfurry\twheels\ncat\t1\t0\ntruck\t0\t1e0\nship\t0\t0\n",
        'x,"furry, or hairy",b\n"cat",1,0\ntruck,0,1\nship,0,0\n',
    ],
)
def test_headings_separators_and_quotes_may_differ(read, text):
    found = read(text)
    assert found.class_names == ("cat", "truck", "ship")
    np.testing.assert_array_equal(found.values, [[1, 0], [0, 1], [0, 0]])


def test_rows_of_other_classes_are_left_out_and_may_be_bad(read):
    found = read(GOOD + "dog,nan,1\n", ("ship", "cat"))
    assert found.class_names == ("ship", "cat")
    np.testing.assert_array_equal(found.of(("cat", "ship")).values, [[1, 0], [0, 0]])


@pytest.mark.parametrize(
    ("text", "classes", "message"),
    [
        (GOOD, ("cat", "dog"), r"row for every class in .*table\.csv; received none for dog"),
        (GOOD + "dog,nan,1\n", None, r"received nan for class 'dog' in column 'furry'.*table\.csv"),
        (GOOD + "dog,inf,1\n", None, "received inf for class 'dog'"),
        (GOOD + "dog,,1\n", None, "received nan for class 'dog'"),
        (GOOD + "dog,1\n", None, "Expected 3 cells in each row .* received 2 in row 5"),
        (GOOD + "dog,yes,1\n", None, "Expected numbers after the name .* received 'yes'"),
        (GOOD + "dog,1,0\n", None, "received the same numbers for cat, dog"),
        (GOOD + "cat,1,1\n", None, "received several of cat"),
        ("cat,1,0\ntruck,1,0\n", None, "received the same numbers for all"),
        ("cat,1\n", None, "two or more classes"),
        ("cat\ntruck\n", None, "received one cell a row"),
        ("", None, "received no cells"),
        ('cat,"1,0\n', None, "Expected a CSV table in UTF-8"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_in_one_line(read, text, classes, message):
    with pytest.raises(InputError, match=message) as caught:
        read(text, classes)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_another_encoding_are_refused(read, tmp_path):
    with pytest.raises(InputError, match="there is no such file"):
        read_descriptions(tmp_path / "none.csv")
    with pytest.raises(InputError, match="Expected a CSV table in UTF-8"):
        read("röd,1,0\n", encoding="utf-16")


def test_columns_with_one_value_are_named():
    found = ClassDescriptions(("a", "b"), ("same", "other"), [[1, 0], [1, 2]])
    assert found.constant == ("same",)


def test_a_class_that_is_not_described_is_named():
    found = ClassDescriptions(("a", "b"), ("x",), [[1], [0]])
    np.testing.assert_array_equal(found.numbers(("b", 0)), [1, 0])
    with pytest.raises(InputError, match=r"received none of c, 7\. Described are a, b"):
        found.numbers(("a", "c", 7))
