"""The rule `confirmed`: seeds that are better than average on ranking prompts, kept only if other prompts bear them out.

1. On the ranking prompts: every seed better than average at a false discovery rate of 5 % is a candidate.
2. On the confirmation prompts, which took no part in choosing: the candidates' mean advantage over random seeds, with its
   interval. Candidates are golden where the whole interval is on the good side.
"No seed is better than chance here" is the result where nothing passes: without any seed effect, in all but about 0.1 % of
studies (5 % have a candidate, and of those 2.5 % a lucky confirmation).

Source: Benjamini, Hochberg (1995) and the clustered errors of `seeds.effects`; Cox (1975) for the split.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import t

from seedscope.analysis.direction import Better
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.discovery import better_than_average, q_values
from seedscope.analysis.seeds.scores.effects import Effects, mean_of
from seedscope.analysis.seeds.scores.scores import StatisticsError, checked_level, sign


@dataclass(frozen=True)
class Advantage:
    """Mean score of the candidates less that of random seeds (the mean of all), positive where better, in the score's unit.

    se, freedom, lo, hi: its clustered error and Student's t interval. p: one-sided, for "no better than random seeds".
    seeds: candidates that have scores on the confirmation prompts. groups: groups of confirmation prompts.
    """

    mean: float
    se: float
    freedom: float
    lo: float
    hi: float
    p: float
    seeds: int
    groups: int


@dataclass(frozen=True, eq=False)
class Confirmed:
    """seeds: indices of the golden seeds, best on the ranking prompts first; empty where no seed is better than chance.

    passed: how many are better than average on the ranking prompts. candidates: indices of the best of these, as many as
    were asked for, best first. advantage: theirs on the confirmation prompts; None where there is no candidate, or no error
    of its advantage (one group of prompts). q: (S,) q-values on the ranking prompts, NaN where unknown. rate: false
    discovery rate among those that passed. tested: seeds with a p-value.
    """

    seeds: tuple[int, ...]
    candidates: tuple[int, ...]
    advantage: Advantage | None
    q: Array
    passed: int
    rate: float
    tested: int


def confirmed(
    ranking: Effects,
    confirmation: Effects,
    better: Better,
    rate: float = 0.05,
    level: float = 0.95,
    most: int | None = None,
) -> Confirmed:
    """Choose by the effects on the ranking prompts, confirm by those on the others (both from `split.effects_of_parts`).

    At most so many candidates, the best ones, are confirmed; None: all.
    Raises StatisticsError for a rate or a level outside (0, 1).
    """
    if not 0.0 < rate < 1.0:
        raise StatisticsError(f"A false discovery rate lies in (0, 1), not at {rate}.")
    checked_level(level)
    q = q_values(better_than_average(ranking, better))
    passed = np.flatnonzero(q <= rate)
    candidates = passed[np.argsort(-sign(better) * ranking.effect[passed], kind="stable")][:most]
    advantage = advantage_of(confirmation, candidates, better, level)
    names = tuple(int(seed) for seed in candidates)
    golden = names if advantage is not None and advantage.lo > 0 else ()
    return Confirmed(golden, names, advantage, q, len(passed), rate, int((~np.isnan(q)).sum()))


def advantage_of(effects: Effects, candidates: npt.NDArray[np.intp], better: Better, level: float) -> Advantage | None:
    """What the candidates are worth on prompts that did not choose them; None without an error to judge it by.

    Where all seeds are the same on these prompts it is exactly 0, with p = 1.
    """
    seen = candidates[~np.isnan(effects.se[candidates])]
    if len(seen) == 0:
        return None
    effect, se, freedom = mean_of(effects, seen)
    if se == 0.0 and effect != 0.0:
        return None
    mean = sign(better) * effect
    half = float(t.ppf(0.5 + level / 2, freedom)) * se
    p = float(t.sf(mean / se, freedom)) if se else 1.0
    return Advantage(mean, se, freedom, mean - half, mean + half, p, len(seen), len(effects.influence))
