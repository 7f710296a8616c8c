"""Variance shares of initial seed, step seed and prompt: a crossed three-way analysis of variance with random effects.

A picture follows from (prompt, initial seed, step seed), each cell drawn once. So the rest is no error of measurement: it is
how initial noise and later noise act together on one prompt. Whatever the later noise decides, alone or together with others,
is the variance between pictures of one prompt and initial seed; `later` and `first` are these sums.
Source: Searle, Casella, McCulloch (1992), "Variance Components", section 4.3, extended to three factors: mean squares equal
to their expectations. Negative estimates are kept as they are, and taken as 0 in shares. For the sums, Sobol (2001), "Global
sensitivity indices for nonlinear mathematical models", eq. 6: total indices.

Intervals: a share's log odds, with what errors alone feign of it added, is taken again without each initial seed, each step
seed and each group of prompts (jackknife); the three variances add up, and Student's t has the degrees of freedom of their
sum by Satterthwaite. They hold for fresh seeds and fresh prompts, where a bootstrap over prompts alone would hold for these
few seeds only.
Source: Tukey's jackknife for variance components as in Arvesen, Schmitz (1970), "Robust procedures for variance component
problems using the jackknife"; Owen (2007), "The pigeonhole bootstrap", for why levels of crossed factors are left out, not
cells. Deviation: variances over the factors are added without taking off what they count together: intervals are wide rather
than narrow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.scores import StatisticsError

COMPONENTS = ("initial", "step", "prompt", "initial x step", "initial x prompt", "step x prompt", "rest")
"""In the order of all arrays; `rest` is what only all three together tell."""
TOTALS = {"first": (0, 3, 4, 6), "later": (1, 3, 5, 6)}
"""All that the initial seed, and all that the step seed decides: the places of the components that are added up."""
ROUNDING = 1e-12
_AXES = {"prompt": 0, "initial": 1, "step": 2}


@dataclass(frozen=True)
class Share:
    """variance: as estimated, may be negative. share: of the sum of all, a negative one taken as 0. lo, hi: its interval."""

    variance: float
    share: float
    lo: float
    hi: float


@dataclass(frozen=True)
class Shares:
    """Of one measurement.

    of: component, `first` or `later` -> its share. null: the largest share of the step seed that 95 % of shuffles give.
    p: of "the step seed has no effect of its own". shuffles: of each of two kinds,
    behind both. prompts, groups: that were used; left_out: prompts with a missing cell.
    """

    of: dict[str, Share]
    null: float
    p: float
    shuffles: int
    prompts: int
    groups: int
    left_out: int


def shares(
    values: npt.ArrayLike,
    groups: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    shuffles: int = 499,
    level: float = 0.95,
) -> Shares:
    """Variance shares of a measurement.

    Args:
        values: (P, A, B) numbers, or (P, A, B, D) vectors whose variances are added up; prompts x initial seeds x step seeds;
            NaN where a cell is missing: its prompt is then left out.
        groups: (P,) labels of the prompts' groups.
        rng: shuffles.

    Raises:
        StatisticsError: fewer than two seeds of a kind or two groups are left, or nothing varies.
    """
    grid = np.asarray(values, np.float64)
    grid = grid if grid.ndim == 4 else grid[..., None]
    whole = ~np.isnan(grid).any(axis=(1, 2, 3))
    left_out, grid = int((~whole).sum()), grid[whole]
    member = np.unique(np.asarray(groups)[whole], return_inverse=True)[1]
    count = int(member.max()) + 1 if len(member) else 0
    if count < 2 or min(grid.shape[1:3]) < 2:
        raise StatisticsError(
            f"{count} group(s) of prompts of which no picture lacks the measurement, {grid.shape[1]} initial and "
            f"{grid.shape[2]} step seed(s): at least two of each are needed."
        )
    grid = grid - grid.mean(axis=(0, 1, 2))
    variances = variance_components(grid)
    total = float(np.clip(variances, 0, None).sum())
    if total <= ROUNDING * float((np.asarray(values, np.float64)[whole] ** 2).mean()):
        raise StatisticsError("It is the same for all pictures.")
    found = _intervals(grid, member, variances, level)
    null, p = _shuffled(grid, member, float(variances[1]), rng, shuffles)
    return Shares(found, null, p, shuffles, len(grid), count, left_out)


def variance_components(grid: Array) -> Array:
    """(7,) components of values (P, A, B, D), in the order of `COMPONENTS`, added up over D."""
    return np.asarray(np.linalg.solve(_expected(*grid.shape[:3]), _mean_squares(grid)), np.float64)


def _mean_squares(grid: Array) -> Array:
    """(7,) mean squares of values (P, A, B, D)."""
    prompts, initial, step, _ = grid.shape
    centred = grid - grid.mean(axis=(0, 1, 2))
    a, b, p = centred.mean(axis=(0, 2)), centred.mean(axis=(0, 1)), centred.mean(axis=(1, 2))
    ab = centred.mean(axis=0) - a[:, None] - b
    ap = centred.mean(axis=2) - a - p[:, None]
    bp = centred.mean(axis=1) - b - p[:, None]
    rest = centred - a[:, None] - b - p[:, None, None] - ab - ap[:, :, None] - bp[:, None]
    repeats = [prompts * step, prompts * initial, initial * step, prompts, step, initial, 1]
    one = [initial - 1, step - 1, prompts - 1]
    freedom = [*one, one[0] * one[1], one[0] * one[2], one[1] * one[2], one[0] * one[1] * one[2]]
    sums = np.array([float((each**2).sum()) for each in (a, b, p, ab, ap, bp, rest)])
    squares = sums * repeats
    squares[squares <= ROUNDING * max(float((grid**2).sum()), ROUNDING)] = 0.0  # of equal values
    return np.asarray(squares / freedom)


def _expected(prompts: int, initial: int, step: int) -> Array:
    """(7, 7) what each component adds to the expectation of each mean square."""
    matrix = np.diag([prompts * step, prompts * initial, initial * step, prompts, step, initial, 1.0])
    matrix[:, 6] = 1.0
    for main, crossed in ((0, (3, 4)), (1, (3, 5)), (2, (4, 5))):
        for place in crossed:
            matrix[main, place] = matrix[place, place]
    return matrix


def _parts(grid: Array) -> tuple[Array, Array]:
    """(9,) shares as estimated, may be negative, and what errors feign of each: components, then `TOTALS`."""
    squares, expected = _mean_squares(grid), _expected(*grid.shape[:3])
    variances = np.linalg.solve(expected, squares)
    positive = np.clip(variances, 0, None)
    total = positive.sum() or 1.0
    feigned = squares / np.diag(expected) - variances
    sums = [positive[list(places)].sum() for places in TOTALS.values()]
    return np.r_[variances, sums] / total, np.r_[np.clip(feigned, 0, None), 0.0, 0.0] / total


def _intervals(grid: Array, member: npt.NDArray[np.intp], variances: Array, level: float) -> dict[str, Share]:
    share, feigned = _parts(grid)
    odds = _log_odds(share, feigned)
    parts, freedom = np.zeros((3, len(share))), np.zeros(3)
    for place, (factor, axis) in enumerate(_AXES.items()):
        levels = member if factor == "prompt" else np.arange(grid.shape[axis])
        count = int(levels.max()) + 1
        parts[place] = _jackknife(grid, axis, levels, count)
        freedom[place] = count - 1
    variance = parts.sum(axis=0)
    degrees = np.where(variance > 0, variance**2 / np.maximum((parts**2 / freedom[:, None]).sum(axis=0), 1e-300), 1.0)
    half = np.minimum(stdtrit(degrees, 0.5 + level / 2) * np.sqrt(variance), 50.0)
    bounds = np.exp(odds + np.array([[-1.0], [1.0]]) * half)
    low, high = np.clip((bounds - feigned) / (1 + bounds), 0.0, 1.0)
    estimates = np.r_[variances, [np.clip(variances, 0, None)[list(places)].sum() for places in TOTALS.values()]]
    return {
        name: Share(float(estimates[i]), float(max(share[i], 0.0)), float(low[i]), float(high[i]))
        for i, name in enumerate((*COMPONENTS, *TOTALS))
    }


def _log_odds(share: Array, feigned: Array) -> Array:
    """Log odds of share + feigned, within what numbers hold."""
    return np.asarray(np.log(np.maximum(share + feigned, 1e-9)) - np.log(np.maximum(1 - share, 1e-9)))


def _jackknife(grid: Array, axis: int, levels: npt.NDArray[np.intp], count: int) -> Array:
    """(9,) variance of the log odds, each level of an axis left out in turn; huge where two levels are all there are."""
    if count < 3:
        return np.full(9, 1e3)
    without = [np.compress(levels != each, grid, axis) for each in range(count)]
    again = np.stack([_log_odds(*_parts(some)) for some in without])
    return np.asarray((count - 1) / count * ((again - again.mean(axis=0)) ** 2).sum(axis=0))


def _shuffled(
    grid: Array, member: npt.NDArray[np.intp], observed: float, rng: np.random.Generator, shuffles: int
) -> tuple[float, float]:
    """The step seed's share that 95 % of shuffles do not exceed, and p; of two kinds of shuffles, the larger of each.

    Step seeds take another order in each group of prompts, the same for all its initial seeds: exact where the step seed acts
    otherwise with each group of prompts, and only so. Or another order with each initial seed, the same for all prompts: exact
    where it acts otherwise with each initial seed, and only so. Either leaves the one interaction as it is and takes the effect
    of its own apart. A step seed that acts in both ways, and never by itself, may be found more often than p says.
    """
    prompts, initial, step, _ = grid.shape
    tolerance = ROUNDING * float((grid**2).sum()) / (prompts * initial * step)  # many orders give the same number
    by_kind = np.empty((2, shuffles, 2))
    for place in range(shuffles):
        by_group = np.argsort(rng.random((int(member.max()) + 1, 1, step)), axis=2)[member]
        by_initial = np.argsort(rng.random((1, initial, step)), axis=2)
        for kind, order in enumerate((by_group, by_initial)):
            variances = variance_components(np.take_along_axis(grid, order[..., None], axis=2))
            by_kind[kind, place] = variances[1], max(variances[1], 0.0) / np.clip(variances, 0, None).sum()
    at_least = int((by_kind[..., 0] >= observed - tolerance).sum(axis=1).max())
    return float(np.quantile(by_kind[..., 1], 0.95, axis=1).max()), (1 + at_least) / (1 + shuffles)
