"""Effects of all seeds of a race, those that went out early too, with intervals that allow for the prompts that each had.

What is not known of how seed effects are spread is in the intervals: the ratio of their variance to the rest's has a flat prior
and is summed over (as in `shrinkage`), and so are tails from normal to Student's t of 4 degrees of freedom. Effects are pulled
together by as much as they are noise, so that the best are no winners by luck.

In simulated races (benchmarks/README.md) 93 to 97 % of intervals hold, of normal effects and of Student's t of 5, for seeds
that went out and for those that were chosen. What is not known of the ratio moves all seeds of a study alike: where seeds
decide little (lambda = 74), one study has 68 % and another 98 %. Strongly skewed effects break them: of exponential ones, with
a few seeds far worse than all others, 80 % hold, and none of the chosen where noise is small; with a few far better, 94 to 97
%, but half of the chosen. Where prompts differ in how noisy they are, seeds that had few of them are judged by the noise of
all: with a s.d. of 0.5 between the logs of their noise's s.d., 92 % hold (of 64 seeds and of 256), and of those that stayed to
the end 87 to 92 %. What golden seeds are worth is therefore told by prompts that no round has used, not by these.
Source: `cells` for the model; Harville (1976), "Extension of the Gauss-Markov Theorem to Include the Estimation of Random
Effects"; Gelman et al. (2013), "Bayesian Data Analysis", sections 5.4 and 17.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq, minimize_scalar
from scipy.special import ndtr, ndtri

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.race.cells import Cells, Solved
from seedscope.analysis.seeds.race.prior import student
from seedscope.analysis.seeds.scores.scores import checked_level

_TAILS = {np.inf: 0.6, 8.0: 0.25, 4.0: 0.15}
"""Degrees of freedom of Student's t, with their probabilities beforehand."""
_COARSE, _FINE, _UNLIKELY = 24, 20, 8.0
_WIDER = 2.0
"""By so much further, as a factor, may the likely ratios of heavy tails lie than those of normal effects."""


@dataclass(frozen=True, eq=False)
class RaceEffects:
    """One entry a seed, in the score's unit.

    effect: (S,) expected effect over that of the median seed. lo, hi: (S,) its interval at `level`. n: (S,) prompts behind it.
    mean, sd: (S,) expected effect over the mean of all seeds, and what is not known of it.
    ratio: (J,) values of the variance of seed effects over that of the rest, tails: (J,) degrees of freedom of the effects'
    Student's t, and weight: (J,) the probability of both. noise: variance of the rest.
    """

    effect: Array
    lo: Array
    hi: Array
    n: npt.NDArray[np.int64]
    mean: Array
    sd: Array
    ratio: Array
    tails: Array
    weight: Array
    noise: float
    level: float
    cells: Cells

    def draws(self, rng: np.random.Generator, draws: int = 1000) -> Array:
        """Joint draws (D, S) of the effects over the mean."""
        drawn = np.empty((draws, len(self.n)))
        chosen = rng.choice(len(self.weight), draws, p=self.weight)
        for at in np.unique(chosen):
            rows = np.flatnonzero(chosen == at)
            prior = student(float(self.ratio[at]), float(self.tails[at]))
            drawn[rows] = self.cells.solved(prior, self.noise).draws(rng, len(rows))
        return drawn

    def quantile(self, share: float) -> float:
        """The ratio of variances below which it lies with a probability of `share`."""
        order = np.argsort(self.ratio, kind="stable")
        at = int(np.searchsorted(np.cumsum(self.weight[order]), share))
        return float(self.ratio[order[min(at, len(order) - 1)]])


def effects_after(scores: Array, level: float = 0.95) -> RaceEffects:
    """Effects of seeds from all cells of a race, whoever went out when.

    scores: (P, S) float64, NaN where a seed was out or a score is missing. A seed without any has the interval that seeds have.
    Raises StatisticsError where no seed can be compared with another, and for a bad level.
    """
    return effects_of(Cells.of(scores), level)


