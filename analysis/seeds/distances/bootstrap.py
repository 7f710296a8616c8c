"""Uncertainty of per-seed distances over prompts, paired: every seed sees the same resampled prompts.

The distances are compared *at this number of images*: an interval is for the distance that the seed would have on
average over prompt sets of this size, not for its limit with endless images.

Source: Davison, Hinkley (1997), "Bootstrap Methods and their Application", sections 2.7.2-2.7.3 (empirical influence
values, jackknife form); for pairing by common resamples, Koehn (2004), "Statistical Significance Tests for Machine
Translation Evaluation", section 4.
Deviation: distances of resampled images are never taken, because repeated images shift this functional (see
`jackknife`). A resample of the prompts instead moves each seed's estimate by the sum of the drawn prompts' influences,
which are exact leave-one-out differences; the interval is the estimate -/+ Student's t times their root sum of squares.
The jackknife errs on the wide side (Efron, Stein 1981): in the simulations of test_bootstrap.py its errors are within
12 % of the truth, but where a seed has one to four times as many images as dimensions up to 1.25 times too wide for
distances and 1.4 times for differences. (The plain bootstrap is wider still in each of them.)
Where nearly half of the seeds are bad, the median of what was measured lies among the worst of the good ones. In simulations
of 30 to 60 studies (11 of 24 seeds bad, 24 prompts) as few as 64 % of the intervals of equal good seeds held 0, and in up to
83 % of the studies one of them was better than the median seed by Student's t. Held against the median that scores have too
(`likely_median`), 96 % or more hold beside seeds that are worse by 6 errors or more, and 0 to 3 % have one; beside seeds
worse by 3 errors 88 % hold (79 % before). Where no seed is bad it widens the intervals by 2 to 8 %. Shuffled pictures
(`null`) need not know it: beside 8 or 11 bad seeds an equal one was better at a false discovery rate of 5 % in 0 to 5 % of
the studies, for the bad pictures are in the shuffles or, far off, left out of both; with it, a good seed that 53 % of studies
found was found in none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from seedscope.analysis.direction import Better
from seedscope.analysis.seeds.distances.jackknife import Jackknife
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.distances.step_down import far_off
from seedscope.analysis.seeds.scores.halvings import among_best
from seedscope.analysis.seeds.scores.median_seed import MedianSeed, likely_median, over_median
from seedscope.analysis.seeds.scores.scores import sign


@dataclass(frozen=True, eq=False)
class Intervals:
    """Estimates with standard errors and two-sided intervals, one entry a seed; NaN where undefined.

    estimate, se, lo, hi: (S,) float64, in the estimate's unit.
    """

    estimate: Array
    se: Array
    lo: Array
    hi: Array


@dataclass(frozen=True, eq=False)
class PairedBootstrap:
    """Distances of S seeds, their differences from the median seed, and their joint spread over prompts.

    distance: intervals of the distances, cut off at the least and the most that there is.
    difference: intervals of (seed - median seed, of those whose distance and error are known); below 0 is better where lower is
        better. What all seeds share (a hard prompt, say) drops out: these are the ones to compare seeds by. The median's own
        error counts too, and where many seeds are bad, that the median of what was measured is not what the median seed is.
    median: what the median seed truly is, over the median of the distances (`likely_median`).
    far: (S,) true for seeds that lie far off all others (`step_down`), which add nothing to the errors of the others'
        differences.
    draws: (B, S) float64, each seed's distance in each of B resamples of the prompts.
    clusters: number of prompts or prompt groups resampled.
    level: coverage of the intervals, in (0, 1).
    """

    distance: Intervals
    difference: Intervals
    median: MedianSeed
    far: npt.NDArray[np.bool_]
    draws: Array
    clusters: int
    level: float

    def reach(self, quantile: float) -> tuple[Array, Array]:
        """Low and high ends (S,) of the differences, so many errors off: as far as either median would have them."""
        return _reach(self.difference.estimate, self.difference.se, self.median, quantile)

    def better_by(self, better: Better) -> Array:
        """(S,) errors by which a seed is better than either median; NaN where no error is known."""
        good, se = sign(better) * self.difference.estimate, self.difference.se
        with np.errstate(invalid="ignore", divide="ignore"):
            of_likely = (good - sign(better) * self.median.value) / np.hypot(se, self.median.sd)
            return np.asarray(np.minimum(good / se, of_likely))

    def top_share(self, k: int, better: Better = "lower") -> Array:
        """(S,) share of resamples in which a seed is among the k best, where seeds that tie share the place; NaN where it has
        no draws.

        It says how stable the ranking is under other prompts. It is no posterior probability of being truly good.
        Raises ValueError where k is below 1.
        """
        if k < 1:
            raise ValueError(f"the top k needs k >= 1, got {k}")
        taken = among_best(sign(better) * self.draws, min(k, self.draws.shape[1]))
        return np.where(np.isnan(self.draws).any(axis=0), np.nan, taken.mean(axis=0))


def paired_bootstrap(
    seeds: Sequence[Jackknife],
    rng: np.random.Generator,
    resamples: int = 1000,
    level: float = 0.95,
    floor: float = 0.0,
    ceiling: float = np.inf,
) -> PairedBootstrap:
    """Intervals and resampled distances of `seeds` (one `jackknife` each, any order, kept).

    Intervals of the distances are cut off at `floor`, -inf for distances that can be negative (KID, FD-infinity), and at
    `ceiling`, 1 for shares.
    Clusters are matched by label; one that a seed lacks (its cell failed) has no influence on that seed. Standard errors and
    intervals do not depend on `rng`; only `draws` do.
    Raises ValueError for no seeds, resamples below 1, or a level outside (0, 1).
    """
    if not seeds or resamples < 1 or not 0.0 < level < 1.0:
        raise ValueError(f"{len(seeds)} seeds, {resamples} resamples, level {level}: need >= 1, >= 1 and 0 < level < 1")
    estimate = np.array([np.nan if seed.estimate is None else seed.estimate for seed in seeds])
    influence = _aligned(seeds)
    clusters = influence.shape[0]
    quantile = float(stdtrit(clusters - 1, 0.5 + level / 2))

    far = far_off(estimate, influence)
    known = ~np.isnan(estimate) & ~np.isnan(influence).any(axis=0)
    shared = influence[:, known].mean(axis=1, keepdims=True) if known.any() else np.full((clusters, 1), np.nan)
    if far.any():
        shared = np.where(far, shared, influence[:, known & ~far].mean(axis=1, keepdims=True))
    difference, median = _over_median(estimate, influence - shared, quantile, far)
    weights = rng.multinomial(clusters, np.full(clusters, 1.0 / clusters), size=resamples)
    return PairedBootstrap(
        distance=_intervals(estimate, influence, quantile, floor, ceiling),
        difference=difference,
        median=median,
        far=far,
        draws=estimate + (weights - 1.0) @ influence,
        clusters=clusters,
        level=level,
    )


def _aligned(seeds: Sequence[Jackknife]) -> Array:
    """Influences (G, S) over the union of the seeds' cluster labels; 0 where a seed lacks a cluster."""
    labels = np.unique(np.concatenate([seed.clusters for seed in seeds]))
    influence = np.zeros((len(labels), len(seeds)))
    for column, seed in enumerate(seeds):
        influence[np.searchsorted(labels, seed.clusters), column] = seed.influence
    return influence


