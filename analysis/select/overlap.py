"""The rule `overlap`, as published: seeds that are among the k best of two measures, such as FID and preference.

Source: Xu et al. (2024), "Good Seed Makes a Good Crop", arXiv 2405.14828, section 5.1 (golden seeds).
Deviation: the overlap is printed with what unrelated measures would share. The published 65 and 67 of 256 out of 1,024 are
what chance gives (64, standard deviation 6.0).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.direction import Better
from seedscope.analysis.seeds.chance_overlap import Overlap, overlap_of, top_seeds
from seedscope.analysis.seeds.scores.scores import StatisticsError


@dataclass(frozen=True)
class OverlapRule:
    """seeds: indices in both top lists, best sum of ranks first; may be empty. overlap: their number beside chance.

    tied: seeds that the first and the second list left out though exactly as good as their last.
    """

    seeds: tuple[int, ...]
    overlap: Overlap
    tied: tuple[int, int]


def overlap_rule(
    first: npt.ArrayLike, second: npt.ArrayLike, k: int, better_first: Better, better_second: Better
) -> OverlapRule:
    """The seeds in the top k of both measures (S,); a seed that is NaN in either takes no part.

    Raises StatisticsError for different shapes, or a k not within 1 and the seeds known in both.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape:
        raise StatisticsError(f"Measures of shape {a.shape} and {b.shape}: need one value a seed in both.")
    known = np.flatnonzero(~(np.isnan(a) | np.isnan(b)))
    top_a, top_b = top_seeds(a[known], k, better_first), top_seeds(b[known], k, better_second)
    _, rank_a, rank_b = np.intersect1d(top_a.seeds, top_b.seeds, return_indices=True)
    shared = top_a.seeds[rank_a[np.argsort(rank_a + rank_b, kind="stable")]]
    return OverlapRule(
        tuple(int(seed) for seed in known[shared]),
        overlap_of(top_a.seeds, top_b.seeds, len(known)),
        (top_a.tied, top_b.tied),
    )
