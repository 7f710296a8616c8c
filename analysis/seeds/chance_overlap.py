"""How many seeds two top lists share, and how many they would share if the two rankings had nothing to do with each other.

Source: Feller (1968), "An Introduction to Probability Theory and Its Applications", volume 1, section II.6 (hypergeometric
distribution). Two unrelated lists of 256 of 1,024 seeds share 64 on average, with a standard deviation of 6.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from seedscope.analysis.direction import Better
from seedscope.analysis.seeds.scores.scores import StatisticsError, sign


@dataclass(frozen=True)
class Overlap:
    """shared: seeds in both of two lists of k out of `seeds`. expected, sd: of unrelated lists; chance: the 2.5 % and 97.5 %
    points of their count. p: probability that unrelated lists share as many or more. None (shared, p) of lists that are in part
    arbitrary, as seeds tie at their end."""

    shared: int | None
    k: int
    seeds: int
    expected: float
    sd: float
    chance: tuple[int, int]
    p: float | None


@dataclass(frozen=True, eq=False)
class Top:
    """seeds: (k,) indices, best first. tied: seeds left out that are exactly as good as the last one taken: with any, the
    list is in part arbitrary (the lowest indices are taken)."""

    seeds: npt.NDArray[np.intp]
    tied: int


def top_seeds(values: npt.ArrayLike, k: int, better: Better) -> Top:
    """The k best of values (S,), NaN never among them. Raises StatisticsError where k is not within 1 and the known seeds."""
    badness = -sign(better) * np.asarray(values, dtype=np.float64)
    known = int((~np.isnan(badness)).sum())
    if badness.ndim != 1 or not 1 <= k <= known:
        raise StatisticsError(f"The top {k} of {known} seeds with a value: k must lie from 1 to their number.")
    order = np.argsort(badness, kind="stable")
    return Top(order[:k], int((badness[order[k:known]] == badness[order[k - 1]]).sum()))


def overlap_of(first: npt.NDArray[np.intp], second: npt.NDArray[np.intp], seeds: int) -> Overlap:
    """Overlap of two lists of k seed indices each, out of `seeds`, beside what chance gives.

    Raises StatisticsError for lists of different lengths, or longer than the seeds there are.
    """
    from scipy.stats import hypergeom  # takes longer to import than a command that needs none of it

    k = len(first)
    if not 1 <= k <= seeds or len(second) != k:
        raise StatisticsError(
            f"Lists of {k} and {len(second)} out of {seeds} seeds: need two of one length, within them."
        )
    shared = len(np.intersect1d(first, second))
    chance = (int(hypergeom.ppf(0.025, seeds, k, k)), int(hypergeom.ppf(0.975, seeds, k, k)))
    sd = k * (seeds - k) / (seeds * sqrt(max(seeds - 1, 1)))
    return Overlap(shared, k, seeds, k * k / seeds, sd, chance, float(hypergeom.sf(shared - 1, seeds, k, k)))