def effects_of(cells: Cells, level: float = 0.95) -> RaceEffects:
    """Effects from what the likelihood needs of the cells. Raises StatisticsError for a bad level."""
    ratio, tails, weight, noise, solved = _posterior(cells)
    mean = _mixed(weight, [one.effect for one in solved])
    variance = _mixed(weight, [one.variance + (one.effect - mean) ** 2 for one in solved])
    sd = np.sqrt(variance)
    median, of_median = _median(mean, sd)
    half = ndtri(0.5 + checked_level(level) / 2) * np.sqrt(variance + of_median)
    over = mean - median
    return RaceEffects(over, over - half, over + half, cells.n, mean, sd, ratio, tails, weight, noise, level, cells)


def _mixed(weight: Array, values: list[Array]) -> Array:
    return np.asarray(np.tensordot(weight, np.stack(values), axes=1))


def _median(mean: Array, sd: Array) -> tuple[float, float]:
    """The effect of which half of the seeds are expected to have less, and the variance of that.

    The median of expected effects is another: those of seeds that went out early are pulled further together.
    """
    if not sd.all():
        return float(np.median(mean)), 0.0
    reach = 10.0 * sd.max()
    middle = float(
        brentq(lambda at: float(ndtr((at - mean) / sd).mean()) - 0.5, mean.min() - reach, mean.max() + reach)
    )
    below = ndtr((middle - mean) / sd)
    density = np.exp(-0.5 * ((middle - mean) / sd) ** 2) / (sd * np.sqrt(2 * np.pi))
    return middle, float((below * (1 - below)).sum() / density.sum() ** 2)


def _posterior(cells: Cells) -> tuple[Array, Array, Array, float, list[Solved]]:
    """Ratios, tails and their probabilities (J,), the variance of the rest, and what is known of the seeds under each."""
    noise, ratios = _likely(cells)
    both = [(float(ratio), tail) for tail in _TAILS for ratio in ratios]
    solved = [cells.solved(student(*each), noise) for each in both]
    likelihood = np.array([each.likelihood for each in solved])
    density = np.exp(likelihood - likelihood.max()) * np.outer(list(_TAILS.values()), np.gradient(ratios)).ravel()
    ratio, tails = np.array(both).T
    return ratio, tails, density / density.sum(), noise, solved


def _likely(cells: Cells) -> tuple[float, Array]:
    """The variance of the rest, and ratios (J,) among which is all that is likely; both as if effects were normal."""
    coarse = np.concatenate([[0.0], np.geomspace(1e-4 / max(float(cells.n.max()), 1.0), 1e4, _COARSE)])
    seen = np.array([cells.noise(float(ratio))[1] for ratio in coarse])
    around = coarse[max(int(seen.argmax()) - 1, 0)], coarse[min(int(seen.argmax()) + 1, _COARSE)]
    best = float(minimize_scalar(lambda ratio: -cells.noise(float(ratio))[1], around, bounds=around).x)
    noise, highest = cells.noise(best)
    likely = np.flatnonzero(seen > highest - _UNLIKELY)
    if len(likely):
        around = min(around[0], coarse[max(likely[0] - 1, 0)]), max(around[1], coarse[min(likely[-1] + 1, _COARSE)])
    edges = [_edge(cells, best, end, highest - _UNLIKELY) for end in around]
    if edges[0] <= 0.01 * best:
        return noise, np.linspace(0.0, _WIDER * edges[1], _FINE)
    return noise, np.geomspace(edges[0] / _WIDER, _WIDER * edges[1], _FINE)


def _edge(cells: Cells, best: float, end: float, likelihood: float) -> float:
    """Between the most likely ratio and an end that is no longer likely, or is the last: where it stops to be."""
    if cells.noise(end)[1] >= likelihood:
        return end
    return float(
        brentq(lambda ratio: cells.noise(ratio)[1] - likelihood, *sorted((best, end)), xtol=0.01 * best, rtol=0.01)
    )
