"""Seeds that measurements cannot tell apart: within rounding, the same scores on every prompt by every measure.

Seeds are parted prompt by prompt and measure by measure. Nearly all of them part on the first few prompts of a measure that
is no coarse one, so that little more is read: on 22,512 prompts and 1,024 seeds that takes 0.2 seconds of a core, and 1.6 where
half of the seeds are copies. Seeds stay together as long as a chain of seeds, each near the next, joins them: none is parted
from one that it is near to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.scores.additive import centre_by_prompt
from seedscope.analysis.seeds.scores.grid import Grid, Positions

ALIKE = 1e-3
"""Within which two scores count as the same, in standard deviations between pictures of one prompt."""
FEW, CELLS = 16, 2**18
"""Prompts by which seeds are parted at first, and scores that are looked at at most at a time."""
Values = npt.NDArray[np.floating]


def same_scores(grids: Iterable[Grid]) -> list[list[int]]:
    """Seeds, two or more together, that have the same scores on all prompts by all grids (of the same seeds); gaps too.

    Of the grids, none is asked for once no seeds are left together.
    """
    seeds: npt.NDArray[np.int64] | None = None
    sets: list[Positions] = []
    for grid in grids:
        if seeds is None:
            seeds, sets = grid.seeds, [np.arange(len(grid.seeds))]
        sets = _parted(grid, sets)
        if not sets:
            break
    return [] if seeds is None else [seeds[one].tolist() for one in sets]


def _parted(grid: Grid, sets: list[Positions]) -> list[Positions]:
    """The seeds of each set that the grid does not tell apart."""
    near, parted = ALIKE * _deviation(grid), list[Positions]()
    left = [(one, 0, FEW) for one in reversed(sets)]
    while left:
        seeds, start, rows = left.pop()
        some = grid.values[start : start + rows, seeds]
        following = start + len(some), min(2 * rows, max(CELLS // len(seeds), 1))
        parts = [seeds[part] for part in near_columns(some, near)]
        if following[0] == len(grid.values):
            parted += parts
        else:
            left += [(part, *following) for part in parts]
    return parted


def _deviation(grid: Grid) -> float:
    """The standard deviation between pictures of one prompt; 0 where nothing varies."""
    squares, freedom, rows = 0.0, 0, max(CELLS // len(grid.seeds), 1)
    for start in range(0, len(grid.values), rows):
        values = np.asarray(_finite(grid.values[start : start + rows]), np.float64)
        there = ~np.isnan(values)
        squares += float((centre_by_prompt(values)[1] ** 2).sum())
        freedom += int(there.sum() - there.any(axis=1).sum())
    return float(np.sqrt(squares / freedom)) if freedom else 0.0


def near_columns(columns: Values, near: float) -> list[Positions]:
    """Places, ascending, two or more together, of columns (R, n) that are joined by a chain of columns, each `near` the next in
    every row. What is not finite is near to its like only."""
    one_of_each, place = _distinct(_finite(columns))
    count = np.bincount(place)
    parts = (np.array(part) for part in _joined(one_of_each, near))
    found = [part for part in parts if len(part) > 1 or count[part[0]] > 1]
    return [np.flatnonzero(np.isin(place, part)) for part in found]


def _finite(values: Values) -> Values:
    return np.where(np.isfinite(values), values + 0.0, np.nan)  # of one NaN, and of one 0, as bytes are compared


def _distinct(columns: Values) -> tuple[Values, Positions]:
    """The different ones among columns (R, n), by coarse measures few, and for each column (n,) which of them it is."""
    rows = np.ascontiguousarray(columns.T)
    _, first, place = np.unique(
        rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).ravel(), return_index=True, return_inverse=True
    )
    return columns[:, first], place


def _joined(columns: Values, near: float) -> Iterator[list[int]]:
    """Chains of columns (R, n), of one or more. A weighted sum of its rows tells which columns one may be near to."""
    weights = np.random.default_rng(0).standard_normal(len(columns))
    marks = weights @ np.nan_to_num(columns).astype(np.float64)
    reach = near * float(np.abs(weights).sum()) + 1e-9 * float(np.abs(marks).max(initial=0.0))
    free = np.argsort(marks, kind="stable")
    while len(free):
        chain, asked = [int(free[0])], 0
        free = free[1:]
        while asked < len(chain):
            one, asked = chain[asked], asked + 1
            of_free = marks[free]
            first, end = (
                np.searchsorted(of_free, marks[one] - reach),
                np.searchsorted(of_free, marks[one] + reach, "right"),
            )
            window, own = columns[:, free[first:end]], columns[:, [one]]
            joins = ((np.abs(window - own) <= near) | (np.isnan(window) & np.isnan(own))).all(axis=0)
            if joins.any():
                chain += free[first:end][joins].tolist()
                free = np.delete(free, first + np.flatnonzero(joins))
        yield chain
