"""What each picture does to the Frechet distance of all pictures of a model: a score a cell, whose mean moves as the distance does.

The first-order influence of a picture x on the distance of all pictures, of mean mu and covariance S, to a reference is

    2 (mu - mu_ref) . (x - mu) + (x - mu)^T (I - T) (x - mu) + const.

with T as in `distances.witness`. To first order a draw of n seeds has the distance of all pictures plus the mean of its own
pictures' influences, so that all that is known of a mean score's spread holds for it.
Deviation: of second order in 1 / (n P) is the noise of the draw's own mean and covariance, which adds a bias, alike for all draws,
and a spread. Where a draw has not many more pictures than the features have dimensions, this is no small part: `redrawn_distance`
has it.
Source: as `distances.witness`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from seedscope.analysis.seeds.distances.feature_rows import SeedRows
from seedscope.analysis.seeds.distances.frechet import Reference
from seedscope.analysis.seeds.distances.moments import Array, Moments, merge, moments
from seedscope.analysis.seeds.distances.witness import Witness


def influences(rows: SeedRows, reference: Reference) -> tuple[list[int], Array]:
    """Seeds, and the influence (P, S) of each of their pictures, of mean 0; features are read twice, a block at a time.

    Raises ValueError as `Witness.of`; CorruptShard where a shard is damaged.
    """
    everything = Moments.empty(reference.dimensions)
    for _, found in rows.by_seed():
        everything = merge(everything, moments(found))
    witness = Witness.of(everything, reference)

    def each() -> Iterator[tuple[int, Array]]:
        for seed, found in rows.by_seed():
            yield seed, witness.score(found, np.broadcast_to(everything.mean, found.shape), everything.n)

    scored = dict(each())
    values = np.stack(list(scored.values()), axis=1)
    return list(scored), values - values.mean()
