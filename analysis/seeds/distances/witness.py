"""What one picture adds to the Frechet distance of its seed: a score a cell, where the distance has none.

The distance is a number of many pictures. Each picture's share in it is the influence function at the seed's own pictures: with
mu_s, S_s of the seed, mu_ref, S_ref of the reference, and T = F (F^T S F)^-1/2 F^T, F F^T = S_ref, S of all pictures of the
study,

    w(x) = |mu_s - mu_ref|^2 + 2 (mu_s - mu_ref) . (x - mu_s) + n / (n - 1) (x - mu_s)^T (I - T) (x - mu_s)

less its mean over all pictures. Averaged over a seed's pictures it is |mu_s - mu_ref|^2 + tr (I - T) S_s: the seed's own
distance, of which the covariance's part is taken to first order, at the covariance of all pictures, where it is far less noisy
than at the seed's few. Lower is better. Pictures unlike all others cannot win: they move their seed's mean away, and pictures
that resemble each other lack spread. (The derivative at all pictures of the study, without mu_s, rewards whatever lies on the
far side of the reference: it calls a seed of black pictures the best of all.)
Source: the influence function of the functional (Hampel et al. 1986, "Robust Statistics", section 2.1); the gradient of the
Bures distance is I - T, with T the optimal transport map (Bhatia, Jain, Lim 2019, arXiv 1712.01504, section 4).
Deviation: cells of a seed share its mean, so that they are not quite exchangeable between seeds; in shuffles of real pictures
the test of `score_null` held its level all the same (benchmarks/claims.py).

Where seeds have pictures of different prompts, and of different numbers of them, |mu_s - mu_ref|^2 cannot be compared: it grows
with the noise of mu_s. The same is then written around mu, the mean of the pictures of those seeds that have all prompts,

    w(x) = 2 (mu - mu_ref) . (x - mu) + (x - mu)^T (I - T) (x - mu) + (x - mu_p)^T T l

with mu_p their mean on the picture's prompt, and l the mean of the other pictures of the seed, each less that of its prompt: a
picture is not paired with itself, so that the mean over any pictures of a seed has the same expectation, that of the above less
|mu - mu_ref|^2. S is of all pictures, those of seeds that lack prompts too: where some have no part in it, and pictures are not
many more than dimensions, T is large in directions in which only these vary, and they seem better by several times what seeds
differ by.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
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
    """What scores the pictures of any seed. mean: (D,) of the reference; transport: (D, r), T is its product with its own
    transpose."""

    mean: Array
    transport: Array

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
        return cls(reference.mean, (factor @ directions[:, kept]) * values[kept] ** -0.25)

    def score(self, features: npt.ArrayLike, own_mean: npt.ArrayLike, n: npt.ArrayLike) -> Array:
        """w (m,), not yet less its mean over all pictures, of features (m, D).

        own_mean: (m, D) of the seed of each; n: (m,) its number of pictures. In the distance's unit; NaN for a row that is not
        finite, and where a seed has fewer than 2 pictures.
        """
        own, count = np.asarray(own_mean, dtype=np.float64), np.asarray(n, dtype=np.float64)
        around, gap = np.asarray(features, dtype=np.float64) - own, own - self.mean
        with np.errstate(invalid="ignore", divide="ignore"):
            moved = around @ self.transport
            lengths = np.einsum("ij,ij->i", around, around) - np.einsum("ij,ij->i", moved, moved)
            pulls = np.einsum("ij,ij->i", gap, gap + 2.0 * around)
            return np.asarray(pulls + lengths * np.where(count > 1, count / (count - 1.0), np.nan))

    def score_around(self, features: npt.ArrayLike, mean: Array, beside: Array, others: Array) -> Array:
        """w (m,) of features (m, D), for seeds with different prompts; in the distance's unit, NaN for a row not finite.

        mean: (D,) of the seeds with all prompts; beside: (m, D) theirs on the prompt of each; others: (m, D), l above.
        """
        x = np.asarray(features, dtype=np.float64)
        with np.errstate(invalid="ignore"):
            around, moved = x - mean, (x - mean) @ self.transport
            lengths = np.einsum("ij,ij->i", around, around) - np.einsum("ij,ij->i", moved, moved)
            pairs = np.einsum("ij,ij->i", (x - beside) @ self.transport, others @ self.transport)
            return np.asarray(2.0 * around @ (mean - self.mean) + lengths + pairs)


def witness_grid(
    features: Table, column: str, units: Sequence[Unit], reference: Reference, without: Collection[int] = ()
) -> Grid:
    """The score of every cell of some units, from their feature shards, read twice, one in memory at a time.

    without: seeds that are passed over, as if they had no pictures.

    Raises ValueError as `Witness.of`, CorruptShard where a shard is damaged.
    """
    everything = Moments.empty(reference.dimensions)
    place = {seed: i for i, seed in enumerate(dict.fromkeys(seed for unit in units for seed in unit.seeds))}
    passed_over = [place[seed] for seed in without if seed in place]
    total, n = np.zeros((len(place), reference.dimensions)), np.zeros(len(place))

    def read(unit: Unit) -> tuple[Array, npt.NDArray[np.intp]]:
        """The features of a unit's cells, and the place of the seed of each."""
        seeds = np.array([place[seed] for _, seed in unit.cells], np.intp)
        return np.asarray(vectors(features.read(unit.name, [column])[column])), seeds

    for unit in units:
        rows, seeds = read(unit)
        finite = np.isfinite(rows).all(axis=1) & ~np.isin(seeds, passed_over)
        everything = merge(everything, moments(rows[finite]))
        for seed in np.unique(seeds[finite]):
            total[seed] += rows[finite & (seeds == seed)].sum(axis=0, dtype=np.float64)
        n += np.bincount(seeds[finite], minlength=len(place))
    witness, mean = Witness.of(everything, reference), total / np.maximum(n, 1.0)[:, None]

    def scores() -> Iterator[tuple[Unit, Array]]:
        for unit in units:
            rows, seeds = read(unit)
            yield unit, witness.score(rows, mean[seeds], n[seeds])

    grid = grid_of(units, scores()).without(without)
    centred = (grid.values - np.nanmean(grid.values, dtype=np.float64)).astype(np.float32)
    return Grid(centred, grid.prompts, grid.groups, grid.seeds)


