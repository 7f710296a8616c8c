"""Chosen seeds against random and against worst ones, on prompts that took no part in choosing: the published table 1.

Source: Xu et al. (2024), arXiv 2405.14828, table 1.
Deviation: with an interval for the gain, over groups of prompts; a random seed is the mean of all seeds, which is what many
random draws come to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import t

from seedscope.analysis.seeds.scores.additive import additive_fit
from seedscope.analysis.seeds.scores.effects import Effects, mean_of, seed_effects
from seedscope.analysis.seeds.scores.scores import Scores, StatisticsError, checked_level

Positions = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Difference:
    """A set of seeds less random ones, in the score's unit; lo, hi, p (two-sided) are None where no error is known."""

    mean: float
    lo: float | None
    hi: float | None
    p: float | None


@dataclass(frozen=True)
class Compared:
    """random: mean score of all seeds. chosen, worst: the sets less that; None for an empty set. groups: of prompts."""

    random: float
    chosen: Difference | None
    worst: Difference | None
    groups: int


def compare(
    scores: Scores, prompts: npt.NDArray[np.bool_], chosen: Positions, worst: Positions, level: float = 0.95
) -> Compared | None:
    """Compare two sets of seeds, given by position, with all seeds, on the `prompts` (P,) that are true.

    None where these prompts cannot compare the seeds. Raises StatisticsError for a level outside (0, 1).
    """
    checked_level(level)
    if not prompts.any():
        return None
    try:
        fit = additive_fit(scores.only(prompts))
    except StatisticsError:
        return None
    effects = seed_effects(fit, level)
    return Compared(
        random=float(np.nanmean(fit.prompt)),
        chosen=_difference(effects, chosen),
        worst=_difference(effects, worst),
        groups=len(fit.scores.groups),
    )


def _difference(effects: Effects, seeds: Positions) -> Difference | None:
    seen = seeds[~np.isnan(effects.effect[seeds])]
    if len(seen) == 0:
        return None
    mean, se, freedom = mean_of(effects, seen)
    if np.isnan(se) or se == 0.0:
        return Difference(mean, None, None, None)
    half = float(t.ppf(0.5 + effects.level / 2, freedom)) * se
    return Difference(mean, mean - half, mean + half, float(2 * t.sf(abs(mean) / se, freedom)))
