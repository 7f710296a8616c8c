"""How often something shows in a seed's pictures (text, a border, greyscale): a rate, its interval, and its null."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.distances.moments import Array


@dataclass(frozen=True, eq=False)
class Rates:
    """n: (S,) cells that are known; events: (S,) those that show it; rate, lo, hi: (S,) in 0..1, NaN where n = 0."""

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


def rates(events: npt.ArrayLike, level: float = 0.95) -> Rates:
    """Rates over prompts of a grid (P, S) of 0, 1 and NaN (a missing cell), with Wilson's score intervals.

    The interval takes a seed's cells as independent draws. Its prompts differ in how often they show the thing, which makes
    the true spread smaller (Hoeffding 1956): the interval errs on the wide side, unless prompts of a group go together.
    Source: Wilson (1927), "Probable inference, the law of succession, and statistical inference".
    Raises ValueError for values other than 0, 1 and NaN, another shape, or a level outside (0, 1).
    """
    grid = _checked(events)
    if not 0.0 < level < 1.0:
        raise ValueError(f"the level of an interval lies in (0, 1), not at {level}")
    known = ~np.isnan(grid)
    n, found = known.sum(axis=0), np.nansum(grid, axis=0).astype(np.int64)
    lo, hi = wilson(found, n, level)
    with np.errstate(invalid="ignore"):
        return Rates(n, found, np.where(n > 0, found / np.maximum(n, 1), np.nan), lo, hi)


def wilson(events: npt.NDArray[np.int64], n: npt.NDArray[np.int64], level: float = 0.95) -> tuple[Array, Array]:
    """Wilson's score interval for each of the counts `events` out of `n`; NaN where n = 0. Source: as for `rates`."""
    z = NormalDist().inv_cdf(0.5 + level / 2)
    count = np.where(n > 0, n, np.nan)
    share = events / count
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    # At 0 and n the limit is exactly 0 and 1, but for rounding.
    lo = np.where(events == 0, 0.0 * count, np.maximum(middle - half, 0.0))
    return lo, np.where(events == n, 0.0 * count + 1.0, np.minimum(middle + half, 1.0))


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
