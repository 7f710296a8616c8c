"""How often something shows in a seed's pictures (text, a border, greyscale): a rate, its interval, and its null."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.design_effect import effective_cells


@dataclass(frozen=True, eq=False)
class Rates:
    """n: (S,) cells that are known; events: (S,) those that show it; rate, lo, hi: (S,) in 0..1, NaN where
    n = 0; lo, hi: NaN too where there is no error over groups. rate is not events / n where another was `expected`."""

    n: npt.NDArray[np.int64]
    events: npt.NDArray[np.int64]
    rate: Array
    lo: Array
    hi: Array


@dataclass(frozen=True, eq=False)
class RateNull:
    """What shuffling cells between seeds within each prompt gives, over B shuffles.

    best, worst: (B,) lowest and highest rate of any seed. p_value: in [1 / (B + 1), 1], for "the seeds do not differ".
    """

    best: Array
    worst: Array
    p_value: float


def rates(events: npt.ArrayLike, groups: npt.ArrayLike, level: float = 0.95, expected: Array | None = None) -> Rates:
    """Rates over prompts of a grid (P, S) of 0, 1 and NaN (a missing cell), with Wilson's score intervals over groups.

    groups: (P,) labels of the prompts' groups. A seed's luck with one object is in all prompts of that object, so that its
    cells are worth fewer than n independent ones: the interval is Wilson's for `effective_cells`, and for n where each
    prompt is a group of its own. Prompts that differ in how often they show the thing make the true spread smaller
    (Hoeffding 1956), on the wide side. NaN where several cells are all of one group, which says nothing of other groups.
    expected: (S,) rates on all the prompts, in 0..1, which take the place of those of the seeds' own cells: where cells are
    missing, these are of other prompts with each seed.
    Source: Wilson (1927), "Probable inference, the law of succession, and statistical inference"; with the effective number
    of cells, Korn, Graubard (1998) as for `effective_cells`, Franco et al. (2019), "Comparative Study of Confidence
    Intervals for Proportions in Complex Sample Surveys".
    Raises ValueError for values other than 0, 1 and NaN, another shape or number of labels, or a level outside (0, 1).
    """
    grid = _checked(events)
    if not 0.0 < level < 1.0:
        raise ValueError(f"the level of an interval lies in (0, 1), not at {level}")
    n, found = (~np.isnan(grid)).sum(axis=0), np.nansum(grid, axis=0).astype(np.int64)
    with np.errstate(invalid="ignore"):
        rate = np.where(n > 0, found / np.maximum(n, 1), np.nan)
    rate = rate if expected is None else expected
    lo, hi = wilson(rate, effective_cells(grid, groups, level), level)
    return Rates(n, found, rate, lo, hi)


def wilson(rate: Array, n: Array, level: float = 0.95) -> tuple[Array, Array]:
    """Wilson's score interval of rates (S,) in 0..1 out of n (S,) cells, which need not be whole; NaN where either is NaN."""
    z = NormalDist().inv_cdf(0.5 + level / 2)
    middle = (rate + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    # At 0 and 1 the limit is exactly that, but for rounding.
    lo = np.where(rate == 0, 0.0 * n, np.maximum(middle - half, 0.0))
    return lo, np.where(rate == 1, 0.0 * n + 1.0, np.minimum(middle + half, 1.0))


def rate_null(events: npt.ArrayLike, rng: np.random.Generator, shuffles: int = 200) -> RateNull:
    """Shuffle the known cells of each prompt between the seeds that have one; a missing cell stays where it is.

    The statistic is the spread of the seeds' rates: for a complete grid a permutation test of Cochran's Q.
    Source: Cochran (1950), "The comparison of percentages in matched samples"; p = (b + 1) / (B + 1) after Phipson, Smyth
    (2010). Raises ValueError as `rates` does, or for fewer than 1 shuffle or 2 seeds.
    """
    grid = _checked(events)
    if shuffles < 1 or grid.shape[1] < 2:
        raise ValueError(f"{shuffles} shuffles of {grid.shape[1]} seeds: at least 1 and 2 are needed")
    known = ~np.isnan(grid)
    n = np.maximum(known.sum(axis=0), 1)
    has = known.any(axis=0)

    def spread(cells: npt.NDArray[np.float32]) -> Array:
        rate: Array = (np.nansum(cells, axis=0, dtype=np.float64) / n)[has]
        return np.array([rate.min(), rate.max(), rate.std()])

    observed = spread(grid)
    chance = np.array([spread(_shuffled(grid, known, rng)) for _ in range(shuffles)])
    beyond = (chance[:, 2] >= observed[2] * (1 - 1e-9)).sum()
    return RateNull(chance[:, 0], chance[:, 1], float((beyond + 1) / (shuffles + 1)))


def _shuffled(
    grid: npt.NDArray[np.float32], known: npt.NDArray[np.bool_], rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    if known.all():
        return rng.permuted(grid, axis=1)
    # Random keys order the known cells of a row among themselves; `argsort` of the mask says where these stand.
    keys = np.where(known, rng.random(grid.shape, dtype=np.float32), np.inf)
    ordered = np.take_along_axis(grid, np.argsort(keys, axis=1), axis=1)
    shuffled = np.empty_like(grid)
    np.put_along_axis(shuffled, np.argsort(~known, axis=1, kind="stable"), ordered, axis=1)
    return shuffled


def _checked(events: npt.ArrayLike) -> npt.NDArray[np.float32]:
    grid = np.asarray(events, dtype=np.float32)
    if grid.ndim != 2:
        raise ValueError(f"events have shape {grid.shape}; a grid (prompts, seeds) is needed")
    if not (np.isnan(grid) | (grid == 0) | (grid == 1)).all():
        raise ValueError("an event is 0, 1 or, where the cell is missing, NaN")
    return grid
