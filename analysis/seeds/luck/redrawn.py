"""How far a score moves with its seeds, by drawing n of the S seeds of a run again and again.

Each draw takes n different seeds. (With replacement pictures repeat: of a mean that would do no harm, of a Frechet distance
it shrinks the covariance.) As the draws are out of S seeds alone, they vary by 1/n - 1/S of a variance that among all seeds is
1/n: deviations are made larger by the finite-population correction 1 / sqrt(1 - n/S), and, where another draw is to be
foretold around the score of all S, by sqrt((1/n + c/S) / (1/n - 1/S)); c is 1, of own seeds the variance of common ones over
theirs. Deviations are from the mean of the draws: a bias that all draws of one size have is no luck. What a quantile of S seeds
does not know of all seeds is made good for as Student's t does for a normal one.
Source: Cochran (1977), "Sampling Techniques", section 2.6 (finite-population correction).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtrit

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.luck.estimate import LEVEL, Estimate
from seedscope.analysis.seeds.luck.spread import Spread
from seedscope.analysis.seeds.scores.additive import AdditiveFit

DRAWS = 1000
_NEXT = 8
"""Draws with each of which a draw is compared, for a quantile that varies less."""
_CELLS = 4_000_000
"""That are looked at in one go."""

Places = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Redrawn:
    """Scores (B,) of draws of n out of `seeds`. freedom: degrees of freedom that their variance has."""

    scores: Array
    n: int
    seeds: int
    freedom: float

    @property
    def mean(self) -> float:
        return float(self.scores.mean())

    @property
    def estimate(self) -> Estimate:
        """The variance of a score of one, such that one of n has the variance seen, over all seeds there are."""
        variance = float(self.scores.var(ddof=1)) * self.n / (1.0 - self.n / self.seeds)
        freedom = min(self.freedom, len(self.scores) - 1.0)
        return Estimate(variance, freedom)

    def interval(self, centre: float = 1.0, level: float = LEVEL) -> tuple[float, float]:
        """In which the score of another draw lies, of seeds that need not be among these.

        centre: variance of a score of one seed that all prompts have in common, as the run's seeds are, over that of one of
        these: 1 where they are such.
        """
        tail = (1.0 - level) / 2
        lo, hi = np.quantile(self.scores - self.mean, [tail, 1.0 - tail])
        wider = sqrt((1 / self.n + centre / self.seeds) / (1 / self.n - 1 / self.seeds)) * self._wider(1.0 - tail)
        return self.mean + wider * float(lo), self.mean + wider * float(hi)

    def by_luck(self, level: float = LEVEL) -> float:
        """How far off the mean luck alone brings a draw in 1 - level of all cases."""
        off = float(np.quantile(np.abs(self.scores - self.mean), level))
        return off * self._wider(0.5 + level / 2) / sqrt(1.0 - self.n / self.seeds)

    def twice(self) -> Redrawn:
        """Of the difference of two draws, each with seeds of its own."""
        return self.against(self)

    def against(self, other: Redrawn) -> Redrawn:
        """Of the difference to draws of `other` that are not the same seeds: of each draw to some of the next ones."""
        apart = [self.scores - np.roll(other.scores, step) for step in range(1, min(_NEXT, len(self.scores) - 1) + 1)]
        return Redrawn(np.concatenate(apart), self.n, self.seeds, self.freedom)

    def less(self, other: Redrawn) -> Redrawn:
        """Of the difference, draw by draw."""
        return Redrawn(self.scores - other.scores, self.n, self.seeds, self.freedom)

    def _wider(self, p: float) -> float:
        return float(stdtrit(self.freedom, p) / ndtri(p))


def drawn_seeds(seeds: int, n: int, draws: int, rng: np.random.Generator) -> Places:
    """(B, n) places of n different seeds out of `seeds`, each draw by itself."""
    return np.argpartition(rng.random((draws, seeds), np.float32), n - 1, axis=1)[:, :n]


def redrawn(spread: Spread, n: int, rng: np.random.Generator, *, common: bool, draws: int = DRAWS) -> Redrawn:
    """The mean score of n seeds, common to all prompts or each picture's own; 1 <= n <= S / 2.

    Of a prompt that has no score in a draw, its mean is taken. Two models with scores in the same cells have the same draws by
    generators in one state.
    """
    if common:
        return _redrawn_common(spread.fit, n, rng, draws)
    return _redrawn_own(spread.fit, n, spread.own.freedom, rng, draws)


def _redrawn_common(fit: AdditiveFit, n: int, rng: np.random.Generator, draws: int) -> Redrawn:
    known = np.flatnonzero(fit.known)
    centred, present, level = _centred(fit, known)
    chosen = drawn_seeds(len(known), n, draws, rng)
    if present.all():
        scores = centred.mean(axis=0)[chosen].mean(axis=1)
    else:
        step = max(_CELLS // (len(centred) * n), 1)
        parts = (chosen[start : start + step] for start in range(0, draws, step))
        scores = np.concatenate([_means(centred[:, part], present[:, part]).mean(axis=0) for part in parts])
    return Redrawn(level + scores, n, len(known), len(known) - 1.0)


def _redrawn_own(fit: AdditiveFit, n: int, freedom: float, rng: np.random.Generator, draws: int) -> Redrawn:
    known = np.flatnonzero(fit.known)
    centred, present, level = _centred(fit, known)
    total = np.zeros(draws)
    for row, there in zip(centred, present, strict=True):
        for part in _blocks(draws, len(known)):
            chosen = drawn_seeds(len(known), n, part.stop - part.start, rng)
            total[part] += _means(row[chosen], there[chosen])
    return Redrawn(level + total / len(centred), n, len(known), freedom)


def _blocks(draws: int, seeds: int) -> Iterator[slice]:
    step = max(_CELLS // seeds, 1)
    return (slice(start, min(start + step, draws)) for start in range(0, draws, step))


def _centred(fit: AdditiveFit, known: npt.NDArray[np.intp]) -> tuple[Array, npt.NDArray[np.bool_], float]:
    """Scores less their prompt's mean (P, S), 0 where missing; which are there; and the mean over prompts."""
    used = fit.scores.present.any(axis=1)
    values = fit.scores.values[np.ix_(used, known)] - fit.prompt[used][:, None]
    present = ~np.isnan(values)
    return np.where(present, values, 0.0), present, float(fit.prompt[used].mean())


def _means(values: Array, present: npt.NDArray[np.bool_]) -> Array:
    """Means over the last axis of what is there; 0 where nothing is."""
    return np.asarray(values.sum(axis=-1) / np.maximum(present.sum(axis=-1), 1))
