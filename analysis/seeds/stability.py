"""Does a ranking hold on other prompts: rank correlation and shared top seeds of two rankings, each beside its null.

Intervals are over seeds: for another set of as many seeds, measured on as many prompts. That of the overlap errs on the
wide side for short lists (96 to 99.7 % for lists of 10 to 25; 96 to 97 % for 256 of 1,024).
The p-value of the correlation is exact for few seeds (every order of the one beside the other), where Student's t errs: of
three unrelated seeds it would claim p = 0 in one pair of six.
Source: Bonett, Wright (2000), "Sample size requirements for estimating Pearson, Kendall and Spearman correlations", eq. 3,
for the correlation's interval; Efron, Tibshirani (1993), "An Introduction to the Bootstrap", section 13.3, for the
percentile interval of the overlap; Spearman (1904), "The Proof and Measurement of Association between Two Things", for
the correction for attenuation; Kendall (1948), "Rank Correlation Methods", chapter 5, for the exact p.
Deviation: a correlation of 1 or -1 has no interval; eq. 3 would give one without width.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, permutations
from math import atanh, exp, factorial, lgamma, sqrt, tanh

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from seedscope.analysis.direction import Better
from seedscope.analysis.seeds.chance_overlap import Overlap, overlap_of, top_seeds
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.scores import StatisticsError, checked_level, sign

EXACT = 9
"""Up to so many seeds every order is looked at, 362,880 of them."""


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's rho of n seeds, its interval, and beside it the null: 0 with standard deviation `sd`; p one-sided, for "no
    positive relation", in [1 / n!, 1]. None where undefined: under 3 seeds, or all equal (rho, p); under 4 seeds, or a rho of
    1 or -1 (lo, hi)."""

    n: int
    rho: float | None
    lo: float | None
    hi: float | None
    sd: float | None
    p: float | None


@dataclass(frozen=True)
class Stability:
    """rank: over all seeds known in both rankings. top: of the k best of both. shared_lo, shared_hi: interval of
    `top.shared`. tied: seeds that the first and the second list left out though as good as their last. With any, a list is
    in part arbitrary: what two such lists share says nothing, and is None, with its p and its interval."""

    rank: RankCorrelation
    top: Overlap
    shared_lo: float | None
    shared_hi: float | None
    tied: tuple[int, int]


def rank_correlation(first: npt.ArrayLike, second: npt.ArrayLike, level: float = 0.95) -> RankCorrelation:
    """Spearman's rho of two measurements (S,) of the same seeds; seeds that are NaN in either are left out.

    Raises StatisticsError for different shapes or a level outside (0, 1).
    """
    a, b = _known(first, second)
    n, quantile = len(a), float(ndtri(0.5 + checked_level(level) / 2))
    if n < 3 or (a == a[0]).all() or (b == b[0]).all():
        return RankCorrelation(n, None, None, None, None, None)
    from scipy.stats import spearmanr  # takes longer to import than a command that needs none of it

    found = spearmanr(a, b, alternative="greater")
    rho, sd = float(found.statistic), 1.0 / sqrt(n - 1)
    p = _exact_p(a, b) if n <= EXACT else max(float(found.pvalue), exp(-lgamma(n + 1)))
    if n < 4 or abs(rho) > 1.0 - 1e-9:
        return RankCorrelation(n, rho, None, None, sd, p)
    z, half = atanh(rho), quantile * sqrt((1.0 + rho**2 / 2.0) / (n - 3))
    return RankCorrelation(n, rho, tanh(z - half), tanh(z + half), sd, p)


def _exact_p(first: Array, second: Array) -> float:
    """The share of all orders of the one (n,) beside the other (n,), this one included, that agree no less."""
    from scipy.stats import rankdata

    a, b = (
        np.rint(2 * rankdata(values)).astype(np.int64) for values in (first, second)
    )  # equal values share half ranks
    return float((b[_orders(len(a))] @ a >= a @ b).mean())


@lru_cache(maxsize=2)
def _orders(n: int) -> npt.NDArray[np.int8]:
    """(n!, n) every order of n things."""
    return np.fromiter(chain.from_iterable(permutations(range(n))), np.int8, n * factorial(n)).reshape(-1, n)


def stability(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    k: int,
    better: Better,
    rng: np.random.Generator,
    resamples: int = 1000,
    level: float = 0.95,
) -> Stability:
    """Two measurements (S,) of the same seeds, such as effects on ranking and on confirmation prompts, compared.

    Raises StatisticsError for different shapes, a k not within 1 and the seeds known in both, fewer than 1 resample, or a
    level outside (0, 1).
    """
    if resamples < 1:
        raise StatisticsError(f"{resamples} resamples of the seeds: at least one is needed.")
    rank = rank_correlation(first, second, level)
    a, b = _known(first, second)
    top_a, top_b = top_seeds(a, k, better), top_seeds(b, k, better)
    top, tied = overlap_of(top_a.seeds, top_b.seeds, len(a)), (top_a.tied, top_b.tied)
    copies = rng.multinomial(len(a), np.full(len(a), 1.0 / len(a)), size=resamples)
    both = np.minimum(_taken(copies, a, k, better), _taken(copies, b, k, better)).sum(axis=1)
    if any(tied):
        return Stability(rank, replace(top, shared=None, p=None), None, None, tied)
    low, high = np.quantile(both, [0.5 - level / 2, 0.5 + level / 2])
    return Stability(rank, top, float(low), float(high), tied)


def disattenuated(rho: float, first: float, second: float) -> float | None:
    """The correlation that would be seen without noise, from the reliabilities of both rankings; within -1..1.

    None where a ranking has no reliability: nothing real is left to correlate.
    """
    if first <= 0.0 or second <= 0.0:
        return None
    return min(max(rho / sqrt(first * second), -1.0), 1.0)


def _known(first: npt.ArrayLike, second: npt.ArrayLike) -> tuple[Array, Array]:
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape:
        raise StatisticsError(f"Measurements of shape {a.shape} and {b.shape}: need one value a seed in both.")
    known = ~(np.isnan(a) | np.isnan(b))
    return a[known], b[known]


def _taken(copies: npt.NDArray[np.int64], values: Array, k: int, better: Better) -> npt.NDArray[np.int64]:
    """Of each seed's copies (B, S) in a resample, how many are among its k best (B, S)."""
    order = np.argsort(-sign(better) * values, kind="stable")
    ordered = copies[:, order]
    before = np.cumsum(ordered, axis=1) - ordered
    taken = np.empty_like(copies)
    taken[:, order] = np.clip(k - before, 0, ordered)
    return taken
