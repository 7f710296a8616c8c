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
with the noise of mu_s. The same is then written around mu_p, the mean of all seeds that have the picture's prompt, and mu, the
mean of these over prompts. With d = x - mu_p, of a seed's n pictures in the order of its prompts,

    w(x_j) = 2 (mu - mu_ref) . (x_j - mu) + (x_j - mu)^T (I - T) (x_j - mu) + 2 / (n - 1) d_j^T T (d_1 + ... + d_(j-1))

A picture is not paired with itself, so that the mean over a seed's pictures has the same expectation for any n, that of the
distance above less |mu - mu_ref|^2. Each pair is in the score of its later picture alone. What pictures have for themselves, e
with covariance C, is independent between prompts, so that of a seed like all others E[e_j^T T e_i  e_k^T T e_h] = 0 for
different pairs, and its scores are not correlated. (With d_j paired with the mean of all other d, each pair in both scores, a
seed's mean is the same, but two of its scores have a covariance of tr (T C)^2 / (n - 1)^2, which a model of seeds takes for
an effect of theirs. Of pictures of the bundled model, whose scores have a variance of 490 and seeds' effects one of 25, it is
77 for n = 2 and 19 for n = 3: half of what a first round said of seeds was this.)

mu_p is of all seeds that have the prompt. Those that stayed were lucky, by b, on the prompts by which they were chosen, and
all others, scored from there, would be |b|^2 in T too far. In return the mean of a later prompt is that of better seeds; for
the pairs of a seed this is of second order in what seeds differ by, and it is not corrected.

Scores of few pictures stay noisier, by 2 tr (T C)^2 / (n - 1), while effects (`effects_after`) have one variance for all. In
races where that is as much as all other noise, seeds that went out first came out 0.25 s.d. of the seeds' effects too low and
the last ones 0.3 too high, and 92 to 94 % of intervals held (of scores with one variance: 0.07, 0.12 and 95 to 97 %). With
pairs in both scores, and mu_p of those that stayed, these were 0.5, 0.8 and, of the last ones, 80 %.

S is of all pictures, those of seeds that lack prompts too: where some have no part in it, and pictures are not many more than
dimensions, T is large in directions in which only these vary, and they seem better by several times what seeds differ by.
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

        mean: (D,) mu above; beside: (m, D) mu_p of the prompt of each; others: (m, D) what each is paired with, of its seed.
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


def uneven_witness_grid(features: Table, column: str, units: Sequence[Unit], reference: Reference) -> Grid:
    """The score of every cell of some units whose seeds have different prompts, less the mean of all.

    Its shards are read twice, one in memory at a time. units: of each seed in the order of its prompts.

    Raises ValueError as `Witness.of`, CorruptShard where a shard is damaged.
    """
    prompts = {prompt.id: i for i, prompt in enumerate(dict.fromkeys(p for unit in units for p in unit.prompts))}
    seeds = {seed: i for i, seed in enumerate(dict.fromkeys(seed for unit in units for seed in unit.seeds))}
    everything = Moments.empty(reference.dimensions)
    total, count = np.zeros((len(prompts), reference.dimensions)), np.zeros(len(prompts))
    n = np.zeros(len(seeds))

    def read(unit: Unit) -> tuple[Array, npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """The features of a unit's cells, and the places of the prompt and of the seed of each."""
        at = [(prompts[prompt.id], seeds[seed]) for prompt, seed in unit.cells]
        rows = np.asarray(vectors(features.read(unit.name, [column])[column]), np.float64)
        return rows, np.array([prompt for prompt, _ in at], np.intp), np.array([seed for _, seed in at], np.intp)

    for unit in units:
        rows, on, by = read(unit)
        finite = np.isfinite(rows).all(axis=1)
        everything = merge(everything, moments(rows[finite]))
        np.add.at(total, on[finite], rows[finite])
        np.add.at(count, on[finite], 1)
        np.add.at(n, by[finite], 1)
    beside = total / np.where(count, count, np.nan)[:, None]
    mean = beside[count > 0].mean(axis=0)
    witness, before = Witness.of(everything, reference), np.zeros((len(seeds), reference.dimensions))

    def scores() -> Iterator[tuple[Unit, Array]]:
        for unit in units:
            rows, on, by = read(unit)
            apart, others = np.nan_to_num(rows - beside[on]), np.empty_like(rows)
            for seed in np.unique(by):
                own = np.flatnonzero(by == seed)
                own = own[np.argsort(on[own], kind="stable")]
                upto = before[seed] + np.cumsum(apart[own], axis=0)
                others[own] = 2.0 * (upto - apart[own]) / max(n[seed] - 1.0, 1.0)
                before[seed] = upto[-1]
            yield unit, witness.score_around(rows, mean, beside[on], others)

    grid = grid_of(units, scores())
    centred = (grid.values - np.nanmean(grid.values, dtype=np.float64)).astype(np.float32)
    return Grid(centred, grid.prompts, grid.groups, grid.seeds)
