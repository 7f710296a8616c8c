"""What chance alone makes of scores, and what seeds do beyond it: p-values and intervals for skewed, rare and tied scores too.

The seeds' scores are shuffled (`shuffle`, `outlying`). Of each shuffled seed the effect over the median seed is divided by its
error, as that of each seed is. The same is done to both, so that skewed, rare or tied scores have their null with them, and
Student's t, which takes a short tail on the good side for evidence, is not needed. The median is the base: one bad seed moves
a mean, and would make all others "better". Many bad seeds move the median too, so that a seed is held against a median whose
errors have been taken out as well (`likely_median`), and intervals reach as far as either of both would have them. Where many
seeds are far off on the good side, the median of the others lies below that of all, and a seed has to be better than that too.
Source: Romano, Wolf (2005), "Exact and Approximate Stepdown Methods for Multiple Hypothesis Testing", and Chung, Romano (2013),
"Exact and asymptotically robust permutation tests", for studentised shuffles; Smyth (2004), "Linear Models and Empirical
Bayes Methods for Assessing Differential Expression", for errors that borrow from all seeds' (here at ten degrees of freedom,
not estimated); Westfall, Young (1993), "Resampling-Based Multiple Testing", for the best of many; Phipson, Smyth (2010) for
(b + 1) / (m + 1).
In 2,000 simulated studies a kind without any seed effect (`benchmarks/claims.py`: normal, lognormal, chi-square, t3, binary
scores of 2, 10 and 50 %; prompts alone, in groups, with missing cells) there is a candidate at a false discovery rate of 5 % in
2.4 to 5.7 %, and at 0.5 % in 0.1 to 0.7 %; intervals of one seed hold in 94.8 to 95.5 %, those of all seeds at once in 94.2 to
98 %; p <= 0.05 for "seeds do not differ" in 2.9 to 6.2 %.
Of these rates the first three have fallen since, and intervals widened by half a point: a median without errors was not asked
yet. Beside 8 or 11 of 24 seeds that are worse by 1.5 s.d. between pictures (7 errors), equal seeds have a candidate in 2 to 5 %
of studies (28 to 60 % before); where nearly half are worse by two to four errors, which cannot be told from seeds that all
differ, in 16 to 20 %, and a golden one in 2 to 4 % (60 and 15 %).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.direction import Better
from seedscope.analysis.seeds.chance import p_values
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.median_seed import MedianSeed, likely_median, over_median
from seedscope.analysis.seeds.scores.scores import checked_level, sign
from seedscope.analysis.seeds.scores.shuffle import Sampled, Shuffled

PRIOR_FREEDOM = 10.0
"""Degrees of freedom that all seeds' errors lend to each seed's own."""

Interval = tuple[float, float]


@dataclass(frozen=True, eq=False)
class ScoreNull:
    """Seeds as observed (S,), NaN for those without a score, and over B shuffles; p-values in [1 / (B + 1), 1] or finer.

    effect: over the median seed, in the score's unit; error: its standard error, which borrows from all seeds'. own: the part
        of that which is the seed's alone.
    best, worst, deviation: (B,) of shuffled seeds: effects of the best and of the worst by the measure's direction, over their
        median; root mean square of their effects.
    median: what the median seed truly is, over the median of the effects.
    differ: p of "seeds do not differ at all", by the deviation.
    better: (S,) effects over their errors, by the measure's direction, over the best of three medians: of the seeds that are
        alike, the likely one of these, and of all; chance: (B S,) those of all shuffled seeds, ascending.
    alike: (S,) true for those of the seeds whose scores were shuffled.
    judged: (S,) true for seeds with scores in enough groups of prompts; of the others nothing is claimed (`outlying`).
    p: of each judged seed, one-sided, "no better than the median seed", against all shuffled seeds, so that the least is
        1 / (B S + 1). family: against the best shuffled seed, which holds for all seeds at once.
        A seed left out of the shuffles is held against those of all seeds too.
    alone, together: effect - error * these is the interval of one seed; of all seeds at once. Ends in order (high, low).
    range: what the best less the worst seed of a shuffle stays below with the probability `level`.
    """

    effect: Array
    error: Array
    own: Array
    median: MedianSeed
    best: Array
    worst: Array
    deviation: Array
    differ: float
    better: Array
    chance: Array
    alike: npt.NDArray[np.bool_]
    judged: npt.NDArray[np.bool_]
    p: Array
    family: Array
    alone: Interval
    together: Interval
    range: float
    level: float

    def intervals(self, factors: Interval) -> tuple[Array, Array]:
        """Low and high ends (S,), given `alone` or `together`; NaN for seeds that are not judged, and where nothing varies."""
        high, low = factors
        effect = np.where(self.judged, self.effect, np.nan)
        error = np.hypot(self.error, self.median.sd)
        with np.errstate(invalid="ignore"):  # endless factors of shuffles in which nothing varied, and errors of 0: NaN
            return (
                np.minimum(effect - high * self.error, effect - self.median.value - high * error),
                np.maximum(effect - low * self.error, effect - self.median.value - low * error),
            )

    def ranks(self, better: Better) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """The best and the worst rank (S,) that each seed may truly have, all at once; NaN for seeds without a score.

        A seed is surely better than another where their effects differ by more than `range`, which takes errors as alike.
        Source: Al Mohamad, Goeman, van Zwet (2022), "Simultaneous Confidence Intervals for Ranks With Application to Ranking
        Institutions" (by Tukey's honest significant difference; here with shuffles in place of his distribution).
        """
        good = sign(better) * self.effect
        ordered = np.sort(good[~np.isnan(good)])
        above = len(ordered) - np.searchsorted(ordered, good + self.range, side="right")
        below = np.searchsorted(ordered, good - self.range, side="left")
        unknown = np.where(np.isnan(good), np.nan, 0.0)
        return np.asarray(1.0 + above + unknown), np.asarray(len(ordered) - below + unknown)


def score_null(shuffle: Shuffled, better: Better, level: float = 0.95) -> ScoreNull:
    """What a shuffle of scores says of the seeds. Raises StatisticsError for a level outside (0, 1)."""
    checked_level(level)
    known, alike, direction = shuffle.known, shuffle.alike, sign(better)
    effect, error, own, t = _studentised(shuffle.observed.only(known), shuffle.freedom[known], alike[known])
    base = float(np.median(effect[alike[known]]))
    median, of_alike = likely_median(effect, own), likely_median(effect[alike[known]] - base, own[alike[known]])
    of_likely = _over(direction * (effect - base - of_alike.value), np.hypot(error, of_alike.sd))
    better_than = np.minimum(np.minimum(direction * t, of_likely), _over(direction * effect, error))
    effects, _, _, ts = _studentised(shuffle.chance.only(alike), shuffle.freedom[alike])
    good, pooled = direction * effects, np.sort(direction * ts, axis=None)
    best, deviation = np.sort((direction * ts).max(axis=1)), _deviation(shuffle.chance.effect[:, alike])
    p, family = (_spread_out(p_values(better_than, chance), known) for chance in (pooled, best))
    if shuffle.whole is not None:  # that a seed is left out is no evidence that it is good
        whole = score_null(shuffle.whole, better, level)
        p, family = (
            np.where(alike, one, np.maximum(one, of_all)) for one, of_all in ((p, whole.p), (family, whole.family))
        )
    spread = effects.max(axis=1) - effects.min(axis=1)
    tails = (0.5 - level / 2, 0.5 + level / 2)
    return ScoreNull(
        effect=_spread_out(effect, known),
        error=_spread_out(error, known),
        own=_spread_out(own, known),
        median=median,
        best=direction * good.max(axis=1),
        worst=direction * good.min(axis=1),
        deviation=deviation,
        differ=float(p_values(_deviation(shuffle.observed.effect[None, known]), np.sort(deviation))[0]),
        better=_spread_out(better_than, known),
        chance=pooled,
        alike=alike,
        judged=shuffle.judged,
        p=np.where(shuffle.judged, p, np.nan),
        family=np.where(shuffle.judged, family, np.nan),
        alone=_shortest(np.sort(ts, axis=None), level),
        together=(
            float(np.quantile(ts.max(axis=1), tails[1], method="higher")),
            float(np.quantile(ts.min(axis=1), tails[0], method="lower")),
        ),
        range=float(np.quantile(spread, level)),
        level=level,
    )


def _studentised(
    seeds: Sampled, freedom: Array, alike: npt.NDArray[np.bool_] | None = None
) -> tuple[Array, Array, Array, Array]:
    """Of seeds (..., S): effects over the median seed, their errors, those without the median's, and effects over errors.

    alike: (S,) the seeds whose median is the base of the last, and who lend from their errors to all; None: all.
    """
    lending = seeds if alike is None else seeds.only(alike)
    lent = PRIOR_FREEDOM * (lending.error**2).mean(axis=-1, keepdims=True)
    variance = (lent + freedom * seeds.error**2) / (PRIOR_FREEDOM + freedom)
    effect, of_median = over_median(seeds.effect, variance)
    over = effect
    if alike is not None and not alike.all():  # to the digit what is done to shuffled seeds: ties stay ties
        _, of_median = over_median(seeds.effect[alike], variance[alike])
        over = seeds.effect - np.median(seeds.effect[alike])
    error = np.sqrt(variance + of_median)
    return effect, error, np.sqrt(variance), _over(over, error)


def _over(effect: Array, error: Array) -> Array:
    """Effects over their errors; endless, or 0, where there is no error."""
    nothing = np.where(effect == 0, 0.0, np.copysign(np.inf, effect))
    return np.divide(effect, error, out=nothing, where=error > 0)


def _deviation(effect: Array) -> Array:
    """(B,) root mean square of effects (B, S)."""
    return np.asarray(np.sqrt((effect**2).mean(axis=-1)))


def _shortest(ordered: Array, level: float) -> Interval:
    """Ends (high, low) of the shortest range that holds so large a share of ascending values: of few distinct values, such as
    those of rare events, two tails of equal size would hold too much."""
    count = int(np.ceil(level * len(ordered)))
    with np.errstate(invalid="ignore"):
        lengths = ordered[count - 1 :] - ordered[: len(ordered) - count + 1]
    first = int(np.argmin(np.where(np.isnan(lengths), np.inf, lengths)))
    return float(ordered[first + count - 1]), float(ordered[first])


def _spread_out(values: Array, known: npt.NDArray[np.bool_]) -> Array:
    """(S,) with the values of known seeds in their places, NaN elsewhere."""
    every = np.full(len(known), np.nan)
    every[known] = values
    return every
