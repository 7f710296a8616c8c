"""How much of the variation of a score belongs to seeds, to prompts, and to the rest, and what that makes of a ranking.

Seeds, prompt groups and the rest are random effects. The components are the observed mean squares of the fitted effects less
what errors alone put there; for a complete grid of ungrouped prompts this is the analysis of variance, exactly. With
groups the error is clustered: a seed that suits one object only is not taken for a good seed.
Source: Searle, Casella, McCulloch (1992), "Variance Components", section 4.3 (two-way crossed, random), 4.4 (negative
estimates: reported as they are, taken as 0 in the shares); for the unweighted form with unequal errors Hedges, Olkin
(1985), "Statistical Methods for Meta-Analysis", section 9.B.

Intervals: each cell's influence on a share is summed over seeds, over groups and not at all; its variance is that over seeds
plus that over groups less that over cells, which both count. Student's t on the log odds of (share + what errors feign of
it), where the spread of a ratio of mean squares hardly depends on their sizes.
Source: Cameron, Gelbach, Miller (2011), "Robust Inference with Multiway Clustering", eq. 2.7.
Deviation: no resampling. Drawing both seeds and prompts again (the pigeonhole bootstrap, Owen 2007, "The pigeonhole
bootstrap", theorem 1) counts what is random in a cell three times: in simulations its errors were 2.6, 1.7 and 1.2 times
the true ones at a seeds' share of 0, 1 and 5 %. These intervals cover 95 to 97 % (2,000 runs each; eight groups of prompts:
97 to 99 %; a share of 0: 99 %), heavy-tailed seeds or prompts 89 to 94 % (test_variance.py keeps a part).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.additive import AdditiveFit
from seedscope.analysis.seeds.scores.effects import Effects
from seedscope.analysis.seeds.scores.scores import StatisticsError, checked_level


@dataclass(frozen=True)
class Component:
    """variance: as estimated, in squared units of the score, may be negative. share: of the sum of all, a negative one
    taken as 0, with its interval; None where no score varies."""

    variance: float
    share: float | None
    lo: float | None
    hi: float | None


@dataclass(frozen=True)
class VarianceShares:
    """noise: mean error variance of a seed's effect at this number of prompts. cells, prompts, groups, seeds: counts of
    what was used: seeds that have scores in two groups or more, and their cells."""

    seed: Component
    prompt: Component
    rest: Component
    noise: float
    cells: int
    prompts: int
    groups: int
    seeds: int
    level: float


def variance_shares(fit: AdditiveFit, effects: Effects, level: float = 0.95) -> VarianceShares:
    """Shares of variance of seed, prompt and rest with intervals.

    Raises StatisticsError for less than two groups of prompts or two seeds with scores in them, and for a bad level.
    """
    known = np.flatnonzero(~np.isnan(effects.se))
    if len(known) < 2:
        raise StatisticsError(
            f"{len(known)} seeds have scores in two groups of prompts or more ({len(effects.influence)} groups in all); "
            "shares of variance need at least two such seeds."
        )
    found = _estimates(fit, effects, known)
    total = float(np.clip(found.variance, 0.0, None).sum())
    groups, coverage = len(effects.influence), 0.5 + checked_level(level) / 2
    if total == 0.0:
        seed, prompt, rest = (Component(float(variance), None, None, None) for variance in found.variance)
    else:
        quantile = float(stdtrit(min(len(known), groups) - 1, coverage))
        errors = _share_errors(found, _influences(fit, effects, known, found), total)
        seed, prompt, rest = (
            _component(float(variance), total, float(feigned) / total, quantile * float(error))
            for variance, feigned, error in zip(found.variance, found.feigned, errors, strict=True)
        )
    return VarianceShares(
        seed, prompt, rest, float(found.feigned[0]), found.cells, found.prompts, groups, len(known), level
    )


def reliability(shares: VarianceShares) -> float | None:
    """Share of the variance of the measured effects that is real, at this number of prompts, in 0..1; None where none varies.

    It is the expected correlation of this ranking with one from as many other prompts of the same kind.
    Source: Brennan (2001), "Generalizability Theory", section 2.3 (generalizability coefficient of a p x i design).
    """
    real = max(shares.seed.variance, 0.0)
    return real / (real + shares.noise) if real + shares.noise > 0 else None


def prompts_needed(shares: VarianceShares, wanted: float = 0.8) -> int | None:
    """Prompts at which the reliability would be `wanted`, groups growing in number, not in size; None where seeds do not vary.

    Source: Spearman (1910) and Brown (1910), the prophecy formula, as Brennan (2001), section 2.3.
    Raises StatisticsError where `wanted` is not within (0, 1).
    """
    if not 0.0 < wanted < 1.0:
        raise StatisticsError(f"A reliability of {wanted} cannot be asked for; it lies in (0, 1).")
    if shares.seed.variance <= 0:
        return None
    return max(ceil(shares.prompts * shares.noise / shares.seed.variance * wanted / (1.0 - wanted)), 1)


@dataclass(frozen=True, eq=False)
class _Estimates:
    """variance: (3,) of seed, prompt, rest. feigned: (3,) what errors add to the mean squares of fitted effects.

    prompt: (P,) fitted prompt effects less their mean, 0 where no seed has a score. count: (P,) cells of each prompt.
    """

    variance: Array
    feigned: Array
    prompt: Array
    count: npt.NDArray[np.int64]

    @property
    def cells(self) -> int:
        return int(self.count.sum())

    @property
    def prompts(self) -> int:
        return int((self.count > 0).sum())

    @property
    def freedom(self) -> int:
        """Cells less prompts: what is left for seeds and the rest."""
        return max(self.cells - self.prompts, 1)


def _estimates(fit: AdditiveFit, effects: Effects, known: npt.NDArray[np.intp]) -> _Estimates:
    """The components of variance from the `known` seeds, by index."""
    count = fit.scores.present[:, known].sum(axis=1)
    used, residual = count > 0, fit.residual[:, known]
    prompts, errors = int(used.sum()), effects.se[known] ** 2
    noise = float(errors.sum()) / (len(known) - 1)
    seed = float(effects.effect[known].var(ddof=1)) - noise
    lost = float(effects.n[known] @ errors)
    rest = (float(np.vdot(residual, residual)) + lost) / max(int(count.sum()) - prompts, 1)

    prompt = np.where(used, fit.prompt, 0.0)
    prompt = np.where(used, prompt - prompt.sum() / prompts, 0.0)
    leverage, sums = fit.scores.by_group(used) / prompts, fit.scores.by_group(prompt) / prompts
    of_mean = float((sums**2 / np.where(leverage < 1, 1.0 - leverage, np.inf)).sum())
    feigned = rest * float((1.0 / count[used]).mean())
    variance = np.array([seed, float(prompt @ prompt) / prompts + of_mean - feigned, rest])
    return _Estimates(variance, np.array([noise, feigned, 0.0]), prompt, count)


@dataclass(frozen=True, eq=False)
class _Influences:
    """What each seed (K,), each group (G,), and each cell of both (G, K) adds to the three components."""

    seeds: list[Array]
    groups: list[Array]
    cells: list[Array]


def _influences(fit: AdditiveFit, effects: Effects, known: npt.NDArray[np.intp], found: _Estimates) -> _Influences:
    scores, residual, effect = fit.scores, fit.residual[:, known], effects.effect[known] - effects.effect[known].mean()
    pull = 2.0 * found.prompt / (np.maximum(found.count, 1) * found.prompts)
    expected = scores.by_group(scores.present[:, known]) * (float(np.vdot(residual, residual)) / found.cells)
    cells = [
        effects.influence[:, known] * (2.0 * effect / (len(known) - 1)),
        scores.by_group(residual * pull[:, None]),
        (scores.by_group(residual**2) - expected) / found.freedom,
    ]
    seeds, groups = [part.sum(axis=0) for part in cells], [part.sum(axis=1) for part in cells]

    squares = effect**2 - effects.se[known] ** 2
    seeds[0] = _at_least_normal(
        (squares - squares.mean()) / (len(known) - 1), float(found.variance[0] + found.feigned[0]), len(known)
    )
    mean_square = float(found.prompt @ found.prompt) / found.prompts
    around = np.where(found.count > 0, found.prompt**2 - mean_square, 0.0)
    groups[1] = _at_least_normal(scores.by_group(around) / found.prompts, mean_square, found.prompts)
    return _Influences(seeds, groups, cells)


def _at_least_normal(influence: Array, mean_square: float, n: int) -> Array:
    """Influences on a mean square of n effects, made as large as for normal effects: few effects seldom show their tails."""
    normal, seen = 2.0 * mean_square**2 / max(n - 1, 1), float(influence @ influence)
    return influence * np.sqrt(max(normal / seen, 1.0)) if seen > 0 else influence


def _share_errors(found: _Estimates, influences: _Influences, total: float) -> Array:
    """Standard errors (3,) of the shares of seed, prompt and rest."""
    gradient = (np.eye(3) - (np.clip(found.variance, 0.0, None) / total)[:, None]) / total

    def variance(level: list[Array]) -> Array:
        return np.asarray(np.einsum("ij,jk,ik->i", gradient, _products(level), gradient))

    seeds, groups, cells = (variance(level) for level in (influences.seeds, influences.groups, influences.cells))
    return np.asarray(np.sqrt(np.maximum(seeds + groups - cells, np.maximum(seeds, groups))))


def _products(influences: list[Array]) -> Array:
    """Inner products (3, 3) of three arrays of one shape."""
    return np.array([[float(np.vdot(a, b)) for b in influences] for a in influences])


def _component(variance: float, total: float, feigned: float, half: float) -> Component:
    """A share with its interval, from the half width on the plain scale carried over to the log odds."""
    share = variance / total
    above, below = share + feigned, 1.0 - share
    if above <= 0 or below <= 0:
        return Component(variance, min(max(share, 0.0), 1.0), max(share - half, 0.0), min(share + half, 1.0))
    width = min(half * (1.0 / above + 1.0 / below), 50.0)
    odds = (above / below) * np.exp([-width, width])
    low, high = np.clip((odds - feigned) / (1.0 + odds), 0.0, 1.0)
    return Component(variance, max(share, 0.0), float(low), float(high))
