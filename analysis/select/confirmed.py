"""The rule `confirmed`: seeds better than the median seed at a strict false discovery rate, as halves of the prompts bear out.

1. Candidates: better than the median seed at a false discovery rate of 5 %, by a test against shuffled scores (`score_null`),
   and measured to be so by no less than the smallest effect that matters. What is tested is that a seed is better at all.
2. Golden are the best of those that are so at a rate of 0.5 %, and that prompts halved again and again bear out: where a half
   has a seed among its best, the seed is better than the median seed on the other half, more often than not.
"No seed is better than chance here" is the result where nothing passes: without seed effects about 5 % of studies have a
candidate, and 0.5 % a golden seed (benchmarks/claims.py: up to 5.7 and 0.7 %). All prompts take part in step 1: less is missed
than where half of them choose and half confirm.

Source: Benjamini, Hochberg (1995), "Controlling the False Discovery Rate", on the p-values of `score_null`; `halvings` for the
second step; `selected` for what golden seeds are worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.direction import Better
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.discovery import q_values
from seedscope.analysis.seeds.scores.halvings import HeldOut
from seedscope.analysis.seeds.scores.score_null import ScoreNull
from seedscope.analysis.seeds.scores.scores import StatisticsError, sign
from seedscope.analysis.seeds.scores.selected import corrected, threshold

CANDIDATES, GOLDEN = 0.05, 0.005
"""False discovery rates."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known of S seeds by one measure: against shuffled scores, and on halves of the prompts.

    smallest: the smallest effect that matters, at least 0, in the score's unit.
    """

    null: ScoreNull
    held: HeldOut
    better: Better
    smallest: float = 0.0

    @property
    def good(self) -> Array:
        """(S,) effects over the median seed, positive where better; NaN for seeds without a score."""
        return sign(self.better) * self.null.effect

    @property
    def matters(self) -> npt.NDArray[np.bool_]:
        """(S,) true where a seed was measured to be better, than both medians, by the smallest effect that matters or more."""
        above = max(sign(self.better) * self.null.median.value, 0.0)
        return self.good - above >= max(self.smallest, np.finfo(np.float64).tiny)

    @property
    def borne_out(self) -> npt.NDArray[np.bool_]:
        """(S,) true where most of the halves that choose a seed are borne out by the other half."""
        return np.nan_to_num(self.held.held) > 0.5

    def advantage(self, seeds: Sequence[int], p: float) -> Advantage:
        """Of seeds, by index, that were chosen for their p-values being no more than `p`."""
        low, high = (end[list(seeds)] for end in self.null.intervals(self.null.together))
        lo, hi = sorted(float(sign(self.better) * end.mean()) for end in (low, high))
        passed = threshold(self.null, p)
        left = [corrected(self.null, s, passed) if self.null.better[s] >= passed else self.good[s] for s in seeds]
        return Advantage(float(self.good[list(seeds)].mean()), lo, hi, float(np.mean(left)))


@dataclass(frozen=True)
class Advantage:
    """Mean score of some seeds less that of the median seed, positive where better, in the score's unit.

    lo, hi: an interval that holds for all seeds at once, chosen or not, in 95 % of all studies; where few studies have a golden
    seed, it holds in fewer of these. corrected: what is left of the mean when the luck of having been chosen is taken out.
    """

    mean: float
    lo: float
    hi: float
    corrected: float


@dataclass(frozen=True, eq=False)
class Confirmed:
    """seeds: indices of the golden seeds, best first; empty where no seed is better than chance.

    candidates: indices of all candidates, best first. slight: how many seeds are better at the rate of candidates, but by less
    than matters. sure: how many candidates are so at the stricter rate. borne_out: how many of these the halves bear out.
    barred: indices of those among them that may not be golden; the golden seeds are the best of the others. advantage: of the
    golden seeds; None without any. q: (S,) q-values, NaN where unknown. tested: seeds with a p-value.
    """

    seeds: tuple[int, ...]
    candidates: tuple[int, ...]
    slight: int
    sure: int
    borne_out: int
    barred: tuple[int, ...]
    advantage: Advantage | None
    q: Array
    tested: int


def confirmed(
    evidence: Evidence,
    most: int | None = None,
    without: Sequence[int] = (),
    rates: tuple[float, float] = (CANDIDATES, GOLDEN),
) -> Confirmed:
    """Choose by one measure; at most so many golden seeds, the best ones; None: all.

    without: indices of seeds that may not be golden. rates: false discovery rates of candidates and of golden seeds.
    Raises StatisticsError for rates outside (0, 1).
    """
    if not all(0.0 < rate < 1.0 for rate in rates):
        raise StatisticsError(f"A false discovery rate lies in (0, 1), not at {rates[0]} and {rates[1]}.")
    q = q_values(evidence.null.p)
    candidates = _best_first((q <= rates[0]) & evidence.matters, evidence.good)
    sure = [seed for seed in candidates if q[seed] <= rates[1]]
    stand = [seed for seed in sure if evidence.borne_out[seed]]
    golden, tested = [seed for seed in stand if seed not in without][:most], int((~np.isnan(q)).sum())
    level = rates[1] * max(int((q <= rates[1]).sum()), 1) / max(tested, 1)
    return Confirmed(
        seeds=tuple(golden),
        candidates=tuple(candidates),
        slight=int((q <= rates[0]).sum()) - len(candidates),
        sure=len(sure),
        borne_out=len(stand),
        barred=tuple(seed for seed in stand if seed in without),
        advantage=evidence.advantage(golden, level) if golden else None,
        q=q,
        tested=tested,
    )


def _best_first(chosen: npt.NDArray[np.bool_], good: Array) -> list[int]:
    seeds = np.flatnonzero(chosen)
    return [int(seed) for seed in seeds[np.argsort(-good[seeds], kind="stable")]]
