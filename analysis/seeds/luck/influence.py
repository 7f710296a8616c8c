"""What each picture does to the Frechet distance of all pictures: a score a cell, whose mean moves as the distance does.

The first-order influence of a picture x on the distance of all pictures, of mean mu and covariance S, to a reference is

    2 (mu - mu_ref) . (x - mu) + (x - mu)^T (I - T) (x - mu) + const.

with T as in `distances.witness`. To first order a draw of n seeds has the distance of all pictures plus the mean of its own
pictures' influences, so that all that is known of a mean score's spread holds for it.
Deviation: of second order in 1 / (n P) is the noise of the draw's own mean and covariance, which adds a bias, alike for all
draws, and a spread. Where a draw has not many more pictures than the features have dimensions, this is no small part:
`redrawn_distance` has it.
Source: as `distances.witness`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.distances.feature_rows import SeedRows
from seedscope.analysis.seeds.distances.frechet import Reference, frechet_distance
from seedscope.analysis.seeds.distances.moments import Array, Moments, merge, moments
from seedscope.analysis.seeds.distances.witness import Witness


@dataclass(frozen=True, eq=False)
class Influences:
    """distance: of all pictures. seeds: (S,). values: (P, S) the influence of each picture, of mean 0."""

    distance: float
    seeds: Sequence[int]
    values: Array

    def of(self, seeds: npt.NDArray[np.int64]) -> Array:
        """Those of some seeds, in their order."""
        place = {seed: i for i, seed in enumerate(self.seeds)}
        return np.asarray(self.values[:, [place[seed] for seed in seeds.tolist()]])


def influences(rows: SeedRows, reference: Reference) -> Influences:
    """Of each picture, on the distance of all; features are read twice, a block at a time.

    Raises ValueError as `Witness.of`; CorruptShard where a shard is damaged.
    """
    everything = Moments.empty(reference.dimensions)
    for _, found in rows.by_seed():
        everything = merge(everything, moments(found))
    witness, distance = Witness.of(everything, reference), frechet_distance(everything, reference)
    scored = {
        seed: witness.score(found, np.broadcast_to(everything.mean, found.shape), everything.n)
        for seed, found in rows.by_seed()
    }
    values = np.stack(list(scored.values()), axis=1)
    return Influences(np.nan if distance is None else distance, list(scored), values - values.mean())