def _over_median(
    estimate: Array, influence: Array, quantile: float, far: npt.NDArray[np.bool_]
) -> tuple[Intervals, MedianSeed]:
    """Of the estimates less their median, whose own error, that among seeds which are not `far` off, counts too, and what the
    median seed truly is; influence: (G, S) less that of the mean of these."""
    variance = (influence**2).sum(axis=0)
    known = np.where(np.isnan(variance), np.nan, estimate)
    over, of_median = over_median(known, variance)
    if far.any():
        _, of_median = over_median(np.where(far, np.nan, known), variance)
    se = np.sqrt(variance + of_median)
    there = ~np.isnan(known)
    median = likely_median(over[there], np.sqrt(variance[there])) if there.any() else MedianSeed(0.0, 0.0)
    return Intervals(over, se, *_reach(over, se, median, quantile)), median


def _reach(over: Array, se: Array, median: MedianSeed, quantile: float) -> tuple[Array, Array]:
    likely, wider = over - median.value, quantile * np.hypot(se, median.sd)
    return np.minimum(over - quantile * se, likely - wider), np.maximum(over + quantile * se, likely + wider)


def _intervals(estimate: Array, influence: Array, quantile: float, floor: float, ceiling: float) -> Intervals:
    se = np.sqrt((influence**2).sum(axis=0)) + 0.0 * estimate
    low, high = estimate - quantile * se, estimate + quantile * se
    return Intervals(estimate, se, np.maximum(low, floor), np.minimum(high, ceiling))
