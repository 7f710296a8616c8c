"""Mean and scatter of feature vectors: the mergeable state behind every Gaussian statistic of a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Moments:
    """First and second central moments of n feature vectors.

    n: count of rows, >= 0.
    mean: (D,) float64, zeros where n = 0.
    scatter: (D, D) float64, sum of (x - mean)(x - mean)^T, symmetric.
    """

    n: int
    mean: Array
    scatter: Array

    @classmethod
    def empty(cls, dimensions: int) -> Moments:
        """The identity of `merge`: no rows of `dimensions` numbers."""
        return cls(0, np.zeros(dimensions), np.zeros((dimensions, dimensions)))

    @property
    def dimensions(self) -> int:
        return int(self.mean.shape[0])


def moments(features: npt.ArrayLike) -> Moments:
    """Moments of features (n, D), any real dtype, summed in float64 around their own mean.

    Non-finite rows make non-finite moments; they are not dropped.
    Raises ValueError where `features` is not a table of rows.
    """
    rows = np.asarray(features, dtype=np.float64)
    if rows.ndim != 2:
        raise ValueError(f"features have shape {rows.shape}; a table (rows, dimensions) is needed")
    if len(rows) == 0:
        return Moments.empty(rows.shape[1])
    with np.errstate(invalid="ignore"):
        mean = rows.mean(axis=0)
        centred = rows - mean
        # The second pass takes back what rounding left in the mean, so that shards merge to the same scatter.
        correction = centred.mean(axis=0)
        centred -= correction
        return Moments(len(rows), mean + correction, centred.T @ centred)


def merge(a: Moments, b: Moments) -> Moments:
    """Moments of the rows of `a` and `b` together; associative and commutative up to rounding (1e-12 relative).

    Source: Chan, Golub, LeVeque (1983), "Algorithms for Computing the Sample Variance", eq. 2.1, for vectors.
    Raises ValueError where the two have different dimensions.
    """
    if a.dimensions != b.dimensions:
        raise ValueError(f"moments of {a.dimensions} and of {b.dimensions} dimensions cannot be merged")
    if a.n == 0 or b.n == 0:
        return a if b.n == 0 else b
    n = a.n + b.n
    with np.errstate(invalid="ignore"):
        gap = b.mean - a.mean
        mean = (a.n / n) * a.mean + (b.n / n) * b.mean
        return Moments(n, mean, a.scatter + b.scatter + (a.n * b.n / n) * np.outer(gap, gap))


def covariance(m: Moments) -> Array:
    """Unbiased covariance (D, D), divisor n - 1, as numpy.cov and every FID implementation take it.

    Raises ValueError below two rows, where it is undefined.
    """
    if m.n < 2:
        raise ValueError(f"a covariance needs at least 2 rows, got {m.n}")
    return m.scatter / (m.n - 1)
