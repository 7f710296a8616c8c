"""What a seed's true effect probably is: measured effects pulled together by as much as they are noise.

The best of many noisy scores is over-estimated (the winner's curse). True effects are taken as normal draws; how far they
spread is estimated from all seeds, and what is not known of it widens the intervals. Choosing the best afterwards does
not bias a posterior mean.
Source: Efron, Morris (1975), "Data Analysis Using Stein's Estimator and its Generalizations"; Morris (1983), "Parametric
Empirical Bayes Inference", sections 1 and 5; for the posterior over the spread Gelman et al. (2013), "Bayesian Data
Analysis", section 5.4; for selection Efron (2011), "Tweedie's Formula and Selection Bias", section 1.
Deviation: the spread's squared form has a flat prior (as Morris and Tang 2011, "Estimating random effects via adjustment for
density maximization", section 2) and is summed over a grid of values instead of being plugged in. Intervals and draws take
Student's t of the measured effect, because its error is known no better: with normal draws of 3 groups of prompts, the seed
given the largest probability to be among the best had 0.95 where 0.83 was true, with Student's t 0.87. All of this supposes
that seeds differ by some unknown amount.
For the probabilities to be among the best, that they do not differ at all has an even chance beforehand (Jeffreys 1961, "Theory
of Probability", chapter V), against a spread whose prior is uniform in the share kept (Daniels 1999, "A Prior for the Variance
in Hierarchical Models"); as far as that is likely, each seed has k of S. In 150 studies a kind of 24 seeds, with the errors of
`null`, the largest probability to be of the best 4 was 0.28 to 0.32 where no seed mattered and 0.17 was true (0.47 to 0.49
where that seeds differ is taken for granted), 0.64 for 0.68 and 0.84 for 0.81 where seeds differed by 0.2 and 0.3 s.d. on 24
prompts, and no more than is true where they differ by 0.1. With three or six groups of prompts and few seeds that stand out, it
is too small: 0.59 to 0.73 for 0.94. Without `null`, three groups leave it at 0.63 for 0.17.
Seeds that lie far off all others (`outlying`) are no draws from the spread of these, which is estimated without them; they
are shrunk by that of all seeds, hardly at all. One seed at -50 s.d. among 23 equal ones had made of the best 0.335 s.d.
instead of 0.065, with a probability of 0.68 to be of the best 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from seedscope.analysis.direction import Better
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.effects import Effects
from seedscope.analysis.seeds.scores.median_seed import over_median
from seedscope.analysis.seeds.scores.score_null import PRIOR_FREEDOM, ScoreNull
from seedscope.analysis.seeds.scores.scores import StatisticsError, sign

FEWEST_SEEDS = 5
"""Below, a flat prior leaves the spread of true effects without a finite mean."""


@dataclass(frozen=True, eq=False)
class Shrunk:
    """Posterior of the true effects, one entry a seed, in the score's unit; NaN where a seed's error is unknown.

    Everything is NaN where fewer than 5 seeds that are not far off have a known error.
    far: (S,) true for seeds that lie far off all others.
    alike: posterior probability that the other seeds do not differ at all, 0..1, where that had an even chance.
    effect: (S,) posterior mean over that of the median seed. lo, hi: (S,) its interval at `level`. sd: (S,) of the seed's own.
    spread: (J,) values of the variance of true effects; weight: (J,) their posterior probabilities.
    kept: (J, S) share of a measured effect that is kept under each of them, in 0..1.
    measured, se, freedom: (S,) what was shrunk, effects over the mean of all seeds but those far off; its standard error, and
        the degrees of freedom of that.
    """

    effect: Array
    sd: Array
    lo: Array
    hi: Array
    spread: Array
    weight: Array
    kept: Array
    measured: Array
    se: Array
    freedom: Array
    far: npt.NDArray[np.bool_]
    alike: float
    level: float


def shrink(effects: Effects, null: ScoreNull | None = None, far: npt.NDArray[np.bool_] | None = None) -> Shrunk:
    """Posterior of the effects of all seeds, at the level of `effects`; with the errors of `null`, where it is given.

    These borrow from all seeds: of skewed scores a seed's own error goes up and down with its effect.
    far: (S,) true for seeds that lie far off all others; None: there are none.
    """
    apart = np.zeros(len(effects.effect), np.bool_) if far is None else far
    se = effects.se if null is None else null.own + 0.0 * effects.se
    freedom = effects.freedom if null is None else effects.freedom + PRIOR_FREEDOM
    known = ~np.isnan(se)
    usual = known & ~apart
    variance = se**2
    measured = effects.effect - effects.effect[usual].mean() if usual.any() else effects.effect
    spread, weight, alike = _posterior_of_spread(measured[usual], variance[usual])
    kept = _kept(spread, variance)
    if apart.any():
        of_all, likely, _ = _posterior_of_spread(effects.effect[known] - effects.effect[known].mean(), variance[known])
        kept[:, apart] = likely @ _kept(of_all, variance[apart])
    kept[:, ~known] = np.nan
    share = weight @ kept
    between = weight @ (kept - share) ** 2
    mean = share * measured
    sd = np.sqrt(share * variance + between * measured**2)
    mean, of_median = over_median(mean, sd**2) if known.any() else (mean, 0.0)
    half = stdtrit(freedom, 0.5 + effects.level / 2) * np.sqrt(sd**2 + of_median)
    ends = mean - half, mean + half
    return Shrunk(mean, sd, *ends, spread, weight, kept, measured, se, freedom, apart, alike, effects.level)


def posterior_draws(shrunk: Shrunk, rng: np.random.Generator, draws: int = 4000) -> npt.NDArray[np.float32]:
    """Joint draws (D, S) of the true effects, by Student's t of each seed's degrees of freedom.

    NaN for seeds whose error is unknown. Raises StatisticsError below 1 draw.
    """
    if draws < 1:
        raise StatisticsError(f"{draws} draws from the posterior: at least one is needed.")
    if np.isnan(shrunk.effect).all():
        return np.full((draws, len(shrunk.effect)), np.nan, np.float32)
    kept = shrunk.kept.astype(np.float32)[rng.choice(len(shrunk.weight), draws, p=shrunk.weight)]
    drawn = rng.standard_t(shrunk.freedom, kept.shape).astype(np.float32)
    drawn *= np.sqrt(kept) * shrunk.se.astype(np.float32)
    drawn += kept * shrunk.measured.astype(np.float32)
    return drawn


def top_probability(
    draws: npt.NDArray[np.float32],
    k: int,
    better: Better,
    alike: float = 0.0,
    far: npt.NDArray[np.bool_] | None = None,
) -> Array:
    """(S,) share of joint draws (D, S) in which a seed is among the k best; sums to k; NaN for seeds without draws.

    alike: the probability that seeds do not differ at all, so that each is among the best as often as any other; but those
    `far` (S,) off all others, which do differ.
    Raises StatisticsError where k is not within 1 and the number of seeds that have draws.
    """
    known = ~np.isnan(draws[0])
    if not 1 <= k <= known.sum():
        raise StatisticsError(
            f"The top {k} of {known.sum()} seeds with a known error: k must lie from 1 to their number."
        )
    order = np.argpartition(-sign(better) * draws[:, known], k - 1, axis=1)[:, :k]
    probability = np.full(draws.shape[1], np.nan)
    probability[known] = np.bincount(order.ravel(), minlength=int(known.sum())) / len(draws)
    usual = known if far is None else known & ~far
    left = k - probability[known & ~usual].sum()
    mixed = (1.0 - alike) * probability + alike * left / max(usual.sum(), 1)
    return np.where(known & ~usual, probability, mixed)


def _kept(spread: Array, variance: Array) -> Array:
    """(J, S) share of a measured effect that is kept, by the spread (J,) of true effects and the variance (S,) of its error."""
    with np.errstate(invalid="ignore"):
        return np.where(variance > 0, spread[:, None] / (spread[:, None] + variance), 1.0)


def _posterior_of_spread(effect: Array, variance: Array, points: int = 400) -> tuple[Array, Array, float]:
    """Values (J,) of the variance of true effects with their posterior probabilities (J,), given effects (K,); and `alike`.

    The effects sum to 0, which takes one of their K degrees of freedom.
    """
    seeds = len(effect)
    scale = float((effect**2).sum() + variance.sum()) / max(seeds, 1)
    if seeds < FEWEST_SEEDS or not variance.any():
        known = 1.0 if seeds >= FEWEST_SEEDS else np.nan
        return np.array([scale]), np.array([known]), known * float(not effect.any())
    spread = np.concatenate([[0.0], np.geomspace(1e-6 * scale, 1e3 * scale, points)])
    sum_of = spread[:, None] + np.maximum(variance, 1e-12 * scale)
    freedom = (seeds - 1) / seeds
    density = -0.5 * (freedom * np.log(sum_of) + effect**2 / sum_of).sum(axis=1)
    likelihood, step, usual = np.exp(density - density.max()), np.gradient(spread), variance.mean()
    differ = float((likelihood * step * usual / (usual + spread) ** 2).sum())
    weight = likelihood * step
    return spread, weight / weight.sum(), float(likelihood[0]) / (float(likelihood[0]) + differ)
