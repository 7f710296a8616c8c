"""Several measurements of quality as one score of each picture: their weighted mean, each in standard deviations.

    combined(p, s) = sum over m of  w_m d_m (x_m(p, s) - mean_m) / sd_m,    sum of w_m = 1,  d_m = -1 where lower is better

sd_m is the spread between pictures of one prompt: the root mean square of x_m less its prompt's mean, over all seeds. A weight
thus says what one such deviation counts, in whatever unit it was measured, and how prompts differ, which no seed can
help, has no part in the scale. Mean and spread are those of one half of the prompts, whichever decide: they are the same
constants for every seed, so that no seed is favoured by them. A picture without one of the measurements has no score.
Seeds that are broken (`outlying`) by a measurement have no part in its scale: one at -50 s.d. of 24 makes the spread 10 times
as large, so that this measurement would hardly count among the others. They have scores, on the scale of the rest.
Source: O'Brien (1984), "Procedures for Comparing Samples with Multiple Endpoints" (the sum of endpoints, each over its pooled
standard deviation within groups); OECD (2008), "Handbook on Constructing Composite Indicators", steps 5 and 6
(standard scores, stated weights).
Deviation: weights are the study's, where O'Brien's are equal; a prompt is a group, and its seeds are the samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.direction import Better
from seedscope.analysis.seeds.scores.additive import additive_fit, centre_by_prompt
from seedscope.analysis.seeds.scores.grid import Grid
from seedscope.analysis.seeds.scores.outlying import broken
from seedscope.analysis.seeds.scores.scores import Scores, StatisticsError, sign

COMBINED = "combined"
"""What the combined score is called among the measurements of a run."""


@dataclass(frozen=True, eq=False)
class Term:
    """A measurement that goes into the combined score. weight: above 0, in proportion to the others'."""

    measure: str
    better: Better
    weight: float
    grid: Grid


@dataclass(frozen=True)
class Part:
    """What a measurement is in a combined score. weight: its share, 0..1. mean, sd: its scale, in its own unit."""

    measure: str
    better: Better
    weight: float
    mean: float
    sd: float


def combined(terms: Sequence[Term], ranking: npt.NDArray[np.bool_] | None) -> tuple[Grid, tuple[Part, ...]]:
    """The score of every cell, higher is better, 0 for the average picture; and its parts, in the order of `terms`.

    ranking: (P,) true for the prompts that set mean and spread, those to rank on; None: all.
    Raises StatisticsError where a measurement does not vary within these prompts, so that it has no scale; ValueError for
    weights that are not above 0, or grids of different cells.
    """
    first = terms[0].grid
    if any(
        not (np.array_equal(item.grid.prompts, first.prompts) and np.array_equal(item.grid.seeds, first.seeds))
        for item in terms
    ):
        raise ValueError("measurements are combined cell by cell: give grids of the same prompts and seeds")
    if wrong := [item.measure for item in terms if not 0.0 < item.weight < np.inf]:
        raise ValueError(f"the weight of {wrong[0]} is not a number above 0")
    known = np.logical_and.reduce([np.isfinite(item.grid.values) for item in terms])
    scale = known if ranking is None else known & ranking[:, None]
    total = sum(item.weight for item in terms)
    parts = tuple(_part(item, item.weight / total, scale & ~_broken(item.grid, scale)) for item in terms)
    score = np.where(known, 0.0, np.nan)
    for item, part in zip(terms, parts, strict=True):
        score += part.weight * sign(part.better) * (item.grid.values - part.mean) / part.sd
    return Grid(score.astype(np.float32), first.prompts, first.groups, first.seeds), parts


def _broken(grid: Grid, cells: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """(S,) true for the seeds that are broken on the `cells` (P, S) that are true; none where the others do not vary."""
    there = cells.any(axis=1)
    values = np.where(cells, grid.values, np.nan)[there].astype(np.float64)
    try:
        found = broken(additive_fit(Scores.of(values, grid.groups[there])))
    except StatisticsError:
        return np.zeros(cells.shape[1], np.bool_)
    _, centred = centre_by_prompt(values[:, ~found])
    return found if np.nanmax(np.abs(centred), initial=0.0) > _rounding(values) else np.zeros_like(found)


def _rounding(values: npt.NDArray[np.float64]) -> float:
    """By how much equal values differ once they are centred."""
    return float(np.finfo(np.float32).eps * np.nanmax(np.abs(values)))


def _part(term: Term, share: float, cells: npt.NDArray[np.bool_]) -> Part:
    """The scale of a measurement on the `cells` (P, S) that are true."""
    values = np.where(cells, term.grid.values, np.nan).astype(np.float64)
    _, centred = centre_by_prompt(values)
    freedom = int(cells.sum() - cells.any(axis=1).sum())
    if freedom < 1:
        raise StatisticsError(
            f"No two pictures of a prompt to rank on have all the measurements that are combined, {term.measure} among them; "
            "measure more, or name fewer in ranking.by."
        )
    sd = float(np.sqrt((centred**2).sum() / freedom))
    if sd <= _rounding(values):
        raise StatisticsError(
            f"{term.measure} is the same for all pictures of a prompt, on all prompts to rank on, so that it has no scale on "
            "which it could be combined with others; leave it out of ranking.by."
        )
    return Part(term.measure, term.better, share, float(np.nanmean(values)), sd)
