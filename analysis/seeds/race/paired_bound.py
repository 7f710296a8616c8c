"""By how much the best seed that is out may be better than the worst that is chosen, whenever one looks.

Two seeds are compared on the prompts that both have, where what a prompt adds to both drops out. The bound holds for all pairs
of a chosen and another seed, and after every round, at once: a race may stop as soon as it says so.
Source: Kalyanakrishnan, Tewari, Auer, Stone (2012), "PAC Subset Selection in Stochastic Multi-armed Bandits" (LUCB:
weakest chosen against strongest other); Howard, Ramdas, McAuliffe, Sekhon (2021), "Time-uniform, Nonparametric, Nonasymptotic
Confidence Sequences" (two-sided normal mixture, and where it is narrowest).
Deviation: bounds on paired differences, all pairs by Bonferroni, in place of bounds on each seed. The variance of the rest is
one for all seeds, estimated from all cells and taken as known.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import lambertw

from seedscope.analysis.seeds.distances.moments import Array


def lucb_gap(
    scores: Array, chosen: npt.NDArray[np.bool_], noise: float, prompts: int, alpha: float = 0.05
) -> tuple[float, int, int]:
    """Upper bound of the lead of a seed that is not chosen over one that is, and the pair: (gap, chosen, other), by index.

    At 0 or below all chosen seeds are better than all others, with a probability of 1 - alpha over all looks.
    scores: (P, S) float64, higher is better, NaN where there is none. chosen: (S,) bool, some and not all. noise: variance of
    the rest of a score (`RaceEffects.noise`). prompts: about as many as a pair will have in the end, the same at every look:
    the bound is narrowest there. Pairs without a common prompt have no bound, and the gap is infinite.
    """
    present = (~np.isnan(scores)).astype(np.float64)
    known = np.where(present > 0, scores, 0.0)
    mine, others = np.flatnonzero(chosen), np.flatnonzero(~chosen)
    both = present[:, mine].T @ present[:, others]
    lead = present[:, mine].T @ known[:, others] - known[:, mine].T @ present[:, others]
    with np.errstate(divide="ignore", invalid="ignore"):
        width = np.sqrt(2 * noise) * _width(both, _narrowest_at(prompts, alpha / both.size), alpha / both.size)
        bound = np.where(both > 0, lead / both + width, np.inf)
    worst, other = np.unravel_index(int(bound.argmax()), bound.shape)
    return float(bound[worst, other]), int(mine[worst]), int(others[other])


def _width(n: Array, rho: float, alpha: float) -> Array:
    """Half width of a bound on a mean of n normal differences of variance 1, for all n at once."""
    return np.asarray(np.sqrt((n + rho) * np.log((n + rho) / (rho * alpha**2))) / n)


def _narrowest_at(n: int, alpha: float) -> float:
    """The `rho` with which the bound is narrowest at n."""
    return n / (-float(lambertw(-(alpha**2) / np.e, -1).real) - 1.0)
