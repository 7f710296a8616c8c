"""Do seeds keep their character from one run to another: the same seeds' effects under two models, samplers or sizes.

The null is that the two have nothing to do with each other: any order of the seeds in the one is as likely beside the other.
Source: Spearman (1904), "The Proof and Measurement of Association between Two Things" (rank correlation, and the correction
for noise); Feller (1968), "An Introduction to Probability Theory and Its Applications", volume 1, section II.6, for seeds
that carry over (hypergeometric distribution).
Deviation: the correction is meant for product moments and for errors that are independent. Runs with the same prompts
share what a seed does to single prompts, so that the corrected value errs on the high side there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from seedscope.analysis.direction import Better
from seedscope.analysis.seeds.scores.discovery import q_values
from seedscope.analysis.seeds.scores.scores import StatisticsError
from seedscope.analysis.seeds.stability import Stability, disattenuated, stability

FEWEST = 3


@dataclass(frozen=True)
class Agreement:
    """One measurement of the seeds that two runs share.

    found: rank correlation of the effects, and the seeds in both top lists (of the highest, where no direction is good).
    differ: p of "the seeds do not differ at all" in either run. reliability: of the effects in either run. ceiling: the
    correlation that seeds of the very same character would show through independent noise of these reliabilities, in
    0..1. noiseless, noiseless_lo, noiseless_hi: the correlation without noise, in -1..1, and its interval, which takes
    the reliabilities for known. far: seeds that lie far off all others in either run: neither the reliabilities nor anything
    else here but `differ` is of these. None where unknown.
    """

    measure: str
    better: Better | None
    found: Stability
    differ: tuple[float | None, float | None]
    reliability: tuple[float | None, float | None]
    ceiling: float | None
    noiseless: float | None
    noiseless_lo: float | None
    noiseless_hi: float | None
    far: Sequence[int] = ()


@dataclass(frozen=True)
class CarriedOver:
    """golden: seeds that are golden in one run. good: seeds that are good in the other. carried: both. seeds: of all.

    expected: how many of as many seeds, drawn blindly, would be good in the other run. p: that so many or more are.
    """

    golden: int
    good: int
    carried: int
    seeds: int
    expected: float
    p: float


def agreement(
    measure: str,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    k: int,
    better: Better | None,
    rng: np.random.Generator,
    *,
    reliability: tuple[float | None, float | None] = (None, None),
    differ: tuple[float | None, float | None] = (None, None),
    far: Sequence[int] = (),
) -> Agreement:
    """Compare effects (S,) of the same seeds in two runs; NaN where a run has none. Top lists are of k seeds or of all.

    far: seeds that are not among these, as they lie far off all others.

    Raises StatisticsError for different shapes, or fewer than 3 seeds that have an effect in both runs.
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    known = int((~(np.isnan(a) | np.isnan(b))).sum()) if a.shape == b.shape else FEWEST
    if known < FEWEST:
        raise StatisticsError(f"{known} seeds have an effect in both runs; at least {FEWEST} are needed.")
    found = stability(a, b, min(k, known), better or "higher", rng)
    one, other = reliability
    ceiling = None if one is None or other is None else sqrt(max(one, 0.0) * max(other, 0.0))
    rho, lo, hi = (_noiseless(end, *reliability) for end in (found.rank.rho, found.rank.lo, found.rank.hi))
    return Agreement(measure, better, found, differ, reliability, ceiling, rho, lo, hi, far)


def _noiseless(rho: float | None, first: float | None, second: float | None) -> float | None:
    return None if rho is None or first is None or second is None else disattenuated(rho, first, second)


def alike(one: Agreement, level: float) -> bool:
    """Whether the seeds do not differ beyond chance in a run: there is no character to keep, only single pictures agree."""
    return any(p is not None and p > level for p in one.differ)


def kept(agreements: Sequence[Agreement], rate: float) -> list[Agreement]:
    """Those in which the order of the seeds agrees, at a (one-sided) false discovery rate among all of them."""
    p = np.array([np.nan if one.found.rank.p is None else one.found.rank.p for one in agreements])
    return [one for one, q in zip(agreements, q_values(p), strict=True) if q <= rate]


def carried_over(golden: Collection[int], good: Collection[int], seeds: Collection[int]) -> CarriedOver:
    """How many golden seeds of one run are good in another; of `seeds`, which both have. Others do not count.

    Raises StatisticsError where there are no seeds.
    """
    from scipy.stats import hypergeom  # takes longer to import than a command that needs none of it

    every = set(seeds)
    if not every:
        raise StatisticsError("No seeds in common: nothing can carry over.")
    first, second = every & set(golden), every & set(good)
    carried = len(first & second)
    p = float(hypergeom.sf(carried - 1, len(every), len(second), len(first)))
    return CarriedOver(len(first), len(second), carried, len(every), len(first) * len(second) / len(every), min(p, 1.0))
