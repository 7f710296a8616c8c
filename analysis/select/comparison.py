"""The best seeds against random and against the worst ones, on prompts that took no part in choosing: the published table 1.

Source: Xu et al. (2024), arXiv 2405.14828, table 1.
Deviation: prompts are halved again and again (`halvings`). The k best and the k worst seeds of each half are compared with all
seeds on the other half, and what is said is the mean over all halves: what choosing the k best is worth, whichever they
are. Its interval takes the variance between halves, which overlap, as Nadeau, Bengio (2003), "Inference for the Generalization
Error", section 3 (corrected resampled t). A random seed is the mean of all seeds, which is what many random draws come to;
but of those that lie far off all others (`outlying`): beside a broken seed any choice is better than random ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr, stdtrit

from seedscope.analysis.direction import Better
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.additive import AdditiveFit
from seedscope.analysis.seeds.scores.halvings import Halvings, among_best, halvings
from seedscope.analysis.seeds.scores.scores import checked_level, sign


@dataclass(frozen=True)
class Difference:
    """Some seeds less random ones, in the score's unit; lo, hi, p (two-sided) are None where no error is known."""

    mean: float
    lo: float | None
    hi: float | None
    p: float | None


@dataclass(frozen=True)
class Compared:
    """random: mean score of all seeds but those far off. chosen, worst: the k best and the k worst less that. groups: of
    prompts.

    Of a sweep random seeds are those drawn beside the golden ones, and the worst are not known."""

    random: float
    chosen: Difference
    worst: Difference | None
    groups: int


def compare(
    fit: AdditiveFit,
    by: Halvings,
    better: Better,
    k: int,
    level: float = 0.95,
    far: npt.NDArray[np.bool_] | None = None,
) -> Compared | None:
    """Compare, by the scores of `fit`, the seeds that are best and worst by the halves of a measure that may be another.

    far: (S,) true for seeds that lie far off all others by these scores; None: there are none.
    None for scores of a single group of prompts. Raises StatisticsError for a level outside (0, 1).
    """
    checked_level(level)
    other, groups = halvings(fit), len(fit.scores.groups)
    if other is None:
        return None
    apart = np.zeros(len(fit.seed), np.bool_) if far is None else far
    others = other.second - np.nanmean(np.where(apart, np.nan, other.second), axis=1, keepdims=True)
    best, worst = (among_best(way * sign(better) * by.first, k) / k for way in (1.0, -1.0))
    gains = [np.where(taken > 0, taken * others, 0.0).sum(axis=1) for taken in (best, worst)]
    chosen, last = (_over_halves(gain, groups, level) for gain in gains)
    random = float(np.nanmean(fit.prompt))
    if apart.any():
        random += float(np.nanmean(fit.seed[~apart]))
    return Compared(random, chosen, last, groups)


def difference(mean: float, se: float, freedom: float, level: float) -> Difference:
    """A difference with its Student's t interval; without one where the error is 0 or unknown."""
    if not se > 0.0:
        return Difference(mean, None, None, None)
    half = float(stdtrit(freedom, 0.5 + level / 2)) * se
    return Difference(mean, mean - half, mean + half, float(2 * stdtr(freedom, -abs(mean) / se)))


def _over_halves(by_half: Array, groups: int, level: float) -> Difference:
    """The mean over halves (H,), each with its other half among them; NaN for those that cannot be compared."""
    known = by_half[~np.isnan(by_half)]
    se = float(np.sqrt((1.0 + 1.0 / len(known)) * known.var(ddof=1)))
    return difference(float(known.mean()), se, groups - 1, level)
