"""The rule `overlap`, as published: seeds that are among the k best of two measures, such as FID and preference.

Source: Xu et al. (2024), "Good Seed Makes a Good Crop", arXiv 2405.14828, section 5.1 (golden seeds).
Deviation: the overlap is printed with what chance gives: the same pictures shuffled between seeds, the scores of a picture
staying together. Two measures of one picture agree by more than the seed, and share more seeds than unrelated ones would: at a
correlation of 0.3, 256 seeds without any effect share 24 of 64, where unrelated rankings share 16.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from seedscope.analysis.direction import Better
from seedscope.analysis.seeds.chance import p_values
from seedscope.analysis.seeds.chance_overlap import top_seeds
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.additive import additive_fit
from seedscope.analysis.seeds.scores.scores import Scores, StatisticsError, sign
from seedscope.analysis.seeds.scores.shuffle import shuffled


@dataclass(frozen=True, eq=False)
class SharedByChance:
    """How many seeds two top lists share: count, and (B,) after shuffles. p: that so many or more are; in [1 / (B + 1), 1]."""

    shared: int
    chance: Array
    p: float

    @property
    def expected(self) -> float:
        return float(self.chance.mean())

    @property
    def span(self) -> tuple[int, int]:
        """The 2.5 % and 97.5 % points of what chance gives."""
        low, high = np.quantile(self.chance, [0.025, 0.975], method="inverted_cdf")
        return int(low), int(high)


@dataclass(frozen=True)
class OverlapRule:
    """seeds: indices in both top lists, best sum of ranks first; may be empty. overlap: their number beside chance.

    tied: which measure leaves out seeds exactly as good as the last of its k best, so that there is no list; None: neither.
    """

    seeds: tuple[int, ...]
    overlap: SharedByChance
    tied: Literal["first", "second"] | None


def overlap_rule(
    first: Scores,
    second: Scores,
    k: int,
    better_first: Better,
    better_second: Better,
    rng: tuple[np.random.Generator, np.random.Generator],
    shuffles: int = 1000,
) -> OverlapRule:
    """The seeds in the top k of both measures, from scores of the same prompts and seeds; a cell counts where both have it.

    rng: two generators in one state, so that both measures are shuffled alike.
    Raises StatisticsError for different prompts or seeds, a k not within 1 and the seeds known in both, fewer than 1 shuffle,
    or seeds that share too few cells that both have.
    """
    if first.values.shape != second.values.shape or (first.member != second.member).any():
        raise StatisticsError("An overlap takes two measures of the same prompts and seeds.")
    missing = ~(first.present & second.present)
    both = [Scores(np.where(missing, np.nan, one.values), one.groups, one.member) for one in (first, second)]
    found = [shuffled(additive_fit(scores), own, shuffles) for scores, own in zip(both, rng, strict=True)]
    known = np.flatnonzero(found[0].known)
    good = [
        sign(better) * one.observed.effect[known]
        for one, better in zip(found, (better_first, better_second), strict=True)
    ]
    tops = [top_seeds(values, k, "higher") for values in good]
    _, rank_a, rank_b = np.intersect1d(tops[0].seeds, tops[1].seeds, return_indices=True)
    shared = tops[0].seeds[rank_a[np.argsort(rank_a + rank_b, kind="stable")]]
    chance = _shared(
        [
            sign(better) * one.chance.effect[:, known]
            for one, better in zip(found, (better_first, better_second), strict=True)
        ],
        k,
    )
    p = float(p_values(np.array([float(len(shared))]), np.sort(chance))[0])
    tied: Literal["first", "second"] | None = "first" if tops[0].tied else "second" if tops[1].tied else None
    seeds = () if tied else tuple(int(seed) for seed in known[shared])
    return OverlapRule(seeds, SharedByChance(len(shared), chance, p), tied)


def _shared(good: list[Array], k: int) -> Array:
    """(B,) seeds that are among the k largest of both of two (B, S)."""
    top: list[npt.NDArray[np.bool_]] = []
    for values in good:
        best = np.zeros(values.shape, np.bool_)
        np.put_along_axis(best, np.argsort(-values, axis=1, kind="stable")[:, :k], True, axis=1)
        top.append(best)
    return np.asarray((top[0] & top[1]).sum(axis=1), dtype=np.float64)
