"""The rule `pareto`: seeds that no other surpasses in all measures, where they are better than chance and halves bear them out.

Some seeds are always on the Pareto front, even of noise. So a place on it is no evidence, and is asked for last:
1. A seed passes where it is better than the median seed in at least one measure, and measured to be so by no less than the
   smallest effect that matters: its smallest p-value times the number of measures, with the false discovery rate over all
   seeds held at 5 %. One whose interval lies on the bad side of the median seed in any measure drops out.
2. Candidates are the Pareto front of what is left, without seeds that may not be golden: those that no other of them equals in
   all measures and beats in one.
3. Golden are those candidates that are better at a rate of 0.5 %, and whose clearest measure is borne out by prompts halved
   again and again, as in the rule `confirmed`.
Without any seed effect about 5 % of studies have a candidate, and 0.5 % a golden seed (benchmarks/claims.py).

Source: Pareto (1906), "Manuale di economia politica", and Miettinen (1999), "Nonlinear Multiobjective Optimization", definition
2.2.1, for the front; Benjamini, Heller (2008), "Screening for Partial Conjunction Hypotheses", for "better in at least one" of
several tests of each seed, by Bonferroni and then Benjamini, Hochberg (1995) over seeds. It holds however measures depend on
each other, opposites included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.discovery import q_values
from seedscope.analysis.seeds.scores.scores import StatisticsError
from seedscope.analysis.select.confirmed import CANDIDATES, GOLDEN, Advantage, Evidence


@dataclass(frozen=True, eq=False)
class Pareto:
    """seeds: indices of the golden seeds, those with the clearest evidence first; perhaps none.

    passed: how many are better in at least one measure; slight: how many more would be, if effects too small to matter counted.
    sound: how many of those that passed are worse in none; barred: indices of those among them that may not be golden. front:
    how many of the others none of them surpasses. sure: how many of these are so at the stricter rate. borne_out: how many of
    these the halves bear out.
    advantages: of the golden seeds, one a measure; empty without any. q: (S,) q-values of "better in none", NaN where unknown.
    tested: seeds with a p-value in every measure.
    """

    seeds: tuple[int, ...]
    passed: int
    slight: int
    sound: int
    barred: tuple[int, ...]
    front: int
    sure: int
    borne_out: int
    advantages: tuple[Advantage, ...]
    q: Array
    tested: int


def pareto(
    measures: Sequence[Evidence],
    most: int | None = None,
    without: Sequence[int] = (),
    rates: tuple[float, float] = (CANDIDATES, GOLDEN),
) -> Pareto:
    """Choose by several measures of the same S seeds; at most `most` golden seeds, those with the clearest evidence; None: all.

    without: indices of seeds that may not be golden. rates: false discovery rates of candidates and of golden seeds.
    Raises StatisticsError for no measure, measures of different seeds, or rates outside (0, 1).
    """
    if len({len(item.null.p) for item in measures}) != 1:
        raise StatisticsError("A Pareto front takes at least one measure, and all of the same seeds.")
    if not all(0.0 < rate < 1.0 for rate in rates):
        raise StatisticsError(f"A false discovery rate lies in (0, 1), not at {rates[0]} and {rates[1]}.")
    each = np.column_stack([np.where(item.matters, item.null.p, 1.0 + 0.0 * item.null.p) for item in measures])
    p = _in_one(each)
    q = q_values(p)
    passed = q <= rates[0]
    better = q_values(_in_one(np.column_stack([item.null.p for item in measures]))) <= rates[0]
    sound = np.flatnonzero(passed & ~np.logical_or.reduce([_worse(item) for item in measures])).tolist()
    free = [seed for seed in sound if seed not in without]
    front = np.array(free, np.intp)[pareto_front(np.column_stack([item.good[free] for item in measures]))]
    sure = [int(seed) for seed in front[np.argsort(p[front], kind="stable")] if q[seed] <= rates[1]]
    clearest = each.argmin(axis=1, keepdims=True)
    borne_out = np.take_along_axis(np.column_stack([item.borne_out for item in measures]), clearest, axis=1)[:, 0]
    stand, tested = [seed for seed in sure if borne_out[seed]], int((~np.isnan(q)).sum())
    golden = stand[:most]
    level = rates[1] * max(int((q <= rates[1]).sum()), 1) / max(tested, 1) / len(measures)
    return Pareto(
        seeds=tuple(golden),
        passed=int(passed.sum()),
        slight=int((better & ~passed).sum()),
        sound=len(sound),
        barred=tuple(seed for seed in sound if seed in without),
        front=len(front),
        sure=len(sure),
        borne_out=len(stand),
        advantages=tuple(item.advantage(golden, level) for item in measures) if golden else (),
        q=q,
        tested=tested,
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


def _in_one(p: Array) -> Array:
    """(S,) p-values of "better in no measure", from those by each (S, M), by Bonferroni."""
    return np.asarray(np.minimum(p.shape[1] * p.min(axis=1), 1.0))


def _worse(evidence: Evidence) -> npt.NDArray[np.bool_]:
    """(S,) true where the whole interval lies on the bad side of the median seed."""
    low, high = evidence.null.intervals(evidence.null.alone)
    return np.asarray(high < 0 if evidence.better == "higher" else low > 0)
