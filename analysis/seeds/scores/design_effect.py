"""How many independent cells a seed's pictures are worth, where prompts come in groups that go together.

A group of prompts (one object with many modifiers, say) may show a thing in all of its pictures or in none. The variance of
a rate over groups, against that of as many independent cells, is the design effect; the cells divided by it are what an
interval for independent cells may count with.
Source: Korn, Graubard (1998), "Confidence Intervals for Proportions with Small Expected Number of Positive Counts Estimated
from Survey Data", Survey Methodology 24, 193-201, section 2, with their factor for the degrees of freedom of the
variance; Kish (1965), "Survey Sampling", section 8.2, for the design effect.
Deviations: Wilson's interval takes the cells, not Clopper and Pearson's. A seed that has fewer events than groups, or fewer
cells without one, shows too little of how its events go together, and takes the design effect of all seeds. None is taken
as below 1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from seedscope.analysis.seeds.distances.moments import Array


def effective_cells(events: npt.NDArray[np.floating], groups: npt.ArrayLike, level: float) -> Array:
    """Cells (S,) that the cells of a grid (P, S) of 0, 1 and NaN are worth; n where each prompt is a group of its own.

    groups: (P,) labels. NaN where a seed has no cell, or several that are all of one group. Raises ValueError for another
    number of labels.
    """
    names, member = np.unique(np.asarray(groups), return_inverse=True)
    if member.shape != events.shape[:1]:
        raise ValueError(f"{member.size} labels of groups for {len(events)} prompts")
    known = ~np.isnan(events)
    found, cells = (_sums(part, member, len(names)) for part in (np.nan_to_num(events), known))
    n, among = cells.sum(axis=0), (cells > 0).sum(axis=0)
    single = (among == 1) & (n > 1)
    size = np.where((n == 0) | single, np.nan, n)
    return size * _of_freedom(size, among, level) / _design_effect(found, cells)


def _design_effect(found: Array, cells: Array) -> Array:
    """(S,), each at least 1, from events and cells (G, S)."""
    n, groups, events = cells.sum(axis=0), (cells > 0).sum(axis=0), found.sum(axis=0)
    rate = events / np.maximum(n, 1)
    over_groups = groups / np.maximum(groups - 1, 1) * ((found - rate * cells) ** 2).sum(axis=0) / np.maximum(n, 1)
    independent = n / np.maximum(n - 1, 1) * rate * (1 - rate)
    pooled = over_groups.sum() / independent.sum() if independent.any() else 1.0
    few = np.minimum(events, n - events) < groups
    own = np.divide(over_groups, independent, out=np.ones_like(rate), where=~few & (independent > 0))
    return np.asarray(np.maximum(np.where(few, pooled, own), 1.0))


def _of_freedom(n: Array, groups: npt.NDArray[np.int64], level: float) -> Array:
    """(S,) in 0..1: squared ratio of Student's t quantiles of n - 1 and of G - 1 degrees of freedom; 1 for a single cell."""
    quantiles = [stdtrit(np.maximum(count - 1, 1), 0.5 + level / 2) for count in (n, groups)]
    return np.asarray((quantiles[0] / quantiles[1]) ** 2)


def _sums(rows: npt.NDArray[np.generic], member: npt.NDArray[np.intp], groups: int) -> Array:
    """Sums (G, S) float64 over the prompts of each group, of rows (P, S)."""
    total = np.zeros((groups, rows.shape[1]))
    np.add.at(total, member, rows)
    return total
