"""The rule `pareto`: seeds that no other surpasses in all measures, where they are better than chance and others bear them out.

Some seeds are always on the Pareto front, even of noise. So a place on it is no evidence, and is asked for last:
1. On the ranking prompts a seed passes where it is better than average in at least one measure: its smallest p-value times
   the number of measures, with the false discovery rate over all seeds held at 5 %. One whose interval lies on the bad side
   of the average in any measure drops out.
2. Candidates are the Pareto front of what is left: those that no other of them equals in all measures and beats in one.
3. On the confirmation prompts, which took no part in choosing: the candidates' mean advantage over random seeds in each
   measure, with intervals that hold for all measures together. They are golden where at least one interval is on the good
   side and none on the bad one.
Without any seed effect the list is empty in all but about 0.1 % of studies: 5 % have a candidate, and of those 2.5 % a lucky
confirmation.

Source: Pareto (1906), "Manuale di economia politica", and Miettinen (1999), "Nonlinear Multiobjective Optimization", definition
2.2.1, for the front; Benjamini, Heller (2008), "Screening for Partial Conjunction Hypotheses", for "better in at least one" of
several tests of each seed, by Bonferroni and then Benjamini, Hochberg (1995) over seeds; Bonferroni again for intervals that
hold together. It holds however measures depend on each other, opposites included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.direction import Better
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.discovery import better_than_average, q_values
from seedscope.analysis.seeds.scores.effects import Effects
from seedscope.analysis.seeds.scores.scores import StatisticsError, checked_level, sign
from seedscope.analysis.select.confirmed import Advantage, advantage_of


@dataclass(frozen=True, eq=False)
class ParetoMeasure:
    """Effects of the same S seeds on the ranking prompts and on the others (from `split.effects_of_parts`)."""

    ranking: Effects
    confirmation: Effects
    better: Better


@dataclass(frozen=True, eq=False)
class Pareto:
    """seeds: indices of the golden seeds, those with the clearest evidence on the ranking prompts first; perhaps none.

    passed: how many are better than average in at least one measure. sound: how many of these are worse in none. front: how
    many of those no other surpasses. candidates: indices of the front's clearest, as many as were asked for. advantages: the
    candidates', one a measure, at `level` each; None where there is no candidate, or no error to judge by. q: (S,)
    q-values of "better in none", NaN where unknown. rate: false discovery rate among those that passed. tested: seeds with a
    p-value in every measure.
    """

    seeds: tuple[int, ...]
    candidates: tuple[int, ...]
    advantages: tuple[Advantage | None, ...]
    level: float
    q: Array
    passed: int
    sound: int
    front: int
    rate: float
    tested: int


def pareto(
    measures: Sequence[ParetoMeasure], rate: float = 0.05, level: float = 0.95, most: int | None = None
) -> Pareto:
    """Choose by the effects on the ranking prompts, confirm by those on the others; at most `most` candidates, None: all.

    level: that of the intervals of all measures together.
    Raises StatisticsError for no measure, measures of different seeds, or a rate or a level outside (0, 1).
    """
    if len({len(item.ranking.effect) for item in measures}) != 1:
        raise StatisticsError("A Pareto front takes at least one measure, and all of the same seeds.")
    if not 0.0 < rate < 1.0:
        raise StatisticsError(f"A false discovery rate lies in (0, 1), not at {rate}.")
    p = _better_in_one(measures)
    q = q_values(p)
    passed = q <= rate
    sound = np.flatnonzero(passed & ~np.logical_or.reduce([_worse(item.ranking, item.better) for item in measures]))
    good = np.column_stack([sign(item.better) * item.ranking.effect[sound] for item in measures])
    front = sound[pareto_front(good)]
    candidates = front[np.argsort(p[front], kind="stable")][:most]
    each = 1.0 - (1.0 - checked_level(level)) / len(measures)
    advantages = tuple(advantage_of(item.confirmation, candidates, item.better, each) for item in measures)
    names = tuple(int(seed) for seed in candidates)
    return Pareto(
        names if _borne_out(advantages) else (),
        names,
        advantages,
        each,
        q,
        int(passed.sum()),
        len(sound),
        len(front),
        rate,
        int((~np.isnan(q)).sum()),
    )


def pareto_front(values: Array) -> npt.NDArray[np.bool_]:
    """(S,) true for rows of values (S, M), higher is better, that no other row equals everywhere and surpasses somewhere.

    Equal rows do not surpass each other. O(S^2 M). Raises ValueError for values that are not a finite (S, M).
    """
    if values.ndim != 2 or not np.isfinite(values).all():
        raise ValueError(f"values of shape {values.shape}: need (S, M), all of them finite")
    front = np.empty(len(values), np.bool_)
    for i, row in enumerate(values):
        front[i] = not ((values >= row).all(axis=1) & (values > row).any(axis=1)).any()
    return front


def _better_in_one(measures: Sequence[ParetoMeasure]) -> Array:
    """p (S,) of "better than average in none"; NaN where a measure has no error, since there nobody knows if it is worse."""
    p = np.column_stack([better_than_average(item.ranking, item.better) for item in measures])
    return np.asarray(np.minimum(len(measures) * p.min(axis=1), 1.0))


def _worse(effects: Effects, better: Better) -> npt.NDArray[np.bool_]:
    """(S,) true where the whole interval lies on the bad side of the average."""
    return np.asarray(effects.hi < 0 if better == "higher" else effects.lo > 0)


def _borne_out(advantages: Sequence[Advantage | None]) -> bool:
    known = [found for found in advantages if found is not None]
    return (
        len(known) == len(advantages)
        and any(found.lo > 0 for found in known)
        and not any(found.hi < 0 for found in known)
    )