def uneven_witness_grid(
    features: Table, column: str, units: Sequence[Unit], reference: Reference, full: Collection[int]
) -> Grid:
    """The score of every cell of some units whose seeds have different prompts, less the mean of those of `full`.

    Its shards are read twice, one in memory at a time. full: seeds that have all prompts; the scores are around theirs.

    Raises ValueError as `Witness.of`, CorruptShard where a shard is damaged.
    """
    prompts = {prompt.id: i for i, prompt in enumerate(dict.fromkeys(p for unit in units for p in unit.prompts))}
    seeds = {seed: i for i, seed in enumerate(dict.fromkeys(seed for unit in units for seed in unit.seeds))}
    with_all = np.isin(list(seeds), list(full))
    dimensions = reference.dimensions
    everything, of_full = Moments.empty(dimensions), Moments.empty(dimensions)
    of_seed, of_prompt = np.zeros((len(seeds), dimensions)), np.zeros((len(prompts), dimensions))
    present: npt.NDArray[np.bool_] = np.zeros((len(prompts), len(seeds)), np.bool_)

    def read(unit: Unit) -> tuple[Array, npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """The features of a unit's cells, and the places of the prompt and of the seed of each."""
        at = [(prompts[prompt.id], seeds[seed]) for prompt, seed in unit.cells]
        rows = np.asarray(vectors(features.read(unit.name, [column])[column]), np.float64)
        return rows, np.array([prompt for prompt, _ in at], np.intp), np.array([seed for _, seed in at], np.intp)

    for unit in units:
        rows, on, by = read(unit)
        finite = np.isfinite(rows).all(axis=1)
        counted = finite & with_all[by]
        everything = merge(everything, moments(rows[finite]))
        of_full = merge(of_full, moments(rows[counted]))
        np.add.at(of_prompt, on[counted], rows[counted])
        np.add.at(of_seed, by[finite], rows[finite])
        present[on[finite], by[finite]] = True
    count = present[:, with_all].sum(axis=1)
    beside = of_prompt / np.where(count, count, np.nan)[:, None]
    present[count == 0] = False
    apart, n = of_seed - present.T.astype(np.float64) @ np.nan_to_num(beside), present.sum(axis=0)
    witness = Witness.of(everything, reference)

    def scores() -> Iterator[tuple[Unit, Array]]:
        for unit in units:
            rows, on, by = read(unit)
            others = (apart[by] - (rows - beside[on])) / np.maximum(n[by] - 1, 1)[:, None]
            others[n[by] < 2] = 0.0
            yield unit, witness.score_around(rows, of_full.mean, beside[on], others)

    grid = grid_of(units, scores())
    centred = (grid.values - np.nanmean(grid.values[:, with_all], dtype=np.float64)).astype(np.float32)
    return Grid(centred, grid.prompts, grid.groups, grid.seeds)
