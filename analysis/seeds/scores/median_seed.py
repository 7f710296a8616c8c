"""The median seed, which effects are taken over: one bad seed does not move it, as it would move the mean.

Many bad seeds do: where 11 of 24 seeds are far worse than the others, the median of what was measured is among the unluckiest
of the 13 good ones, and these, equal as they are, look better than it. So the median is estimated a second time, from seeds
whose errors have been taken out of them.
Source: Laird (1978), "Nonparametric Maximum Likelihood Estimation of a Mixing Distribution", by the EM algorithm on a grid, as
Koenker, Mizera (2014), "Convex Optimization, Shape Constraints, Compound Decisions, and Empirical Bayes Rules".
Deviation: a few steps from what was measured, and not the maximum, whose few points would make a median that jumps.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from seedscope.analysis.seeds.distances.moments import Array

NEAR = 1.5
"""Errors from the median within which a seed could have been the median one."""
STEPS, POINTS = 15, 120
"""Of the EM algorithm; and of its grid, beside the effects themselves."""
TINY = 1e-9
TIED = 0.25
"""Where so many seeds share the median's value, as of rare events, it is not the value of a lucky seed or an unlucky one."""


def over_median(effect: Array, variance: Array) -> tuple[Array, Array]:
    """Effects (..., S) less their median, and the variance (..., 1) of that median, from the effects' variances (..., S).

    The median is as noisy as the mean of the seeds that lie near it: of all seeds where none matters, of a few where they
    differ by far more than their errors. NaN takes no part.
    """
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # of nothing but NaN: NaN
        over = effect - np.nanmedian(effect, axis=-1, keepdims=True)
        mean = np.nanmean(np.where(np.isnan(effect), np.nan, variance), axis=-1, keepdims=True)
    near = (np.abs(over) <= NEAR * np.sqrt(mean)).sum(axis=-1, keepdims=True)
    return over, mean / np.maximum(near, 1)


class MedianSeed(NamedTuple):
    """The true value of the median seed, and the standard deviation of what is known of it, in the effects' unit."""

    value: float
    sd: float


def likely_median(effect: Array, error: Array) -> MedianSeed:
    """The median of what seeds truly are, from S measured effects and their standard errors.

    Each seed's true value has the posterior distribution by its error, normal, and by the distribution of all seeds, estimated
    from them; the value is the median of the posterior means, the deviation that of the median of values drawn from them.
    """
    median = float(np.median(effect))
    if not error.max() > 0.0 or (effect == median).mean() >= TIED:
        return MedianSeed(median, 0.0)
    grid = np.unique(np.concatenate([effect, np.quantile(effect, np.linspace(0.0, 1.0, POINTS))]))
    se = np.maximum(error, TINY * (grid[-1] - grid[0]))
    likely = np.exp(-0.5 * ((effect[:, None] - grid) / se[:, None]) ** 2)
    weight = np.full(len(grid), 1.0 / len(grid))
    for _ in range(STEPS):
        weight *= (likely / (likely @ weight)[:, None]).mean(axis=0)
    posterior = likely * weight
    posterior /= posterior.sum(axis=1, keepdims=True)
    return MedianSeed(float(np.median(posterior @ grid)), _sd_of_median(posterior.cumsum(axis=1), grid))


def _sd_of_median(below: Array, grid: Array) -> float:
    """The standard deviation of the median of S independent values, given their chances (S, points) to be at a point or below.

    The number of values below a point is taken as normal.
    """
    spread = np.sqrt((below * np.maximum(1.0 - below, 0.0)).sum(axis=0))
    half = below.sum(axis=0) - len(below) / 2
    chance = ndtr(half / np.maximum(spread, 1e-9))
    mass = np.diff(chance, prepend=0.0)
    mean = float(mass @ grid)
    return float(np.sqrt(max(float(mass @ (grid - mean) ** 2), 0.0)))
