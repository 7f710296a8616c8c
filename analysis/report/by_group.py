"""How seeds fare with each group of prompts: the golden ones beside all, and which do best and worst there.

Intervals are over the prompts of the group, Student's t. They say how sure the difference is on such prompts; they do not take
off that the golden seeds were chosen by these very prompts, or that the best of many seeds is the luckiest too.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from seedscope.analysis.direction import Better
from seedscope.analysis.report.data import Estimate, ReportData
from seedscope.pipeline.spreadsheets import Row

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GroupRow:
    """A group of prompts. mean: of all its pictures. golden: mean of the golden seeds less that of all, None without golden
    seeds. best, worst: (seed, its mean less that of all seeds); where no direction is good the highest and the lowest."""

    group: str
    prompts: int
    mean: float | None
    golden: Estimate
    best: tuple[int, float] | None
    worst: tuple[int, float] | None


def by_group(data: ReportData) -> dict[str, list[GroupRow]]:
    """Measure -> a row for each group, by name; empty where no group of several prompts is named."""
    members: dict[str, list[int]] = {}
    for prompt, group in data.groups.items():
        members.setdefault(group, []).append(data.places[prompt])
    if len(members) < 2 or max(map(len, members.values())) < 2:
        return {}
    better = {measured.name: measured.better for measured in data.measures}
    golden = set(data.golden.seeds) if data.golden else set()
    return {
        scores.measure: [
            _row(group, scores.values[members[group]].astype(np.float64), scores.seeds, golden, better[scores.measure])
            for group in sorted(members)
        ]
        for scores in data.scores
        if scores.measure in better
    }


def group_rows(data: ReportData) -> Iterator[Row]:
    """For the CSV file, in the order of `GROUP_COLUMNS`."""
    for measure, rows in by_group(data).items():
        for row in rows:
            ends = row.golden.interval or (None, None)
            best, worst = (each or (None, None) for each in (row.best, row.worst))
            yield (measure, row.group, row.prompts, row.mean, row.golden.value, *ends, *best, *worst)


GROUP_COLUMNS = (
    *("measure", "group", "prompts", "mean", "golden_gain", "golden_gain_low", "golden_gain_high"),
    *("best_seed", "best_gain", "worst_seed", "worst_gain"),
)


def _row(group: str, values: Values, seeds: Sequence[int], golden: set[int], better: Better | None) -> GroupRow:
    """values: (P, S) of the group's prompts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # means of nothing are NaN
        apart = values - np.nanmean(values, axis=1, keepdims=True)
        of_seeds = np.nanmean(apart, axis=0)
        chosen = np.nanmean(apart[:, [seed in golden for seed in seeds]], axis=1)
        mean = np.nanmean(values)
    known = np.flatnonzero(np.isfinite(of_seeds))
    order = known[np.argsort(of_seeds[known], kind="stable")]
    if better != "lower":
        order = order[::-1]
    ends = [(seeds[place], float(of_seeds[place])) for place in (order[[0, -1]] if len(order) > 1 else ())]
    return GroupRow(
        group,
        len(values),
        float(mean) if np.isfinite(mean) else None,
        _mean(chosen[np.isfinite(chosen)]),
        ends[0] if ends else None,
        ends[1] if ends else None,
    )


def _mean(differences: Values) -> Estimate:
    """With its interval over prompts, of two at least."""
    n = len(differences)
    if n < 2:
        return Estimate(float(differences[0]) if n else None)
    half = stdtrit(n - 1, 0.975) * differences.std(ddof=1) / np.sqrt(n)
    mean = float(differences.mean())
    return Estimate(mean, (mean - float(half), mean + float(half)))
