"""Seeds that lie far off all others, such as one of black pictures, take no part in the shuffles of the others' scores.

A shuffle asks what seeds would be like if they did not differ. A seed that is off by many times what scores vary gives each
shuffled seed a few scores of its own, which no real seed has: errors grow, and what the other seeds have by chance looks rare.
In 300 to 1,500 simulated studies with one of 24 seeds far off, one of the other, equal ones was "golden" in 48 % at -100 s.d.
with 24 prompts, in 34 % at -10 s.d. with 8, in 65 % with 3; with it left out in 0 to 1.3 %, and a candidate in 3 to 7 % (300
studies each, s.d. 1.3 %), where its values are five times as unsteady too.
Two groups of prompts do not show that a seed is far off, so that of such a seed, and where there are no others, nothing is
claimed: at -10 s.d. others would be candidates in three of four studies, golden in one of ten. A seed in one or two of more
groups is left out of the shuffles, as it may be far off.
Groups of unequal size show less of a seed's luck with them (`Shuffled.seen`): of 50, 1 and 1 prompts an error shows a quarter.
Taken for the whole, it made seeds far off that were not, and a seed golden in 24 to 35 % of studies without any seed effect;
it is in 0.1 to 0.4 %.
A seed that is far off may be so by chance, so it is no better than the shuffles of all seeds say as well (`score_null`). Where
it is truly good, it is a discovery itself, and a false discovery rate of 5 % lets more of the others pass: in 6 to 13 % of
studies one of them is a candidate, in 0 to 2 % golden.
Source: Romano, Wolf (2005), "Exact and Approximate Stepdown Methods for Multiple Hypothesis Testing": what is rejected leaves
the null of the rest.
Deviation: what is left out is not what a test rejects, but what lies far off.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.additive import AdditiveFit, additive_fit
from seedscope.analysis.seeds.scores.far_seeds import broken_seeds, far_seeds
from seedscope.analysis.seeds.scores.scores import StatisticsError
from seedscope.analysis.seeds.scores.shuffle import Sampled, Shuffled, shuffled

FAR = 2.0
"""Off the median seed by so many times the spread of a seed's values over groups of prompts."""


def shuffled_alike(fit: AdditiveFit, rng: np.random.Generator, shuffles: int) -> Shuffled:
    """As `shuffled`, with the scores of those seeds alone that are not far off all others; of these, the errors too.

    Seeds of which nothing can be claimed are left out as well, where there are others.
    """
    found = shuffled(fit, rng, shuffles)
    out = far_off(found)
    if found.judged.any():
        out |= found.known & ~found.judged
    if not out.any():
        return found
    try:
        others = shuffled(additive_fit(fit.scores.without(out)), rng, shuffles)
    except StatisticsError:  # what is left cannot be compared
        return found if found.judged[found.known].all() else replace(found, judged=np.zeros_like(found.judged))
    alike = others.known
    effect = np.where(alike, others.observed.effect, found.observed.effect - _shift(found, others))
    error = np.where(alike, others.observed.error, found.observed.error)
    return replace(found, observed=Sampled(effect, error), chance=others.chance, alike=alike, whole=found)


def far_off(shuffle: Shuffled) -> npt.NDArray[np.bool_]:
    """(S,) true for seeds that lie far off all others; none, where they are half of the seeds or more."""
    return far_seeds(shuffle.observed.effect, shuffle.observed.error, _times(shuffle), shuffle.judged)


def broken(fit: AdditiveFit) -> npt.NDArray[np.bool_]:
    """(S,) true for those that are as far off by how seeds differ, too: no draws of what the others are draws of."""
    found = shuffled(fit, np.random.default_rng(0), 1)  # of the seeds as they are: the shuffle is not looked at
    return broken_seeds(found.observed.effect, found.observed.error, _times(found), found.judged)


def _times(shuffle: Shuffled) -> Array:
    return FAR * np.sqrt((shuffle.freedom + 1.0) / shuffle.seen)


def _shift(found: Shuffled, others: Shuffled) -> float:
    """How much higher effects of the same seeds are among all than among themselves."""
    return float(np.mean((found.observed.effect - others.observed.effect)[others.known]))
