"""Real pictures and their nearest neighbours: what precision, recall, density, coverage and authenticity are taken from.

A ball lies around each picture, as wide as the distance to the K-th nearest other picture of its kind; what lies on its edge is
outside. What differs by rounding alone is equal, so that a repeated picture has a ball of width 0, which holds nothing.
Source: Kynkaanniemi et al. (2019), "Improved Precision and Recall Metric for Assessing Generative Models", arXiv 1904.06991,
eq. 1; the open ball and K = 5 as in Naeem et al. (2020), "Reliable Fidelity and Diversity Metrics for Generative Models",
arXiv 2002.09797.
Deviation: published figures take as many real pictures as made ones. A seed has few, and its real neighbours would be far:
all real pictures are taken, up to MOST_REAL, the most that dgm-eval (Stein et al. 2023, arXiv 2306.04675) takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.distances.moments import Array

Rows = npt.NDArray[np.generic]
Places = npt.NDArray[np.intp]

K = 5
MOST_REAL = 10_000
"""Real pictures of which neighbours are looked for: of more, so many are drawn, the same for all seeds and measures."""
AT_A_TIME = 4096
"""A seed's pictures, or those of all seeds, that are compared with the real ones at a time."""
BLOCK = 2**22
"""Squared distances that are held at a time: 32 MB."""
SAME = 1e-12
"""Share of a squared length below which a squared distance is rounding: some 100 times what float64 makes of it."""
WITHIN = 1.0 - 1e-9
"""Share of its squared radius at which a ball ends, so that rounding puts nothing from its edge inside."""


@dataclass(frozen=True, eq=False)
class RealNeighbours:
    """The real pictures, prepared once for all seeds.

    features: (m, D) float64. there: real pictures from which these m were drawn. nearest, radius: (m,) squared distance to the
    nearest and to the K-th nearest of the others.
    """

    features: Array
    there: int
    nearest: Array
    radius: Array

    @classmethod
    def of(cls, features: npt.ArrayLike, rng: np.random.Generator) -> RealNeighbours:
        """From the features (m, D) of all real pictures: O(m^2 D), 32 MB beside them. `rng` draws those of too many.

        Raises ValueError for fewer than K + 1, or where one is not finite.
        """
        rows = np.asarray(features)
        if rows.ndim != 2 or len(rows) <= K:
            raise ValueError(f"real features have shape {rows.shape}; {K} neighbours want {K + 1} pictures or more")
        there = len(rows)
        if there > MOST_REAL:
            rows = rows[np.sort(rng.choice(there, MOST_REAL, replace=False))]
        kept = np.asarray(rows, dtype=np.float64)
        if not np.isfinite(kept).all():
            raise ValueError("the reference pictures have features that are not finite")
        gaps, _ = nearest(kept, K)
        return cls(kept, there, gaps[:, 0], WITHIN * gaps[:, -1])

    def gaps(self, rows: Rows) -> Iterator[tuple[slice, Array]]:
        """Squared distances (n, B) of features (n, D) to each block of B real pictures, and which these are."""
        own = np.asarray(rows, dtype=np.float64)
        step = max(BLOCK // max(len(own), 1), 1)
        for start in range(0, len(self.features), step):
            block = slice(start, start + step)
            yield block, squared_distances(own, self.features[block])


def in_parts(rows: Rows) -> Iterator[Rows]:
    """Rows (n, D), AT_A_TIME at a time."""
    return (rows[start : start + AT_A_TIME] for start in range(0, len(rows), AT_A_TIME))


def squared_distances(a: Array, b: Array) -> Array:
    """(n, m) of rows (n, D) and (m, D); 0 where they differ by rounding alone."""
    lengths = np.einsum("ij,ij->i", a, a)[:, None]
    gaps = np.asarray(a @ b.T, dtype=np.float64)
    gaps *= -2.0
    gaps += lengths
    gaps += np.einsum("ij,ij->i", b, b)
    gaps[gaps <= SAME * lengths] = 0.0
    return gaps


def nearest(rows: Array, count: int) -> tuple[Array, Places]:
    """Squared distances (n, count), ascending, of each row (n, D) to its nearest others, and which these are; count < n."""
    gaps, places = np.empty((len(rows), count)), np.empty((len(rows), count), dtype=np.intp)
    step = max(BLOCK // len(rows), 1)
    for start in range(0, len(rows), step):
        some = slice(start, start + step)
        block = squared_distances(rows[some], rows)
        np.fill_diagonal(block[:, start:], np.inf)
        near = np.argpartition(block, count - 1, axis=1)[:, :count]
        found = np.take_along_axis(block, near, axis=1)
        order = found.argsort(axis=1)
        gaps[some], places[some] = np.take_along_axis(found, order, 1), np.take_along_axis(near, order, 1)
    return gaps, places
