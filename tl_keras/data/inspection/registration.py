"""Registration of small grey images, and the agreement of their details afterwards."""

from typing import Any

import numpy as np
from scipy.fft import irfft2, rfft2
from scipy.ndimage import affine_transform, gaussian_filter

SIDE, COLOUR_SIDE = 32, 8
SMALLEST_AGREEMENT = -1.0
_SHIFT = 3  # pixels in each direction
_SCALES = (1.0, 0.95, 1.05, 0.9, 1.1)
_MARGIN = 2  # pixels at the border that are not compared
_STEPS, _FIRST_STEPS = 8, 3
_HOPE = 2.5  # factor of the limit after the first steps
_LEAST_COVER = 0.7  # least overlap, as a part of the image
_STRETCH_COST = 1 / 3
_COARSE, _FINE = (0.7, 2.5), (0.5, 1.5)  # standard deviations of the two Gaussians of a difference
NO_COLOUR = 0.4  # agreement of colours of images with almost none
_FAINT = 0.5  # standard deviation of colours below which this applies


def _places(side):
    """Returns positions of pixels relative to the centre, float32 (side, side, 2)."""
    return np.stack(np.mgrid[:side, :side], -1).astype(np.float32) - (side - 1) / 2


_PLACES = _places(SIDE)
_INNER = np.zeros((SIDE, SIDE), bool)
_INNER[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN] = True


def details(images: np.ndarray, scales: tuple[float, float] = _COARSE) -> np.ndarray:
    """Returns a band-pass of each image: a difference of two Gaussians.

    Args:
        images: float32 (n, 32, 32).
        scales: standard deviations of the two Gaussians, in pixels.
    """
    fine, coarse = ((0, scale, scale) for scale in scales)
    return gaussian_filter(images, fine, mode="nearest") - gaussian_filter(
        images, coarse, mode="nearest"
    )


