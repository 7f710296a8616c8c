"""How far the mean score of a model spreads over draws of seeds, the prompts being those of its benchmark.

Prompts are fixed, seeds a random draw from all there are. A score y[p, s] is a prompt's mean, a part of the seed, and a rest,
of variances s_seed and s_rest. Over P prompts and n seeds

    common seeds, all prompts with the same n       V_common / n = s_seed / n + s_rest / (n P)
    own seeds, each picture with one of its own     V_own / n    = (s_seed + s_rest) / (n P)

V_common is estimated as the variance over seeds of their means over prompts, V_own as the mean over prompts of the variance
over seeds, over P. For a complete grid both have no bias whatever the prompts have in common and however much one spreads more
than another; s_seed and s_rest, which follow of them, are those of the model with one s_rest for all.
Missing cells: seeds' means are least squares effects (`additive`), whose excess of errors over those of a complete grid is
taken off, at the mean square of the residuals.
Source: Searle, Casella, McCulloch (1992), "Variance Components", section 4.3, prompts fixed; the design effect of common seeds
is that of clusters (Kish 1965, "Survey Sampling", section 5.4). Degrees of freedom of V_common are 2 V^2 over the variance of
its estimate, by a kurtosis about the trimmed mean (Bonett 2006, "Approximate confidence interval for standard deviation of
nonnormal distributions", eq. 6) with the correction for few seeds (Joanes, Gill 1998, "Comparing measures of sample skewness
and kurtosis", G2); those of V_own by Satterthwaite's moments, with the prompts' covariance s_rest I + s_seed J, or by how the
seeds' squares spread where these are less. In simulations with S = 16, 64, 256 and n = 1, 4, 16 intervals of another draw hold
94 to 96 %, and equal models differ by more than luck explains in 5 %; with exponential effects of 16 seeds 93 % and
6.6 % (with S - 1 degrees of freedom: 7.9 %): benchmarks/luck.py, of which test_luck_of_means.py keeps a part.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.luck.estimate import Estimate, prediction
from seedscope.analysis.seeds.scores.additive import AdditiveFit, additive_fit
from seedscope.analysis.seeds.scores.scores import Scores, StatisticsError

FEWEST = 4
"""Seeds: of three, an interval is wider than a guess."""


@dataclass(frozen=True, eq=False)
class Spread:
    """score: the mean over prompts, of all S seeds. seeds, prompts: counts of those that have scores. missing: cells without.

    common, own: variance of the score of one common seed, and of one picture a prompt with seeds of their own.
    by_seed: (S',) the score with each seed alone, of the S' = seeds that have scores, as far as missing cells let one know.
    fit: the additive fit of the scores.
    """

    score: float
    seeds: int
    prompts: int
    missing: int
    common: Estimate
    own: Estimate
    by_seed: Array
    fit: AdditiveFit

    @property
    def of_seed(self) -> float:
        """s_seed, as estimated: may be negative; 0 with one prompt, which cannot tell it from the rest."""
        if self.prompts < 2:
            return 0.0
        return (self.common.variance - self.own.variance) * self.prompts / (self.prompts - 1)

    @property
    def of_rest(self) -> float:
        """s_rest, as estimated."""
        return self.own.variance * self.prompts - self.of_seed

    def of(self, *, common: bool) -> Estimate:
        return self.common if common else self.own

    def half(self, n: int, *, common: bool, level: float = 0.95) -> float:
        """Half the interval around `score` in which that of another draw of n seeds lies."""
        return prediction(self.of(common=common), n, self.common, self.seeds, level)


def spread(scores: Scores) -> Spread:
    """How far the mean of some scores spreads.

    Raises StatisticsError where fewer than four seeds have scores, or where seeds have no chain of common prompts.
    """
    known = scores.present.any(axis=0)
    if (seeds := int(known.sum())) < FEWEST:
        raise StatisticsError(
            f"{seeds} seeds have scores; how far a score moves with the seeds takes {FEWEST}, and is vague below 16. Name more "
            "`seeds` in the study, and run it again."
        )
    fit = additive_fit(scores)
    present, used = scores.present[:, known], np.asarray(scores.present.any(axis=1), np.bool_)
    cells, prompts = present.sum(axis=0), int(used.sum())
    score = float(fit.prompt[used].mean())
    effect = fit.seed[known] - fit.seed[known].mean()
    rest = float(np.vdot(fit.residual, fit.residual)) / max(int(present.sum()) - prompts - seeds + 1, 1)
    excess = rest * float((1.0 / cells).mean() - 1.0 / prompts)
    whole = float(effect @ effect) / (seeds - 1)
    common = max(whole - excess, min(rest / prompts, whole))
    own, squares = _own(fit, used)
    of_seed = min(max((common - own) * prompts / (prompts - 1), 0.0), own * prompts) if prompts > 1 else 0.0
    freedom = (seeds - 1) * _independent(of_seed, own * prompts - of_seed, prompts)
    return Spread(
        score,
        seeds,
        prompts,
        prompts * seeds - int(present.sum()),
        Estimate(common, _by_tails(effect)),
        Estimate(own, min(_by_spread(squares[known]), freedom)),
        score + effect,
        fit,
    )


def difference(one: Scores, other: Scores) -> Spread:
    """How far the difference of two models' scores on the same prompts and seeds spreads, the seeds being the same for both.

    Raises StatisticsError as `spread`.
    """
    return spread(Scores.of(one.values - other.values, one.groups[one.member]))


def _own(fit: AdditiveFit, used: npt.NDArray[np.bool_]) -> tuple[float, Array]:
    """The variance of the score of one picture a prompt, and (S,) each seed's share in the squares that it is the sum of."""
    values, present = fit.scores.values, fit.scores.present
    count = present.sum(axis=1)
    several = used & (count > 1)
    if not several.any():
        return 0.0, np.zeros(values.shape[1])
    there = present[several]
    mean = np.where(there, values[several], 0.0).sum(axis=1) / count[several]
    squares = np.where(there, values[several] - mean[:, None], 0.0) ** 2 / (count[several] - 1)[:, None]
    by_seed = squares.sum(axis=0) / int(several.sum())
    return float(by_seed.sum()) / int(used.sum()), by_seed


def _independent(of_seed: float, of_rest: float, prompts: int) -> float:
    """As how many independent prompts the P count in the estimate of V_own, 1..P."""
    total, common = prompts * (of_seed + of_rest), of_rest + prompts * of_seed
    return total**2 / ((prompts - 1) * of_rest**2 + common**2) if total > 0 else 1.0


def _by_tails(effect: Array) -> float:
    """Degrees of freedom of the variance of effects (n,), n >= 4, of mean 0: n - 1 of normal ones, less of those with tails."""
    n = len(effect)
    square = float(effect @ effect) / n
    if square == 0.0:
        return n - 1.0
    cut = min(int(n / (2 * sqrt(max(n - 4, 1)))), (n - 1) // 2)
    middle = float(np.sort(effect)[cut : n - cut].mean())
    excess = float(((effect - middle) ** 4).mean()) / square**2 - 3.0
    excess = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * excess + 6.0)
    return max(2.0 / (max(excess, 0.0) / n + 2.0 / (n - 1)), 1.0)


def _by_spread(squares: Array) -> float:
    """Degrees of freedom of a mean of independent squares (n,), by how far they spread; at least 1."""
    mean, n = float(squares.mean()), len(squares)
    varies = float(squares.var(ddof=1)) / n
    return max(2.0 * mean**2 / varies, 1.0) if varies > 0 else float(n)
