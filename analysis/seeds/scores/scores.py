"""Scores of P prompts x S seeds, as every statistic of a scalar measurement takes them: a missing cell stays missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from seedscope.analysis.direction import Better
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.pipeline.errors import UserError


class StatisticsError(UserError, ValueError):
    """The scores do not allow what was asked of them: what is missing, and the remedy."""


@dataclass(frozen=True, eq=False)
class Scores:
    """values: (P, S) float64, NaN = missing. groups: (G,) sorted distinct labels. member: (P,) group of each, 0 .. G-1."""

    values: Array
    groups: npt.NDArray[np.generic]
    member: npt.NDArray[np.intp]

    @classmethod
    def of(cls, values: npt.ArrayLike, groups: npt.ArrayLike) -> Scores:
        """Scores from a grid (P, S) of numbers or booleans and the labels (P,) of the prompts' groups.

        Raises StatisticsError for another shape, for infinite values, and for less than two seeds or one prompt.
        """
        grid = np.asarray(values, dtype=np.float64)
        labels, member = np.unique(np.asarray(groups), return_inverse=True)
        if grid.ndim != 2 or len(member) != len(grid):
            raise StatisticsError(f"Scores of shape {grid.shape} and {len(member)} labels: need (P, S) and P labels.")
        if grid.shape[0] < 1 or grid.shape[1] < 2:
            raise StatisticsError(
                f"{grid.shape[0]} prompt(s) x {grid.shape[1]} seed(s): a seed is compared with others on the same prompts; "
                "measure at least two seeds on at least one prompt."
            )
        if np.isinf(grid).any():
            raise StatisticsError(
                f"{np.isinf(grid).sum()} scores are infinite; make them missing (NaN) or leave them out."
            )
        return cls(grid, labels, member)

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """(P, S), true where a score is known."""
        return ~np.isnan(self.values)

    def only(self, prompts: npt.NDArray[np.bool_]) -> Scores:
        """The rows of some prompts: `prompts` (P,)."""
        return Scores.of(self.values[prompts], self.groups[self.member[prompts]])

    def without(self, seeds: npt.NDArray[np.bool_]) -> Scores:
        """With the scores of some seeds (S,) missing."""
        return Scores(np.where(seeds, np.nan, self.values), self.groups, self.member)

    def by_group(self, rows: npt.NDArray[np.generic]) -> Array:
        """Sums (G, ...) float64 over the prompts of each group, of rows (P, ...)."""
        prompts, groups = len(self.member), len(self.groups)
        into = csr_array((np.ones(prompts), (self.member, np.arange(prompts))), shape=(groups, prompts))
        return np.asarray(into @ rows, dtype=np.float64)


def sign(better: Better) -> float:
    """+1 where higher is better, -1 where lower is. Raises StatisticsError for another word."""
    if better not in ("higher", "lower"):
        raise StatisticsError(f"{better!r}: a measure is better when it is 'higher' or 'lower'.")
    return 1.0 if better == "higher" else -1.0


def checked_level(level: float) -> float:
    """The coverage of an interval as given. Raises StatisticsError outside (0, 1)."""
    if not 0.0 < level < 1.0:
        raise StatisticsError(f"The level of an interval lies in (0, 1), not at {level}.")
    return level
