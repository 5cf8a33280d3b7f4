"""Assignment of points of a plane to grid cells, so that no images overlap."""

import math

import numpy as np

from tl_keras.checks import InputError

_ROOM = 1.5  # cells per point


def grid_places(points: np.ndarray, *, room: float = _ROOM) -> tuple[np.ndarray, int]:
    """Assigns each point a grid cell of its own, with the least total squared distance.

    Args:
        points: float (n, 2), x to the right and y up.
        room: float, at least 1, cells per point. More cells preserve more of the shape.

    Returns:
        (int64 (n, 2) of (row from the top, column), cells per side)

    Raises:
        InputError: points are not (n, 2) and finite.

    Reference:
        Kuhn 1955, the assignment problem. Fried et al. 2015, "IsoMatch", apply it to images.
    """
    from scipy.optimize import linear_sum_assignment

    points = np.asarray(points, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points) or not np.isfinite(points).all():
        raise InputError(f"Expected finite points (n, 2); received shape {points.shape}.")
    side = math.ceil(math.sqrt(room * len(points)))
    low, extent = points.min(0), np.ptp(points, axis=0)
    scaled = (points - low) / np.where(extent > 0, extent, 1) * (side - 1)
    scaled[:, extent == 0] = (side - 1) / 2
    wanted = np.stack([side - 1 - scaled[:, 1], scaled[:, 0]], 1)
    places = np.stack(np.divmod(np.arange(side * side), side), 1)
    costs = np.square(wanted[:, None] - places).sum(2)
    return places[linear_sum_assignment(costs)[1]], side
