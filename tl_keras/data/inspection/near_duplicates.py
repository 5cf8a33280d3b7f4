"""Search for nearly identical images among very many, in bounded memory."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from scipy.fft import dctn, irfft2, rfft2

from tl_keras.data.inspection.nearest_rows import most_alike
from tl_keras.data.inspection.registration import (
    NO_COLOUR,
    SIDE,
    agreement,
    colour_agreement,
    details,
    rough_warp,
    unmoved_agreement,
)

MOST_COPIES = 50  # per image
# disagreement of a copy (less finds fewer); power of the usual disagreement
ALLOWED, _FALL = 0.95, 2.5
_MOST_LIKE, _MOST_MIRRORED = 100, 10  # numbers of candidates for an image and for its mirror image
_FREQUENCIES = 6
# least correlation with images that are not copies: among many, among few
_USUAL, _UNKNOWN = 0.35, 0.6
_FEW = 100  # images
# most copies per image that are expected; drop of correlation beyond them
_COMMON, _DROP = 20, 0.12
_LEAST_LIMIT = 0.064  # disagreement that always counts as a copy
# for a mirrored copy: factor of the limit, least agreement of colours
_MIRRORED, _MIRRORED_COLOURS = 0.9, 0.5
_COLOURS = 0.8  # log of the factor by which similar colours raise the limit
_ROUGHLY, _LEAST_ROUGHLY = 1.2, 0.15  # allowed before a warp is refined
_SHIFTED = 0.92  # factor of the usual disagreement, at half the size
_UNMOVED = np.eye(2, 3)[None]
_QUERIES, _AT_ONCE = 100, 1000  # images and pairs
_NEAR = [0, 1, 2, -2, -1]  # shifts in pixels at half the size


def near_pairs(
    one: np.ndarray, other: np.ndarray | None = None, *, colours: Any = None
) -> tuple[np.ndarray, np.ndarray]:
    """Finds pairs of images of which one is a slightly modified copy of the other.

    It finds copies that were recompressed, shifted or cropped by a few percent, scaled by up to a
    tenth, rotated by a few degrees, or blurred. It also finds copies with other brightness,
    contrast or colours. Mirrored copies are found only if the images have colours, because a
    mirrored b is a d.

    Each image is compared with the 100 images of most similar low frequencies and registered with
    at most 50 of these. Its mirror image is registered with 10, at 0.9 of the limit below. No image
    therefore has more than 60 copies.

    A pair counts if it disagrees far less than is usual for the image, because all digits, or all
    ships on a plain sea, are similar:

        1 - r <= max(0.95 (1 - u)^2.5, 0.064) exp(0.8 (c - 0.4))

    Here r is `registration.agreement` and c is `registration.colour_agreement`, 0.4 without
    colours. The usual correlation u is that of the image's details with the 21st most similar
    image. It is 0.12 more than the correlation with the 51st, if that is less, to allow for as many
    copies. It is at least 0.35 among very many images and at least 0.6 among up to 100.

    Args:
        one, other: uint8 (n, 32, 32) and (m, 32, 32), from `fingerprints.looks_of`; None for pairs
            within `one`.
        colours: sequence of uint8 (n, 8, 8, 2), and (m, 8, 8, 2) with `other`, from
            `fingerprints.looks_of`; None if they are unknown.

    Returns:
        (int64 (k, 2) rows of `one` and `other`, in ascending order, each pair once, within `one`
        the smaller row first; float (k,), the left side divided by the right one).
    """
    swapped = other is not None and len(other) < len(one)
    queries, known = (other, one) if swapped else (one, one if other is None else other)
    if colours is not None:
        colours = colours[::-1] if swapped else (colours[0], colours[-1])
    found, scores = _search(queries, known, colours, same=other is None)
    if swapped:
        found = found[:, ::-1]
    elif other is None:
        found = np.sort(found, axis=1)
    order = np.lexsort((scores, *found.T[::-1]))
    found, first = np.unique(found[order], axis=0, return_index=True)
    return found, scores[order][first]


def low_frequencies(thumbnails: np.ndarray) -> np.ndarray:
    """Returns the weighted low frequencies of each thumbnail, float32 (n, 35), of length 1.

    Args:
        thumbnails: uint8 (n, 32, 32).
    """
    steps = np.arange(_FREQUENCIES)
    weights = np.sqrt(np.hypot(steps[:, None], steps)).astype(np.float32)
    rows = np.empty((len(thumbnails), _FREQUENCIES**2 - 1), np.float32)
    for start in range(0, len(rows), _AT_ONCE):
        part = thumbnails[start : start + _AT_ONCE].astype(np.float32)
        waves = dctn(part, axes=(1, 2), norm="ortho")[:, :_FREQUENCIES, :_FREQUENCIES] * weights
        rows[start : start + _AT_ONCE] = waves.reshape(len(part), -1)[:, 1:]
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)


def _search(queries, known, colours, same):
    """Returns (pairs (k, 2) of rows, agreement (k,)) of all duplicates of the queries."""
    found = [(np.empty((0, 2), np.int64), np.empty(0))]
    most = len(known) - same
    if len(queries) and most > 0:
        looks = low_frequencies(known), _spectra(known)
        pairs, usual = _candidates(queries, looks, min(_MOST_LIKE, most), same)
        found += _all_duplicates(queries, known, colours, pairs, usual)
        if colours is not None:  # without colours, b is a mirrored d
            queries, colours = queries[:, :, ::-1], (colours[0][:, :, ::-1], colours[1])
            pairs, _ = _candidates(queries, looks, min(_MOST_MIRRORED, most), same, usual)
            found += _all_duplicates(queries, known, colours, pairs, usual, mirrored=True)
    return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))


def _candidates(queries, looks, k, same, usual=None):
    """Returns (pairs (m, 2) of possible duplicates, usual correlation (n,) of each query)."""
    waves, spectra = looks
    alike, _ = most_alike(low_frequencies(queries), waves, k, same=same)
    asked, likely = _spectra(queries), []
    for start in range(0, len(queries), _QUERIES):
        part = slice(start, start + _QUERIES)
        given = None if usual is None else usual[part]
        likely.append(_likely(asked[part], spectra, alike[part], start, given))
    pairs, usual = (np.concatenate(parts) for parts in zip(*likely, strict=True))
    return pairs, usual


def _all_duplicates(queries, known, colours, pairs, usual, mirrored=False):
    """Returns a list of the results of `_duplicates` for each block of pairs."""
    limits = np.maximum(ALLOWED * (1 - usual) ** _FALL, _LEAST_LIMIT)
    limits = limits * _MIRRORED if mirrored else limits

    def search(start):
        block = pairs[start : start + _AT_ONCE]
        if mirrored:
            block = block[_colours_agreed(colours, block) >= _MIRRORED_COLOURS]
        rows = block[:, 0]
        return _duplicates(queries, known, colours, block, usual[rows], limits[rows])

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(search, range(0, len(pairs), _AT_ONCE)))


def _spectra(thumbnails):
    """Returns Fourier transforms of details at half the size, complex64 (n, 16, 9), of length 1."""
    spectra = np.empty((len(thumbnails), SIDE // 2, SIDE // 4 + 1), np.complex64)
    fade = np.outer(*[np.r_[0.5, np.ones(SIDE // 2 - 2), 0.5]] * 2)
    for start in range(0, len(spectra), _AT_ONCE):
        part = thumbnails[start : start + _AT_ONCE]
        half = part.reshape(len(part), SIDE // 2, 2, SIDE // 2, 2).mean((2, 4), dtype=np.float32)
        band = details(half, (0.5, 1.25)) * fade
        band -= band.mean((1, 2), keepdims=True)
        band /= np.maximum(np.linalg.norm(band, axis=(1, 2), keepdims=True), 1e-6)
        spectra[start : start + _AT_ONCE] = rfft2(band.astype(np.float32))
    return spectra


def _likely(asked, spectra, alike, first, usual=None):
    """Returns candidates of the queries from `first` on that stand out once they are shifted.

    The result is (pairs (k, 2) of rows, usual correlation (n,) of each query, or `usual` if given).
    """
    products = np.conj(asked)[:, None] * spectra[alike]
    shifted = irfft2(products, s=(SIDE // 2, SIDE // 2))[:, :, _NEAR][..., _NEAR]
    correlations = shifted.max((2, 3))
    order = np.argsort(-correlations, axis=1, kind="stable")
    correlations = np.take_along_axis(correlations, order, 1)
    if usual is None:
        usual = _usual(correlations, len(spectra))
    near = 1 - correlations[:, :MOST_COPIES] <= _SHIFTED * (1 - usual[:, None])
    query, place = np.nonzero(near)
    return np.stack([query + first, alike[query, order[query, place]]], 1), usual


def _usual(correlations, count):
    """Returns the correlation with images that are not copies, among `count` images."""
    least = _USUAL + (_UNKNOWN - _USUAL) * min(1, _FEW / count)
    if correlations.shape[1] <= _COMMON:
        return np.full(len(correlations), least)
    return np.maximum(_unrelated(correlations), least)


def _unrelated(correlations):
    """Returns the correlation with a non-copy, given descending correlations (n, more than 20)."""
    if correlations.shape[1] <= MOST_COPIES:
        return correlations[:, _COMMON]
    return np.minimum(correlations[:, _COMMON], correlations[:, MOST_COPIES] + _DROP)


def _duplicates(queries, known, colours, pairs, usual, grey_limits):
    """Returns the pairs that are duplicates and their ratios, after the cheapest tests first."""
    first, second = _rows((queries, known), pairs)
    limits = grey_limits * _colour_factor(colours, pairs, _UNMOVED)
    disagreed = 1 - unmoved_agreement(first, second)
    unsure = np.flatnonzero(disagreed > limits)
    correlations, warps = rough_warp(first[unsure], second[unsure])
    likely = 1 - correlations <= np.maximum(_ROUGHLY * (1 - usual[unsure]) ** 2, _LEAST_ROUGHLY)
    rows, warps = unsure[likely], warps[likely]
    limits[rows] = grey_limits[rows] * _colour_factor(colours, pairs[rows], warps)
    disagreed[rows] = 1 - agreement(first[rows], second[rows], warps, limits[rows])
    near = disagreed <= limits
    return pairs[near], (disagreed / limits)[near]


def _colour_factor(colours, pairs, warps):
    """Returns the factor of each pair's limit, (k,), above 1 if the colours agree."""
    if colours is None:
        return np.ones(len(pairs))
    return np.exp(_COLOURS * (_colours_agreed(colours, pairs, warps) - NO_COLOUR))


def _colours_agreed(colours, pairs, warps=_UNMOVED):
    warps = np.broadcast_to(warps, (len(pairs), 2, 3))
    return colour_agreement(*_rows(colours, pairs), warps)


def _rows(arrays, pairs):
    return [x[rows].astype(np.float32) for x, rows in zip(arrays, pairs.T, strict=True)]
