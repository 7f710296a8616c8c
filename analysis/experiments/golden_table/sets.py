"""The mean score of one set of seeds less that of another, on the same prompts, with an interval and two nulls.

The interval is for fresh prompts of the same kind: Student's t over groups of prompts, CR2 errors as `seed_effects` has them.
Two things may be chance. Within prompts: where seeds do not matter at all, a prompt's pictures are exchangeable between seeds,
and so are the sums of a group of prompts; p is from turns of each group's seeds, as in `shuffle` (`p`). Between seeds: where
seeds do matter, any set differs from any other; `as_good` is the share of random sets of as many seeds that do as well.

Source: Good (2005), "Permutation, Parametric and Bootstrap Tests of Hypotheses", for permutation within blocks; Hemerik, Goeman
(2018), "Exact testing with random permutations", theorem 2, for turns; Cochran (1977), "Sampling Techniques", eq. 2.17, for the
error of some seeds that stand for a finite population.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.ranking import LEVEL
from seedscope.analysis.seeds.scores.additive import additive_fit, centre_by_prompt
from seedscope.analysis.seeds.scores.effects import seed_effects
from seedscope.analysis.seeds.scores.scores import Scores
from seedscope.analysis.seeds.scores.ties import ROUNDING
from seedscope.analysis.select.comparison import Difference, difference

SHUFFLES = 1999

Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Against:
    """A set of seeds against random ones. mean: its mean score. less: that minus the random seeds' mean, in the score's unit;
    `less.p` is two-sided, of shuffles within prompts. as_good: share of random sets of as many seeds that do no worse, 0..1."""

    mean: float
    less: Difference
    as_good: float


def against(
    scores: Scores, some: Places, others: Places, good: float, rng: np.random.Generator, population: int | None = None
) -> Against:
    """Compare two sets of seeds, given by index, by scores without a missing cell.

    Args:
        some, others: the set, and the seeds that stand for random ones; they may share seeds.
        good: +1 where higher is better, -1 where lower is.
        population: how many seeds `others` were drawn from; None: they are all there are.
    """
    values = scores.values
    a, b = values[:, some].mean(axis=1), values[:, others].mean(axis=1)
    less = replace(
        paired(a, b, scores.groups[scores.member], of_some(values[:, others], population), len(others) - 1),
        p=_by_turns(scores, some, others, rng),
    )
    return Against(float(a.mean()), less, _as_good(values, some, others, good, rng))


def paired(
    a: Array, b: Array, groups: npt.NDArray[np.generic], more: float = 0.0, more_freedom: float = 1.0
) -> Difference:
    """The mean of a less b (P,), with its interval over groups of prompts (P,); none where all are of one group.

    more: variance to add for what else was drawn at random, with its degrees of freedom.
    """
    effects = seed_effects(additive_fit(Scores.of(np.column_stack([a, b]), groups)))
    mean, variance = float((a - b).mean()), float(4.0 * effects.se[0] ** 2)  # either one is half the difference apart
    if not np.isfinite(variance):
        return Difference(mean, None, None, None)
    squares = variance**2 / float(effects.freedom[0]) + more**2 / more_freedom
    freedom = (variance + more) ** 2 / squares if squares > 0 else float(effects.freedom[0])
    return difference(mean, float(np.sqrt(variance + more)), freedom, LEVEL)


def of_some(values: Array, population: int | None) -> float:
    """Variance of the mean of seeds (P, n) around that of the `population` they were drawn from; 0 where they are all of it."""
    n = values.shape[1]
    missed = 0.0 if population is None else 1.0 - n / population
    return float(missed * values.mean(axis=0).var(ddof=1) / n)


def _by_turns(scores: Scores, some: Places, others: Places, rng: np.random.Generator) -> float:
    """Two-sided p of the difference, from turns of each group's seeds in an order of its own."""
    taking_part = np.union1d(some, others)
    weight = np.zeros(len(scores.values[0]))
    weight[some] += 1.0 / len(some)
    weight[others] -= 1.0 / len(others)
    sums = scores.by_group(centre_by_prompt(scores.values[:, taking_part])[1])
    orders = rng.permuted(np.tile(np.arange(len(taking_part)), (len(sums), 1)), axis=1)
    turned = _correlated(np.take_along_axis(sums, orders, axis=1), weight[taking_part][orders])
    turns = rng.integers(len(taking_part), size=(SHUFFLES, len(sums)))
    chance = np.abs(turned[np.arange(len(sums)), turns].sum(axis=1))
    observed = abs(float(turned[:, 0].sum())) - ROUNDING * float(np.abs(scores.values).sum())
    return float((1 + (chance >= observed).sum()) / (1 + SHUFFLES))


def _correlated(values: Array, weights: Array) -> Array:
    """(G, n) for each turn k the sum over i of values[i + k] weights[i], of rows (G, n)."""
    n = values.shape[1]
    spectrum = np.fft.rfft(values, axis=1) * np.conj(np.fft.rfft(weights, axis=1))
    return np.asarray(np.fft.irfft(spectrum, n, axis=1), dtype=np.float64)


def _as_good(values: Array, some: Places, others: Places, good: float, rng: np.random.Generator) -> float:
    """Share of random sets of as many of the seeds whose mean is no worse; the set itself is one of them."""
    seeds = good * values[:, np.union1d(some, others)].mean(axis=0)
    drawn = np.argsort(rng.random((SHUFFLES, len(seeds))), axis=1)[:, : len(some)]
    reached = float((good * values[:, some].mean(axis=0)).mean()) - ROUNDING * float(np.abs(values).max())
    return float((1 + (seeds[drawn].mean(axis=1) >= reached).sum()) / (1 + SHUFFLES))
