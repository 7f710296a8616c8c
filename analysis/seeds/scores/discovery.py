"""Which seeds are better than average, among many: one-sided p-values, and q-values that hold the false discovery rate.

Source: Benjamini, Hochberg (1995), "Controlling the False Discovery Rate"; it holds under positive dependence (Benjamini,
Yekutieli 2001, theorem 1.2). Effects that sum to 0 over S seeds correlate by -1 / (S - 1), which does no visible harm
(test_confirmed.py). Where seeds are copies or opposites of each other, `arbitrary=True` holds the rate for any
dependence, at the price of a factor of about log S + 0.58 (Benjamini, Yekutieli 2001, theorem 1.3).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import false_discovery_control, t

from seedscope.analysis.direction import Better
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.effects import Effects
from seedscope.analysis.seeds.scores.scores import StatisticsError, sign


def better_than_average(effects: Effects, better: Better) -> Array:
    """One-sided p (S,) for "no better than the average seed", by Student's t; NaN where the error is unknown.

    An error of exactly 0 is no measured error: p is 1 for an effect of 0, and NaN otherwise.
    """
    flat = effects.se == 0
    ratio = sign(better) * effects.effect / np.where(flat, np.nan, effects.se)
    p = np.asarray(t.sf(ratio, effects.freedom), dtype=np.float64)
    p[flat & (effects.effect == 0)] = 1.0
    return p


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
        q[known] = false_discovery_control(given[known], method="by" if arbitrary else "bh")
    return q
