"""Fixtures of the data room."""

import pytest

from tests.data.images import fill_classes


@pytest.fixture
def two_classes(tmp_path):
    """A folder with six images of cats and four of dogs."""
    return fill_classes(tmp_path / "pets", {"cats": 6, "dogs": 4})
