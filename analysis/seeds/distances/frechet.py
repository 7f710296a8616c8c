"""Frechet distance between a seed's images and a reference set, each taken as a Gaussian in feature space.

    |mu - mu_ref|^2 + tr S + tr S_ref - 2 tr (S_ref^1/2 S S_ref^1/2)^1/2

Source: Dowson, Landau (1982), eq. 4; for images Heusel et al. (2017), arXiv 1706.08500, eq. 6.
Deviation: the last trace is taken from the eigenvalues of the symmetric matrix F^T S F, where F F^T = S_ref and F holds
only the directions in which the reference varies. They are the non-zero eigenvalues of S_ref^1/2 S S_ref^1/2. The usual code
takes the eigenvalues of the unsymmetric S S_ref, which is several times slower and leaves rounding noise under the root.

The value depends on the number of images (its bias falls like 1/n): compare only seeds with the same n.
Source: Chong, Forsyth (2020), arXiv 1911.07023, section 3.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from seedscope.analysis.seeds.distances.moments import Array, Moments, covariance, moments


@dataclass(frozen=True, eq=False)
class Reference:
    """The reference set as a Gaussian, prepared once for all seeds.

    n: number of reference images.
    mean: (D,) float64.
    factor: (D, r) float64 with factor @ factor.T = covariance; r <= D is the covariance's numerical rank.
    trace: trace of the covariance.
    """

    n: int
    mean: Array
    factor: Array
    trace: float

    @classmethod
    def of(cls, m: Moments) -> Reference:
        """Prepare a reference from its moments: one eigendecomposition, O(D^3).

        n images span at most n - 1 directions: the rest, and what rounding made negative, is dropped.
        Raises ValueError where the set has fewer than 2 images or features that are not finite.
        """
        if m.n < 2:
            raise ValueError(f"the reference set has {m.n} image(s); a Frechet distance needs at least 2")
        if not (np.isfinite(m.mean).all() and np.isfinite(m.scatter).all()):
            raise ValueError("the reference set has features that are not finite")
        spread, directions = np.linalg.eigh(covariance(m))
        kept = spanned(spread, m.n)
        factor = np.ascontiguousarray(directions[:, kept] * np.sqrt(spread[kept]))
        return cls(m.n, m.mean, factor, float(np.trace(m.scatter)) / (m.n - 1))

    @property
    def dimensions(self) -> int:
        return int(self.mean.shape[0])

    def centre(self, features: npt.ArrayLike) -> Array:
        """Features (n, D) as float64, less the reference's mean. Raises ValueError where D is not the reference's."""
        rows = np.asarray(features, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.dimensions:
            raise ValueError(f"features have shape {rows.shape}; the reference has {self.dimensions} dimensions")
        return rows - self.mean


def frechet_distance(seed: Moments, reference: Reference) -> float | None:
    """Frechet distance of a seed's moments to the reference, >= 0; None where it is undefined.

    Undefined: fewer than 2 images, or features that are not finite.
    Raises ValueError where the dimensions differ.
    """
    if seed.dimensions != reference.dimensions:
        raise ValueError(f"the seed has {seed.dimensions} dimensions, the reference {reference.dimensions}")
    if seed.n < 2 or not (np.isfinite(seed.mean).all() and np.isfinite(seed.scatter).all()):
        return None
    factor = reference.factor
    product = factor.T @ (seed.scatter @ factor)
    gap, root = seed.mean - reference.mean, root_trace(product, seed.n)
    return float(distance_of_parts(gap @ gap, np.trace(seed.scatter), root, seed.n, reference))


def frechet_distance_of_rows(features: npt.ArrayLike, reference: Reference) -> float | None:
    """Frechet distance of features (n, D) to the reference, the same number as through `moments`; None where undefined.

    Where the reference varies in more directions than there are images, the root's trace comes from the n x n Gram
    matrix of the projected images, and no D x D matrix is made.
    Raises ValueError where the dimensions differ.
    """
    rows = np.asarray(features)
    if len(rows) > reference.factor.shape[1]:
        return frechet_distance(moments(rows), reference)
    centred = reference.centre(rows)
    if len(rows) < 2 or not np.isfinite(centred).all():
        return None
    return distance_of_centred(centred, centred @ reference.factor, reference)


def distance_of_centred(centred: Array, projected: Array, reference: Reference) -> float:
    """The distance from rows less the reference's mean (n, D) and their products with its factor (n, r); n >= 2."""
    gap = centred.mean(axis=0)
    scatter = float(np.vdot(centred, centred)) - len(centred) * float(gap @ gap)
    around = projected - projected.mean(axis=0)
    gram = around @ around.T if around.shape[0] <= around.shape[1] else around.T @ around
    root = root_trace(gram, len(centred))
    return float(distance_of_parts(gap @ gap, scatter, root, len(centred), reference))


def spanned(eigenvalues: Array, n: int) -> npt.NDArray[np.bool_]:
    """Which of the ascending eigenvalues (m,) of n centred rows' scatter are real: the n - 1 largest, where above noise.

    A null eigenvalue comes out as about eps times the largest, and its root as 1e-8 of the largest root: a few hundred
    of them would show in the sixth digit.
    """
    real = eigenvalues > np.finfo(np.float64).eps * eigenvalues.max(initial=0.0)
    real[: max(len(eigenvalues) - (n - 1), 0)] = False
    return np.asarray(real, dtype=np.bool_)


def root_trace(positive: Array, n: int) -> float:
    """tr P^1/2 of a positive semidefinite P that n centred rows made."""
    # LAPACK's reduction to tridiagonal form waits for memory: more threads gain nothing on a quiet machine, and on a busy
    # one they wait for each other (2,048 dimensions: 0.6 s with one thread, 1 to 11 s with two).
    with one_thread_each():
        eigenvalues = np.asarray(np.linalg.eigvalsh(positive), dtype=np.float64)
    return float(np.sqrt(eigenvalues[spanned(eigenvalues, n)]).sum())


def one_thread_each() -> AbstractContextManager[object]:
    """While it lasts, each call of BLAS or LAPACK stays in the thread that made it."""
    limited: AbstractContextManager[object] = _blas().limit(limits=1, user_api="blas")
    return limited


@cache
def _blas() -> ThreadpoolController:
    """The BLAS that numpy has loaded."""
    return ThreadpoolController()


def distance_of_parts(
    gap: npt.ArrayLike, scatter: npt.ArrayLike, root: npt.ArrayLike, n: int, reference: Reference
) -> Array:
    """|mu - mu_ref|^2, tr scatter and tr (F^T scatter F)^1/2, both scatters undivided, put together; any one shape."""
    parts = np.asarray(gap) + np.asarray(scatter) / (n - 1) - 2.0 * np.asarray(root) / np.sqrt(n - 1)
    return np.asarray(np.maximum(parts + reference.trace, 0.0), dtype=np.float64)
