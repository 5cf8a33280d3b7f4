"""Exact search for the most similar rows of a matrix, block by block in bounded memory."""

import numpy as np

_QUERIES = 1024
_KNOWN = 8192


def most_alike(
    queries: np.ndarray,
    known: np.ndarray,
    k: int,
    *,
    offsets: np.ndarray | None = None,
    same: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Finds for each query the k rows with the largest inner product (plus an offset).

    All pairs are compared, as products of matrix blocks. Apart from the result, memory holds one
    block, independent of the number of rows.

    Args:
        queries, known: float32 (n, d) and (m, d).
        k: int, at most m, or m - 1 with `same`.
        offsets: float32 (m,), added to the products with each row of `known`; None for 0. Minus
            half the squared lengths yields the nearest rows by Euclidean distance.
        same: whether `queries` is `known`; no row then finds itself.

    Returns:
        (int64 (n, k) rows of `known`, float32 (n, k) products plus offsets), in descending order.
    """
    rows = np.empty((len(queries), k), np.int64)
    values = np.empty((len(queries), k), np.float32)
    for start in range(0, len(queries), _QUERIES):
        block = slice(start, min(start + _QUERIES, len(queries)))
        rows[block], values[block] = _of_block(queries[block], known, k, offsets, start, same)
    return rows, values


def _of_block(queries, known, k, offsets, first, same):
    rows = np.full((len(queries), k), -1, np.int64)
    values = np.full((len(queries), k), -np.inf, np.float32)
    for start in range(0, len(known), _KNOWN):
        products = queries @ known[start : start + _KNOWN].T
        if offsets is not None:
            products += offsets[start : start + _KNOWN]
        if same:
            own = np.arange(len(queries)) + first - start
            inside = np.flatnonzero((own >= 0) & (own < products.shape[1]))
            products[inside, own[inside]] = -np.inf
        rows, values = _merge(rows, values, products, start)
    order = np.argsort(-values, axis=1, kind="stable")
    return np.take_along_axis(rows, order, 1), np.take_along_axis(values, order, 1)


def _merge(rows, values, products, start):
    """Returns the k largest of those so far and of new products, whose columns start at `start`."""
    k = values.shape[1]
    new, columns = _entrants(products, values.min(1), k)
    found = np.concatenate([values, new], 1)
    names = np.concatenate([rows, columns + start], 1)
    kept = np.argpartition(found, -k, axis=1)[:, -k:]
    return np.take_along_axis(names, kept, 1), np.take_along_axis(found, kept, 1)


def _entrants(products, least, k):
    """Returns products above the least kept of their row, padded with -inf, and their columns."""
    query, column = np.nonzero(products > least[:, None])
    counts = np.bincount(query, minlength=len(products))
    width = int(counts.max(initial=0))
    if width > max(k, products.shape[1] // 8):  # with so many, a partition is faster
        columns = np.argpartition(products, -k, axis=1)[:, -k:]
        return np.take_along_axis(products, columns, 1), columns
    place = np.arange(len(query)) - np.repeat(np.cumsum(counts) - counts, counts)
    new = np.full((len(products), width), -np.inf, np.float32)
    columns = np.full((len(products), width), 0, np.int64)
    new[query, place], columns[query, place] = products[query, column], column
    return new, columns
