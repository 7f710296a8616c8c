"""The ranking of a report: where each seed stands by each measurement, and the columns that the page's table is made from."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seedscope.analysis.report.data import Estimate, Interval, Measured, ReportData, SeedValue
from seedscope.analysis.report.whiskers import Axis
from seedscope.analysis.report.wording import Digits

Number = float | int | None


@dataclass(frozen=True)
class MeasureStanding:
    """One measurement, and what all pages need of it.

    ranks: seed -> rank, 1 is best; of seeds with a value. chance: the effects from chance's worst to chance's best, None where
    not known: within them lies what luck alone gives the seeds at both ends. axis: on which the effects of all seeds lie.
    """

    measured: Measured
    digits: Digits
    ranks: Mapping[int, int]
    chance: Interval | None
    axis: Axis


def standings(data: ReportData) -> list[MeasureStanding]:
    """Of each measurement of the data, in its order."""
    result = []
    for measured in data.measures:
        chance = _chance_effects(measured)
        effects = (value.effect for value in measured.seeds.values())
        axis = Axis.over(effects, 0.0, *(chance or ()))
        result.append(MeasureStanding(measured, Digits.of(measured), ranks(measured, data), chance, axis))
    return result


def all_seeds(data: ReportData) -> list[int]:
    """Every seed that the report knows anything of, ascending; each has a page."""
    known = set(data.ranked) | set(data.layout) | {seed for measured in data.measures for seed in measured.seeds}
    known |= {seed for task in data.text for seed in task.seeds} | {
        seed for each in data.diverse for seed in each.seeds
    }
    if data.style is not None:
        known |= set(data.style.places)
    if data.golden is not None:
        known |= set(data.golden.seeds)
    return sorted(known)


def ranks(measured: Measured, data: ReportData) -> dict[int, int]:
    """Seed -> rank, 1 is best: the run's own ranking for its measure, `worth` for the others.

    Seeds without a value have no rank; equal neighbours share one. Where no direction is good, 1 is the highest.
    """
    if measured.name == data.by:
        order = [seed for seed in data.ranked if seed in measured.seeds]
    else:
        values = {seed: worth(value) for seed, value in measured.seeds.items()}
        known = {seed: value for seed, value in values.items() if value is not None}
        order = sorted(known, key=known.__getitem__, reverse=measured.better != "lower")
    by_seed: dict[int, int] = {}
    for place, seed in enumerate(order, start=1):
        before = order[place - 2] if place > 1 else None
        tied = before is not None and _tied(measured.seeds[before], measured.seeds[seed])
        by_seed[seed] = by_seed[before] if before is not None and tied else place
    return by_seed


def _tied(one: SeedValue, other: SeedValue) -> bool:
    """Whether two effects are the same but for rounding."""
    if one.effect.value is None or other.effect.value is None:
        return False
    return math.isclose(one.effect.value, other.effect.value, rel_tol=1e-9, abs_tol=1e-12)


def worth(value: SeedValue) -> float | None:
    """By what a seed is ranked: the first of shrunk effect, effect and value that is defined."""
    return next((each.value for each in (value.shrunk, value.effect, value.value) if each.value is not None), None)


def _chance_effects(measured: Measured) -> Interval | None:
    if measured.best is None or measured.worst is None or measured.mean is None:
        return None
    ends = [*measured.best, *measured.worst]
    return min(ends) - measured.mean, max(ends) - measured.mean


def columns(standing: MeasureStanding) -> dict[str, Any]:
    """One measurement for the page's table, a list for each column in the order of its `seeds`, as JSON values.

    Numbers are rounded to one digit more than is shown, so that a thousand seeds take few bytes; percentages are multiplied.
    """
    digits = standing.digits
    seeds = sorted(standing.measured.seeds)
    values = [standing.measured.seeds[seed] for seed in seeds]

    def rounded(number: float | None) -> Number:
        return None if number is None else round(number * digits.factor, digits.decimals + 1)

    def ends(pick: Callable[[SeedValue], Estimate], side: int) -> list[Number]:
        intervals = (pick(value).interval for value in values)
        return [None if interval is None else rounded(interval[side]) for interval in intervals]

    return {
        "decimals": digits.decimals,
        "chance": None if standing.chance is None else [rounded(end) for end in standing.chance],
        "seeds": names(seeds),
        "columns": {
            "rank": [standing.ranks.get(seed) for seed in seeds],
            "effect": [rounded(value.effect.value) for value in values],
            "low": ends(lambda value: value.effect, 0),
            "high": ends(lambda value: value.effect, 1),
            "value": [rounded(value.value.value) for value in values],
            "shrunk": [rounded(value.shrunk.value) for value in values],
            "q": [_significant(value.q) for value in values],
            "top": [
                _significant(value.resampled if value.probability is None else value.probability) for value in values
            ],
            "n": _once([value.n for value in values]),
        },
    }


def names(seeds: Iterable[int]) -> list[str]:
    """Seeds as the page's scripts know them: as text, because their numbers are exact to 2^53 only."""
    return [str(seed) for seed in seeds]


def _significant(number: float | None) -> Number:
    return None if number is None else float(f"{number:.3g}")


def _once(numbers: Sequence[int]) -> Sequence[int] | int:
    """One number where all are the same."""
    return numbers[0] if numbers and len(set(numbers)) == 1 else numbers
