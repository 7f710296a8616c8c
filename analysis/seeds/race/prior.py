"""How seed effects are spread beforehand: normal, or with heavier tails, as a mixture of normal draws about 0.

Source: Andrews, Mallows (1974), "Scale Mixtures of Normal Distributions": Student's t is one, over variances that are
inverse chi-square.
Deviation: the mixture over variances has few parts, one for the middle of each equally likely range.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import gammaincinv

from seedscope.analysis.seeds.distances.moments import Array

_PARTS = 8


@dataclass(frozen=True, eq=False)
class Prior:
    """ratio: (K,) variances of the normal parts, over the variance of the rest of a score; weight: (K,) their probabilities."""

    ratio: Array
    weight: Array


def student(ratio: float, freedom: float) -> Prior:
    """Seed effects of variance `ratio` by Student's t of so many degrees of freedom, above 2; infinite: normal."""
    if np.isinf(freedom):
        return Prior(np.array([ratio]), np.ones(1))
    return Prior(ratio * _variances(freedom), np.full(_PARTS, 1.0 / _PARTS))


@cache
def _variances(freedom: float) -> Array:
    """(K,) variances of Student's t as a mixture, of mean 1."""
    middles = (np.arange(_PARTS) + 0.5) / _PARTS
    variances = 1.0 / gammaincinv(freedom / 2, middles)
    return np.asarray(variances / variances.mean())
