"""How often chance does as well: the p-value of a shuffle test.

Source: Phipson, Smyth (2010), "Permutation P-values Should Never Be Zero": (b + 1) / (m + 1).
"""

from __future__ import annotations

import numpy as np

from seedscope.analysis.seeds.distances.moments import Array


def p_values(observed: Array, chance: Array) -> Array:
    """(N,) the share of ascending chance values (M,) that are at least as large as each of observed (N,), which counts too.

    What differs by rounding alone is as large. In [1 / (M + 1), 1].
    """
    tolerance = 1e-9 * np.where(np.isfinite(observed), np.abs(observed), 0.0)
    smaller = np.searchsorted(chance, observed - tolerance, side="left")
    return np.asarray((len(chance) - smaller + 1) / (len(chance) + 1))
