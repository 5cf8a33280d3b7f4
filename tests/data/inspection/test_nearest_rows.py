"""The exact search in blocks against a plain one."""

import numpy as np
import pytest

from tl_keras.data.inspection import nearest_rows
from tl_keras.data.inspection.nearest_rows import most_alike

RANDOM = np.random.default_rng(0)


def plain(queries, known, k, offsets=0.0, same=False):
    products = queries.astype(np.float64) @ known.T.astype(np.float64) + offsets
    if same:
        np.fill_diagonal(products, -np.inf)
    order = np.argsort(-products, axis=1)[:, :k]
    return order, np.take_along_axis(products, order, 1)


@pytest.mark.parametrize("blocks", [(1024, 8192), (7, 11), (3, 100), (50, 5)])
@pytest.mark.parametrize("k", [1, 4, 29])
def test_rows_are_those_of_a_plain_search(blocks, k, monkeypatch):
    monkeypatch.setattr(nearest_rows, "_QUERIES", blocks[0])
    monkeypatch.setattr(nearest_rows, "_KNOWN", blocks[1])
    queries, known = (RANDOM.normal(size=(n, 6)).astype("float32") for n in (40, 30))
    offsets = RANDOM.normal(size=30).astype("float32")
    for given in ({}, {"offsets": offsets}):
        rows, values = most_alike(queries, known, k, **given)
        expected, products = plain(queries, known, k, **given)
        np.testing.assert_array_equal(rows, expected)
        np.testing.assert_allclose(values, products, rtol=1e-4, atol=1e-5)
    rows, _ = most_alike(known, known, k, same=True)
    np.testing.assert_array_equal(rows, plain(known, known, k, same=True)[0])


def test_equal_rows_find_each_other_and_never_themselves():
    known = np.ones((9, 3), np.float32)
    rows, values = most_alike(known, known, 8, same=True)
    assert [sorted(found) for found in rows] == [
        [other for other in range(9) if other != row] for row in range(9)
    ]
    assert (values == 3).all()
