"""Nearest rows among very many, by an index that searches a part of them."""

import importlib.util

import numpy as np

from tl_keras.checks import InputError
from tl_keras.data.inspection.nearest_rows import most_alike
from tl_keras.evaluation.encoders.distances import row_blocks

EXACT_UP_TO = 100_000  # rows: 50,000 with 1,280 features take a minute or two
_PROBED = 64  # lists searched per row
_FITTED = 64  # rows per list used to fit its centre
_JUDGED = 1000  # rows whose exact neighbours are also found
_BLOCK = 4096


def check_index_library(count: int) -> None:
    """Raises InputError if `count` rows need an index and its library is not installed."""
    if count > EXACT_UP_TO and importlib.util.find_spec("faiss") is None:
        raise InputError(
            f"Expected the library faiss-cpu for more than {EXACT_UP_TO:,} images; received "
            f"{count:,} images and no such library. Install it with pip install 'tl-keras[index]', "
            "or give fewer images."
        )


def approximate_neighbours(space: np.ndarray, k: int, *, seed: int = 0) -> tuple[np.ndarray, float]:
    """Finds k near others of each row by an inverted file.

    There are about 4 sqrt(n) centres, each with a list of the rows nearest to it. The lists of the
    64 nearest centres are searched.

    Args:
        space: float32 (n, d), n above k.
        k: int.
        seed: int, seed of the centres and of the rows used to evaluate the index.

    Returns:
        (int64 (n, k) rows, share of the true k nearest rows that was found for 1,000 random rows).

    Raises:
        InputError: the library is not installed.

    Reference:
        Jegou, Douze and Schmid 2011, "Product quantization for nearest neighbor search", whose
        inverted file is used here without quantization.
    """
    space = np.ascontiguousarray(space, np.float32)
    index = _index(space, seed)
    rows = np.empty((len(space), k), np.int64)
    for block in row_blocks(len(space), _BLOCK):
        found = index.search(space[block], k + 1)[1]
        others = found != np.arange(block.start, block.stop)[:, None]
        # If a row is not among its neighbours, the last is dropped.
        others[others.all(1), -1] = False
        rows[block] = found[others].reshape(-1, k)
    missing = np.flatnonzero((rows < 0).any(1))  # the lists of a row hold fewer than k rows
    if len(missing):
        rows[missing] = exact_neighbours(space, k, missing)
    judged = np.random.default_rng([seed, 2]).permutation(len(space))[:_JUDGED]
    exact = exact_neighbours(space, k, judged)
    shared = [len(np.intersect1d(*pair)) for pair in zip(exact, rows[judged], strict=True)]
    return rows, float(np.sum(shared) / exact.size)


def exact_neighbours(space: np.ndarray, k: int, asked: np.ndarray | None = None) -> np.ndarray:
    """Returns int64 (m, k): the nearest others of the rows `asked`, ints (m,), or of all rows."""
    offsets = -np.square(space).sum(1) / 2
    if asked is None:
        return most_alike(space, space, k, offsets=offsets, same=True)[0]
    found, _ = most_alike(space[asked], space, k + 1, offsets=offsets)
    others = found != asked[:, None]
    others[others.all(1), -1] = False
    return found[others].reshape(-1, k)


def _index(space, seed):
    check_index_library(len(space))
    import faiss

    count, dimensions = space.shape
    lists = max(1, int(4 * np.sqrt(count)))
    index = faiss.index_factory(dimensions, f"IVF{lists},Flat")
    index.nprobe, index.cp.seed = _PROBED, seed % 2**31
    fitted = np.random.default_rng([seed, 1]).permutation(count)[: _FITTED * lists]
    index.train(space[np.sort(fitted)])
    for block in row_blocks(count, _BLOCK):
        index.add(space[block])
    return index
