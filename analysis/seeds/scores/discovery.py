"""Which seeds are better than the median seed, among many: q-values that hold the false discovery rate.

Source: Benjamini, Hochberg (1995), "Controlling the False Discovery Rate"; it holds under positive dependence (Benjamini,
Yekutieli 2001, theorem 1.2). Effects over one median are as good as independent for many seeds, which does no visible harm
(benchmarks/claims.py: candidates in 2.4 to 5.7 % of studies without any effect). Where seeds are copies or opposites of each
other, `arbitrary=True` holds the rate for any dependence, at the price of a factor of about log S + 0.58 (Benjamini, Yekutieli
2001, theorem 1.3).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.scores import StatisticsError


def q_values(p: npt.ArrayLike, arbitrary: bool = False) -> Array:
    """Benjamini-Hochberg adjusted p-values (S,): the smallest false discovery rate at which each would be found.

    NaN stays NaN and does not count as a test. Raises StatisticsError for p outside [0, 1] or not (S,).
    """
    given = np.asarray(p, dtype=np.float64)
    known = ~np.isnan(given)
    if given.ndim != 1 or (given[known] < 0).any() or (given[known] > 1).any():
        raise StatisticsError(f"p-values of shape {given.shape}: need (S,) within [0, 1].")
    q = np.full(given.shape, np.nan)
    if known.any():
        from scipy.stats import false_discovery_control  # takes longer to import than a command that needs none of it

        q[known] = false_discovery_control(given[known], method="by" if arbitrary else "bh")
    return q
