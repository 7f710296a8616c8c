"""Scores of an incomplete grid under the mixed model: prompts as they are, seeds as random draws, every cell counted once.

Score of (prompt p, seed i) = prompt effect p + seed effect i + rest, seed effects as a `Prior` says. Which seeds go on was
decided by scores that are in the grid; then the likelihood of all cells is that of a grid whose holes were fixed beforehand
(missing at random), and what it says of a seed holds for seeds that went out, too. Least squares does not: survivors were lucky
in the prompts that chose them, so it takes the prompts that they alone have for harder than they are.
The rest is independent from cell to cell: prompts of one group that agree with each other (an object with many modifiers) count
as so many prompts, and then errors are too small; a race takes its prompts in random order, which does not mend that.
Source: Rubin (1976), "Inference and Missing Data" (ignorable where missing at random); Henderson (1975), "Best Linear Unbiased
Estimation and Prediction under a Selection Model"; Patterson, Thompson (1971), "Recovery of Inter-Block Information when Block
Sizes are Unequal" (restricted likelihood); for effects that are no normal draws Lange, Little, Taylor (1989), "Robust
Statistical Modeling Using the t Distribution" (EM by weights).
Deviation: the mixed model equations are solved by the patterns of missing cells (Woodbury 1950), of which a race has one a
round. Where single cells are missing, too, prompts that share nine in ten of their seeds are one pattern, which has of a seed
the share of these prompts that the seed has; which of them it lacks makes next to no difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.race.prior import Prior
from seedscope.analysis.seeds.scores.additive import centre_by_prompt
from seedscope.analysis.seeds.scores.scores import StatisticsError
from seedscope.analysis.seeds.scores.ties import ROUNDING

_ALIKE = 0.9
"""Prompts that share so much of all seeds that either has are of one pattern."""
_PASSES = 3
"""Of the weights that seeds of no normal prior have; they hardly change after the second."""


@dataclass(frozen=True, eq=False)
class Solved:
    """Effects of S seeds under one prior; K normal parts of it, U patterns of missing cells.

    effect: (S,) expected effects in the score's unit, and variance: (S,) what is not known of each. part: (S, K) probability
    that a seed is of a part of the prior; means, variances: (S, K) its effect then. common: (U, S) independent errors that the
    seeds share, by the prompts' effects. likelihood: restricted log-likelihood, but for a constant.
    """

    effect: Array
    variance: Array
    part: Array
    means: Array
    variances: Array
    common: Array
    likelihood: float

    def draws(self, rng: np.random.Generator, draws: int) -> Array:
        """Joint draws (D, S) of the effects."""
        below = np.cumsum(self.part, axis=1)[:, :-1]
        part = (rng.random((draws, len(below), 1)) > below).sum(axis=2)
        seeds = np.arange(len(below))
        drawn = self.means[seeds, part]
        drawn += np.sqrt(self.variances[seeds, part]) * rng.standard_normal(drawn.shape)
        drawn += rng.standard_normal((draws, len(self.common))) @ self.common
        return np.asarray(drawn)


@dataclass(frozen=True, eq=False)
class Cells:
    """What the likelihood needs of P prompts x S seeds.

    n: (S,) cells of each seed. sums: (S,) of its scores less their prompts' means. patterns: (U, S) cells that a seed
    has in a pattern, over the root of all cells of that. squares: of all scores less their prompts' means. freedom: cells less
    prompts.
    """

    n: npt.NDArray[np.int64]
    sums: Array
    patterns: Array
    squares: float
    freedom: int

    @classmethod
    def of(cls, scores: Array) -> Cells:
        """Cells of scores (P, S) float64, NaN where there is none.

        Raises StatisticsError where no seed can be compared with another.
        """
        scores = scores[(~np.isnan(scores)).sum(axis=1) > 1]
        present = ~np.isnan(scores)
        freedom = int(present.sum()) - len(scores)
        if freedom < 1:
            raise StatisticsError(
                "No prompt has scores of two seeds, so that none can be compared; measure more of them."
            )
        _, centred = centre_by_prompt(scores)
        centred[np.abs(centred) < ROUNDING * float(np.nanmax(np.abs(scores)))] = 0.0
        return cls(
            present.sum(axis=0), centred.sum(axis=0), _patterns(present), float(np.vdot(centred, centred)), freedom
        )

    def noise(self, ratio: float) -> tuple[float, float]:
        """The likeliest variance of the rest where seed effects are normal, and the log of that likelihood (restricted).

        ratio: the variance of seed effects over that of the rest, at least 0.
        """
        keeps = np.asarray(ratio / (1.0 + ratio * self.n), np.float64)
        _, sums, moved, determinant = self._moved(keeps)
        noise = (self.squares + moved - float(keeps @ sums**2)) / self.freedom
        determinant += float(np.log1p(ratio * self.n).sum())
        # What never varies leaves no noise at all; any ratio does then.
        return noise, -0.5 * (determinant + (self.freedom * float(np.log(noise)) if noise > 0 else 0.0))

    def solved(self, prior: Prior, noise: float) -> Solved:
        """Effects under a prior whose parts' variances are in units of `noise`, the variance of the rest."""
        unit = noise if noise > 0 else 1.0  # where nothing varies
        spread = 1.0 + prior.ratio * self.n[:, None]
        keeps = prior.ratio / spread
        usual = np.log(prior.weight) - 0.5 * np.log(spread)
        part = np.broadcast_to(prior.weight, keeps.shape)
        for _ in range(_PASSES if len(prior.ratio) > 1 else 1):
            common, sums, moved, determinant = self._moved((part * keeps).sum(axis=1))
            density = usual + (0.5 / unit) * keeps * sums[:, None] ** 2
            highest = density.max(axis=1, keepdims=True)
            part = np.exp(density - highest)
            total = part.sum(axis=1, keepdims=True)
            part /= total
        means = keeps * sums[:, None]
        effect = (part * means).sum(axis=1)
        variance = (part * (noise * keeps + (means - effect[:, None]) ** 2)).sum(axis=1)
        likelihood = float((highest + np.log(total)).sum()) - 0.5 * (determinant + (self.squares + moved) / unit)
        # An error of a prompt's effect moves a seed's by as much of it as the seed's own scores leave open.
        common = common * variance / np.sqrt(unit)
        variances = np.broadcast_to(noise * keeps, part.shape)
        return Solved(effect, variance + (common**2).sum(axis=0), part, means, variances, common, likelihood)

    def _moved(self, keeps: Array) -> tuple[Array, Array, float, float]:
        """Prompts' effects are not the means of who was there: they are moved to where the seeds' expected effects put them.

        keeps: (S,) expected effect of a seed, over the sum of its scores less prompts' effects. Returns errors (U, S) of sums
        by those of prompts, in units of the rest's; the sums (S,) less the moved effects; by how much that raises `squares`;
        and twice what not knowing the prompts' effects takes from the likelihood's log.
        """
        lower = np.linalg.cholesky(np.eye(len(self.patterns)) - (self.patterns * keeps) @ self.patterns.T)
        common = np.linalg.solve(lower, self.patterns)
        by = common @ (keeps * self.sums)
        moves = np.linalg.solve(lower.T, by)
        return common, self.sums + common.T @ by, float(moves @ moves), 2.0 * float(np.log(np.diag(lower)).sum())


def _patterns(present: npt.NDArray[np.bool_]) -> Array:
    """(U, S), as `Cells` has them, of the cells (P, S) that are there."""
    kinds, count = np.unique(present, axis=0, return_counts=True)
    first: list[npt.NDArray[np.bool_]] = []
    seeds: list[Array] = []
    for at in np.argsort(-kinds.sum(axis=1), kind="stable"):
        alike = (_ALIKE * (kinds[at] | kind).sum() <= (kinds[at] & kind).sum() for kind in first)
        place = next((number for number, near in enumerate(alike) if near), len(first))
        if place == len(first):
            first.append(kinds[at])
            seeds.append(np.zeros(present.shape[1]))
        seeds[place] += count[at] * kinds[at]
    cells = np.array(seeds)
    return np.asarray(cells / np.sqrt(cells.sum(axis=1, keepdims=True)))
