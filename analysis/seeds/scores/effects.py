"""How much better or worse each seed is than the median seed, with an error over groups of prompts.

An effect is a seed less the median of all seeds measured, which one bad seed does not move; its interval is for fresh prompts
of the same kind. Prompts of a group (one object with many modifiers, say) may agree with each other in any way.
Intervals are those of shuffled scores (`score_null`), where these are given: skewed and rare scores have Student's t intervals
that cover 87 to 91 % where they claim 95 %. Of seeds with scores in fewer groups than it takes to judge them they are Student's
t: beside a seed that is off by 100 s.d., those of shuffled scores would cover 53 % with two groups.
Source: Bell, McCaffrey (2002), "Bias reduction in standard errors for linear regression with multi-stage samples", sections
3-4 (CR2 and its degrees of freedom); Cameron, Miller (2015), "A Practitioner's Guide to Cluster-Robust Inference",
sections VI.B and VI.D.
Deviation: a group's leverage on a seed is taken as its share of the seed's cells. For a complete grid that is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.additive import AdditiveFit
from seedscope.analysis.seeds.scores.median_seed import over_median
from seedscope.analysis.seeds.scores.score_null import Interval, ScoreNull
from seedscope.analysis.seeds.scores.scores import checked_level


@dataclass(frozen=True, eq=False)
class Effects:
    """One entry a seed, in the unit of the score; NaN where undefined (no score, or scores in one group only).

    effect: (S,) seed less the median of all seeds. n: (S,) cells behind it. groups: (S,) groups of prompts behind it.
    se, freedom: (S,) standard error of seed less the mean of all, and its degrees of freedom. lo, hi: (S,) interval at `level`.
    influence: (G, S) each group's share in the error: the root sum of squares over groups is `se`, and that of any
        combination of seeds is the combination's error.
    """

    effect: Array
    n: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64]
    se: Array
    freedom: Array
    lo: Array
    hi: Array
    influence: Array
    level: float


def seed_effects(fit: AdditiveFit, level: float = 0.95, null: ScoreNull | None = None) -> Effects:
    """Effects of all seeds with clustered errors and two-sided intervals, of Student's t where there is no `null`.

    Raises StatisticsError for a bad level.
    """
    scores = fit.scores
    cells = scores.by_group(scores.present)
    n = cells.sum(axis=0)
    leverage = cells / np.maximum(n, 1)
    groups = (cells > 0).sum(axis=0)
    single = groups < 2
    leverage[:, single] = 0.0
    influence = _solved(fit, scores.by_group(fit.residual)) / np.sqrt(1.0 - leverage)
    influence[:, single] = np.nan
    se = np.sqrt((influence**2).sum(axis=0))
    freedom = np.where(single, np.nan, _freedom(leverage))
    effect, of_median = over_median(fit.seed, np.where(single, np.nan, se**2))
    half = stdtrit(freedom, 0.5 + checked_level(level) / 2) * np.sqrt(se**2 + of_median)
    lo, hi = effect - half, effect + half
    if null is not None:
        lo, hi = _or_else(null, null.alone, (lo, hi))
    unknown = np.where(single, np.nan, 0.0)
    return Effects(effect, n.astype(np.int64), groups, se, freedom, lo + unknown, hi + unknown, influence, level)


def for_all_seeds(effects: Effects, null: ScoreNull) -> tuple[Array, Array]:
    """Intervals (S,) that hold for all seeds at once; of those that `null` does not judge, Student's t by Bonferroni."""
    tail, seeds = (1.0 - effects.level) / 2, int((effects.n > 0).sum())
    wider = stdtrit(effects.freedom, 1.0 - tail / seeds) / stdtrit(effects.freedom, 1.0 - tail)
    lo, hi = (effects.effect + wider * (end - effects.effect) for end in (effects.lo, effects.hi))
    return _or_else(null, null.together, (lo, hi))


def mean_of(effects: Effects, seeds: npt.NDArray[np.intp]) -> tuple[float, float, float]:
    """(effect, standard error, degrees of freedom) of the mean of some seeds, given by index; NaN where one is unknown."""
    influence = effects.influence[:, seeds].mean(axis=1)
    return (
        float(effects.effect[seeds].mean()),
        float(np.sqrt(influence @ influence)),
        float(effects.freedom[seeds].min()),
    )


def _or_else(null: ScoreNull, factors: Interval, other: tuple[Array, Array]) -> tuple[Array, Array]:
    """The intervals of the seeds that `null` judges, and others for the rest.

    Of a seed that surely lies off the median seed, they reach as far as those others too: shuffled scores vary as those of
    all seeds do, and where one seed shows a rare thing often, its own vary more.
    """
    low, high = null.intervals(null.together)
    apart = ~null.alike | (low > 0) | (high < 0)
    low, high = null.intervals(factors)
    low, high = np.where(apart, np.fmin(low, other[0]), low), np.where(apart, np.fmax(high, other[1]), high)
    return np.where(null.judged, low, other[0]), np.where(null.judged, high, other[1])


def _solved(fit: AdditiveFit, sums: Array) -> Array:
    """Effects (G, S) of sums (G, S) of residuals."""
    if fit.scores.present.all():
        return sums / len(fit.scores.member)
    return sums @ fit.inverse


def _freedom(leverage: Array) -> Array:
    """Degrees of freedom (S,) by Satterthwaite's moments, under equal and independent cells; G - 1 for equal groups.

    leverage: (G, S) shares of a seed's cells, each below 1. The G scaled group sums have covariance c_g c_h (h_g d_gh -
    h_g h_h) with c_g^2 = 1 / (1 - h_g); the result is its squared trace, which is 1, over the sum of its squares.
    """
    squares = leverage**2
    outer = squares / (1.0 - leverage)
    total = squares.sum(axis=0) + outer.sum(axis=0) ** 2 - (outer**2).sum(axis=0)
    return np.asarray(1.0 / np.where(total > 0, total, np.nan))
