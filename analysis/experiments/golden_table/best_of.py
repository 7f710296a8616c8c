"""How many random seeds the best of N takes, chosen for each prompt by the score itself, to do as well as one golden seed.

With n random seeds of a prompt, the expected best of N of them is a weighted sum of their ordered scores: of all subsets of N,
the share whose best is the i-th from below is C(i - 1, N - 1) / C(n, N). It is unbiased for the best of N seeds of the
population that the n were drawn from, and no subset is drawn.
Best-of-N is judged here by the very score that it chooses by, and one golden seed is not: to be just, a second measure says
what is kept of the gain by eyes that did not choose (`kept`).

The interval of N inverts those of golden seeds less the best of N, over groups of prompts (`sets.paired`): its low end is 1
just where golden seeds are not surely better than random ones.

Source: Chen et al. (2021), arXiv 2107.03374, eq. 1 (pass@k, the same estimator for successes); David, Nagaraja (2003), "Order
Statistics", sections 2.1 and 6.8 (concomitants).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from seedscope.analysis.experiments.golden_table.sets import of_some, paired
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.scores import Scores
from seedscope.analysis.seeds.scores.ties import ROUNDING


@dataclass(frozen=True)
class BestOf:
    """n: the smallest N at which the best of N random seeds does as well; one more than there are where none does. lo, hi: the
    smallest N at which a golden seed is not surely better, and at which it surely is not, at 95 %. seeds: random seeds
    that there are. curve: (seeds,) mean best of N, in the score's unit.
    """

    n: int
    lo: int
    hi: int
    seeds: int
    curve: Array

    @property
    def is_known(self) -> bool:
        """Whether so many random seeds are there."""
        return self.n <= self.seeds

    @property
    def is_bought(self) -> bool:
        """Whether several pictures, of those that are there, do as well as a golden seed, and one does not."""
        return 1 < self.n <= self.seeds

    def written(self) -> str:
        """N and its interval, in words."""
        return f"{self._one(self.n)} ({self._one(self.lo)} to {self._one(self.hi)})"

    def _one(self, n: int) -> str:
        return str(n) if n <= self.seeds else f"over {self.seeds}"


def best_of(
    scores: Scores,
    some: npt.NDArray[np.intp],
    others: npt.NDArray[np.intp],
    good: float,
    population: int | None = None,
) -> BestOf:
    """The N at which the best of N of the `others` reaches the mean seed of `some`, by scores without a missing cell.

    Args:
        some, others: golden and random seeds, by index.
        good: +1 where higher is better, -1 where lower is.
        population: how many seeds `others` were drawn from; None: they are all there are.
    """
    random, target = good * scores.values[:, others], good * scores.values[:, some].mean(axis=1)
    curve, more = expected_best(random), of_some(random, population)
    slack = ROUNDING * float(np.abs(scores.values).max())
    labels, n, lo = scores.groups[scores.member], 0, 0
    for size in range(1, len(others) + 1):
        ahead = paired(target, curve[:, size - 1], labels, more, len(others) - 1)
        ends = [ahead.mean if end is None else end for end in (ahead.lo, ahead.mean, ahead.hi)]
        not_surely, not_on_average, surely_not = (end <= slack for end in ends)
        lo = lo or size * not_surely
        n = n or size * not_on_average
        if surely_not:
            return BestOf(n, lo, size, len(others), good * curve.mean(axis=0))
    beyond = len(others) + 1
    return BestOf(n or beyond, lo or beyond, beyond, len(others), good * curve.mean(axis=0))


def expected_best(values: Array) -> Array:
    """(P, n): the expected largest of N = 1 .. n values of each row (P, n), drawn without replacement."""
    return np.asarray(np.sort(values, axis=1) @ shares(values.shape[1]))


def kept(values: Array, seconds: Array, n: int) -> Array:
    """(P,) what a second measure gives, on average, the best of n by the first; both (P, m), the larger first value is better.

    Of equal first values any may be kept.
    """
    order = np.argsort(values, axis=1, kind="stable")
    ordered, other = np.take_along_axis(values, order, axis=1), np.take_along_axis(seconds, order, axis=1)
    new = np.diff(ordered, axis=1, prepend=-np.inf) > 0
    tie = np.cumsum(new.ravel()) - 1
    mean = np.bincount(tie, other.ravel()) / np.bincount(tie)
    return np.asarray(mean[tie].reshape(other.shape) @ shares(values.shape[1])[:, n - 1])


def shares(n: int) -> Array:
    """(n, n): of the subsets of N = 1 .. n (columns) of n values, the share whose largest is the i-th from below (rows)."""
    below, size = np.arange(n)[:, None], np.arange(n)[None, :]
    known = below >= size
    at = np.where(known, below - size, 0)
    ways = gammaln(below + 1) - gammaln(size + 1) - gammaln(at + 1)
    everyone = gammaln(n + 1) - gammaln(size + 2) - gammaln(n - size)
    return np.where(known, np.exp(np.where(known, ways - everyone, 0.0)), 0.0)
