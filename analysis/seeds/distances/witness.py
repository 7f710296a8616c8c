"""What one picture adds to the Frechet distance of all pictures together: a score a cell, where the distance has none.

The distance is a number of many pictures. Its derivative, when a picture gets a little more weight among all of a study, is a
number of one: with mu, S of all pictures, mu_ref, S_ref of the reference, and T = F (F^T S F)^-1/2 F^T, F F^T = S_ref,

    w(x) = 2 (mu - mu_ref) . (x - mu) + (x - mu)^T (I - T) (x - mu) - tr (I - T) S

Averaged over a seed's pictures it is how much further off than the average seed this one is, to first order; over all
pictures it is 0. Lower is better. To first order only: that a seed's pictures resemble each other costs it distance, but not
witness.
Source: the von Mises derivative of the functional (Hampel et al. 1986, "Robust Statistics", section 2.1); the gradient of the
Bures distance is I - T, with T the optimal transport map (Bhatia, Jain, Lim 2019, arXiv 1712.01504, section 4).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.distances.feature_rows import vectors
from seedscope.analysis.seeds.distances.frechet import Reference, spanned
from seedscope.analysis.seeds.distances.moments import Array, Moments, covariance, merge, moments
from seedscope.analysis.seeds.scores.grid import Grid, grid_of
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.tables.table import Table


@dataclass(frozen=True, eq=False)
class Witness:
    """The derivative, ready for pictures. mean: (D,) of all; slope: (D,); transport: (D, r), T is its product with its own
    transpose; offset: tr (I - T) S."""

    mean: Array
    slope: Array
    transport: Array
    offset: float

    @classmethod
    def of(cls, everything: Moments, reference: Reference) -> Witness:
        """From the moments of all pictures of a study: one eigendecomposition, O(D^3).

        Directions in which the pictures do not vary are left as they are: the distance has no derivative there.
        Raises ValueError where dimensions differ, for fewer than 2 pictures or for features that are not finite.
        """
        if everything.dimensions != reference.dimensions:
            raise ValueError(f"pictures of {everything.dimensions} dimensions, a reference of {reference.dimensions}")
        spread = covariance(everything)
        if not np.isfinite(spread).all():
            raise ValueError("some pictures have features that are not finite")
        factor = reference.factor
        values, directions = np.linalg.eigh(factor.T @ spread @ factor)
        kept = spanned(values, everything.n)
        transport = (factor @ directions[:, kept]) * values[kept] ** -0.25
        moved = float(np.vdot(transport, spread @ transport))
        slope = 2.0 * (everything.mean - reference.mean)
        return cls(everything.mean, slope, transport, float(np.trace(spread)) - moved)

    def score(self, features: npt.ArrayLike) -> Array:
        """w (n,) of features (n, D), in the distance's unit; NaN for a row that is not finite."""
        around = np.asarray(features, dtype=np.float64) - self.mean
        with np.errstate(invalid="ignore"):
            moved = around @ self.transport
            lengths = np.einsum("ij,ij->i", around, around) - np.einsum("ij,ij->i", moved, moved)
            return np.asarray(around @ self.slope + lengths - self.offset)


def witness_grid(features: Table, column: str, units: Sequence[Unit], reference: Reference) -> Grid:
    """The score of every cell of some units, from their feature shards, read twice, one in memory at a time.

    Raises ValueError as `Witness.of`, CorruptShard where a shard is damaged.
    """
    everything = Moments.empty(reference.dimensions)
    for unit in units:
        rows = vectors(features.read(unit.name, [column])[column])
        everything = merge(everything, moments(rows[np.isfinite(rows).all(axis=1)]))
    witness = Witness.of(everything, reference)

    def scores() -> Iterator[tuple[Unit, Array]]:
        for unit in units:
            yield unit, witness.score(vectors(features.read(unit.name, [column])[column]))

    return grid_of(units, scores())