def best_shift(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Finds the shift of up to 3 pixels at which two images correlate best.

    Args:
        one, other: float32 (n, 32, 32), as `details` gives them.

    Returns:
        (correlation -1 to 1, float (n,); int (n, 2), offset (rows, columns) of the pixels of `one`
        in `other`).
    """
    side, shifts = SIDE - 2 * _SHIFT, 2 * _SHIFT + 1
    window = one[:, _SHIFT:-_SHIFT, _SHIFT:-_SHIFT]
    window = window - window.mean((1, 2), keepdims=True)
    padded = np.zeros_like(one)
    padded[:, :side, :side] = window
    products = irfft2(np.conj(rfft2(padded)) * rfft2(other), s=(SIDE, SIDE))
    sums, squares = (_box_sums(x.astype(np.float64), side) for x in (other, other**2))
    energy = np.maximum(squares - sums**2 / side**2, 0) * (window**2).sum((1, 2))[:, None, None]
    scores = products[:, :shifts, :shifts] / np.maximum(np.sqrt(energy), 1e-6)
    flat = scores.reshape(len(one), shifts**2)
    best = flat.argmax(1)
    shift = np.stack(np.unravel_index(best, (shifts, shifts)), 1) - _SHIFT
    return flat[np.arange(len(one)), best], shift


def rough_warp(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Finds the scale of 0.9 to 1.1 and the shift at which two images correlate best.

    Args:
        one, other: float32 (n, 32, 32).

    Returns:
        (correlation, float (n,); warp, float (n, 2, 3)). The pixel at p of `one`, relative to the
        centre, lies at warp[:, :2] @ p + warp[:, 2] of `other`.
    """
    best = np.full(len(one), -np.inf)
    warps = np.zeros((len(one), 2, 3))
    bands = details(one)
    for scale in _SCALES:
        correlation, shift = best_shift(bands, details(_zoomed(other, scale)))
        better = correlation > best
        best[better] = correlation[better]
        warps[better, :, :2] = np.eye(2) / scale
        warps[better, :, 2] = shift[better] / scale
    return best, warps


def unmoved_agreement(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Returns the correlation of the fine details of unmoved images, float (n,)."""
    mask = np.broadcast_to(_INNER.astype(np.float32), one.shape)
    return _correlation(*(details(x, _FINE) for x in (one, other)), mask)


def colour_agreement(one: np.ndarray, other: np.ndarray, warps: np.ndarray) -> np.ndarray:
    """Returns the correlation of the coarse colours of images after registration.

    Both colour channels count, each about its mean; negative values become 0. For images with
    almost no colour it tends to 0.4, so that it speaks neither for a copy nor against one.

    Args:
        one, other: float32 (n, 8, 8, 2), from `fingerprints.looks_of`.
        warps: float (n, 2, 3), from `rough_warp`.

    Returns:
        float (n,), 0 to 1.
    """
    warps = np.tile(warps / [1, 1, SIDE / one.shape[1]], (2, 1, 1))
    one, other = (np.concatenate(np.moveaxis(x, -1, 0)) for x in (one, other))
    moved, inside = _sampled(other, warps)
    one, moved = _centred(one, inside), _centred(moved, inside)
    sums = (x.sum((1, 2)).reshape(2, -1).sum(0) for x in (one * moved, one**2, moved**2, inside))
    both, energy, moved_energy, count = sums
    doubt = np.maximum(_FAINT**2 * count, 1e-6)
    scores = (both + NO_COLOUR * doubt) / (np.sqrt(energy * moved_energy) + doubt)
    return np.maximum(scores, 0)


def agreement(
    one: np.ndarray, other: np.ndarray, warps: np.ndarray, limits: Any = None
) -> np.ndarray:
    """Returns the agreement of the details of images after registration.

    A warp is refined to the affine one with the smallest squared difference, with free brightness
    and contrast. The score is the correlation of fine details minus (s - 1) / 3. Here s is the
    ratio of the scales of the two axes: copies are rarely stretched.

    Args:
        one, other: float32 (n, 32, 32).
        warps: float (n, 2, 3), from `rough_warp`.
        limits: float (n,), disagreements (1 - agreement) of interest. Pairs far beyond theirs stop
            after 3 of 8 steps. None for 8 steps for all.

    Returns:
        float (n,), at most 1; -1 if the images overlap by less than 70 %.

    Reference:
        Lucas and Kanade 1981; Baker and Matthews 2004, "Lucas-Kanade 20 years on".
    """
    if limits is None:
        return _score(one, other, _refined(one, other, warps, _STEPS))
    warps = _refined(one, other, warps, _FIRST_STEPS)
    scores = _score(one, other, warps)
    close = 1 - scores <= _HOPE * limits
    one, other = one[close], other[close]
    warps = _refined(one, other, warps[close], _STEPS - _FIRST_STEPS)
    scores[close] = _score(one, other, warps)
    return scores


def _score(one, other, warps):
    moved, inside = _sampled(other, warps)
    mask = (inside & _INNER).astype(np.float32)
    bands = [details(x, _FINE) for x in (one, moved)]
    scales = np.linalg.svd(warps[:, :, :2], compute_uv=False)
    stretch = scales[:, 0] / np.maximum(scales[:, 1], 1e-6) - 1
    score = _correlation(*bands, mask) - _STRETCH_COST * stretch
    covered = mask.sum((1, 2)) >= _LEAST_COVER * _INNER.sum()
    return np.where(covered, score, SMALLEST_AGREEMENT)


def _box_sums(x, side):
    """Returns sums over the windows of `side` that start in the first 7 rows and columns."""
    sums = np.pad(x, ((0, 0), (1, 0), (1, 0))).cumsum(1).cumsum(2)
    near, far = slice(0, 2 * _SHIFT + 1), slice(side, side + 2 * _SHIFT + 1)
    return sums[:, far, far] - sums[:, near, far] - sums[:, far, near] + sums[:, near, near]


def _zoomed(images, scale):
    if scale == 1:
        return images
    middle = (SIDE - 1) / 2
    offset = [0, *[middle - middle / scale] * 2]
    return affine_transform(images, [1, 1 / scale, 1 / scale], offset, order=1, mode="nearest")


def _refined(one, other, warps, steps):
    """Takes Gauss-Newton steps on 6 parameters of the warp, a gain and an offset, for all pairs."""
    target, moving = (gaussian_filter(x, (0, 0.7, 0.7), mode="nearest") for x in (one, other))
    y, x = _PLACES[..., 0], _PLACES[..., 1]
    for _ in range(steps):
        moved, inside = _sampled(moving, warps)
        mask = inside & _INNER
        down, right = np.gradient(moved, axis=(1, 2))
        slopes = [moved, np.ones_like(moved), down * y, down * x, down]
        slopes = np.stack([*slopes, right * y, right * x, right], -1) * mask[..., None]
        slopes = slopes.reshape(len(one), SIDE**2, 8)
        normal = (slopes.transpose(0, 2, 1) @ slopes).astype(np.float64)
        normal += np.eye(8) * (1e-6 * np.trace(normal, axis1=1, axis2=2) + 1e-6)[:, None, None]
        right_side = slopes.transpose(0, 2, 1) @ (target * mask).reshape(len(one), SIDE**2, 1)
        found = np.linalg.solve(normal, right_side.astype(np.float64))[..., 0]
        warps = _composed(warps, found[:, 2:] / np.maximum(found[:, :1], 0.2))
    return warps


def _composed(warps, steps):
    """Returns the warps after steps of at most 0.05 and a pixel."""
    steps = np.clip(steps.reshape(-1, 2, 3), [-0.05, -0.05, -1], [0.05, 0.05, 1])
    steps[:, :, :2] += np.eye(2)
    matrices, offsets = warps[:, :, :2], warps[:, :, 2:]
    return np.concatenate([matrices @ steps[:, :, :2], matrices @ steps[:, :, 2:] + offsets], 2)


def _sampled(images, warps):
    """Returns (images at warped positions, bilinear; whether the positions are inside)."""
    side = images.shape[1]
    places = np.einsum("nij,yxj->nyxi", warps[:, :, :2], _places(side))
    places += warps[:, None, None, :, 2] + (side - 1) / 2
    inside = ((places >= 0) & (places <= side - 1)).all(-1)
    places = np.clip(places, 0, side - 1 - 1e-3)
    corner = places.astype(np.int64)
    down, right = np.moveaxis((places - corner).astype(np.float32), -1, 0)
    n, y, x = np.arange(len(images))[:, None, None], corner[..., 0], corner[..., 1]
    above = images[n, y, x] * (1 - right) + images[n, y, x + 1] * right
    below = images[n, y + 1, x] * (1 - right) + images[n, y + 1, x + 1] * right
    return above * (1 - down) + below * down, inside


def _centred(x, mask):
    """Returns the images minus their mean inside the mask, 0 outside."""
    count = np.maximum(mask.sum((1, 2)), 1)[:, None, None]
    return (x - (x * mask).sum((1, 2), keepdims=True) / count) * mask


def _correlation(one, other, mask):
    one, other = (_centred(x, mask) for x in (one, other))
    energy = (one**2).sum((1, 2)) * (other**2).sum((1, 2))
    return (one * other).sum((1, 2)) / np.maximum(np.sqrt(energy), 1e-6)
