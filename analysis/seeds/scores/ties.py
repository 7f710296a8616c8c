"""What differs by rounding alone is equal: sums of the same numbers in another order differ in their last digits."""

from __future__ import annotations

import numpy as np

from seedscope.analysis.seeds.distances.moments import Array

ROUNDING = 1e-12
"""Of the largest score: far above the rounding of float64 sums, far below what float32 scores can differ by."""


def tied(values: Array, scale: float) -> Array:
    """Values (..., S) in which those that lie within rounding of their next neighbour are exactly the lowest of them.

    scale: the largest of the scores that the values were computed from. NaN stays NaN.
    """
    order = np.argsort(values, axis=-1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=-1)
    new = np.ones(ordered.shape, np.bool_)
    new[..., 1:] = ~(np.diff(ordered, axis=-1) <= ROUNDING * scale)
    first = np.maximum.accumulate(np.where(new, np.arange(ordered.shape[-1]), 0), axis=-1)
    equal = np.empty_like(values)
    np.put_along_axis(equal, order, np.take_along_axis(ordered, first, axis=-1), axis=-1)
    return equal
