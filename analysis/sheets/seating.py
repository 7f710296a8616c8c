"""From places on a plane to the cells of a grid, so that pictures laid there do not cover each other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

ROOM = 1.7
"""Cells of the grid for each picture: enough that gaps between clusters still show."""


def seats(places: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """(n, 2) distinct cells (column, row) of a square grid for places (n, 2), each as near to its place as all allow.

    The map's x and y are stretched to the grid. The assignment minimises the sum of squared distances.
    Source: Jonker, Volgenant (1987), Computing 38, as in scipy; for maps of pictures, this project.
    """
    from scipy.optimize import linear_sum_assignment

    points = np.asarray(places, dtype=np.float64)
    side = int(np.ceil(np.sqrt(ROOM * len(points))))
    low, high = points.min(axis=0), points.max(axis=0)
    wanted = (points - low) / np.where(high > low, high - low, 1.0) * (side - 1)
    cells = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2)
    cost = ((wanted[:, None, :] - cells[None, :, :]) ** 2).sum(axis=2)
    _, taken = linear_sum_assignment(cost)
    return np.asarray(cells[taken], dtype=np.int64)
