"""What the report's main page shows: everything that its template needs, computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seedscope.analysis.report import heat, plots, sections
from seedscope.analysis.report.by_group import GroupRow, by_group
from seedscope.analysis.report.data import Comparison, Estimate, Measured, ReportData
from seedscope.analysis.report.first_look import first_look
from seedscope.analysis.report.pictures import MOST_STRIPS
from seedscope.analysis.report.plots import Figure
from seedscope.analysis.report.standings import MeasureStanding, names
from seedscope.analysis.report.strips import Strips
from seedscope.analysis.report.whiskers import Axis, Whisker
from seedscope.analysis.report.wording import Digits

HIGHEST = 5


@dataclass(frozen=True)
class StripRow:
    """One seed of the picture strips."""

    seed: int
    rank: int
    effect: str
    interval: str
    whisker: Whisker


@dataclass(frozen=True)
class ComparisonRow:
    """One measurement of the table golden / random / worst; numbers with their intervals."""

    title: str
    better: str
    cells: Sequence[tuple[str, str]]
    gain: tuple[str, str]
    clear: bool
    whiskers: Sequence[tuple[str, Whisker]]


@dataclass(frozen=True)
class Look:
    """One rate: its figure, and the seeds that show it most."""

    measured: Measured
    digits: Digits
    figure: Figure
    highest: Sequence[tuple[int, str]]


def index_page(
    data: ReportData, seeds: Sequence[int], strips: Strips, standings: Sequence[MeasureStanding]
) -> dict[str, Any]:
    """The template's variables."""
    figures, groups = _figures(data), by_group(data)
    main = sections.ranking_measure(data)
    of_main = next((standing for standing in standings if standing.measured is main), None)
    best, worst = _strip_rows(data, of_main)
    return {
        "data": data,
        "seeds": seeds,
        "strips": strips,
        "sections": sections.present(data),
        "first": first_look(data),
        "absences": sections.absences(data),
        "main": main,
        "digits": {standing.measured.name: standing.digits for standing in standings},
        "figures": figures,
        "comparisons": [
            _comparison(comparison, data) for comparison in (data.golden.comparisons if data.golden else ())
        ],
        "distances": [
            (measured, distance)
            for distance in data.distances
            for measured in data.measures
            if measured.name == distance.measure
        ],
        "best": best,
        "worst": worst,
        "zero": of_main.axis.place(0) if of_main else 0,
        "band": of_main.axis.band(of_main.chance) if of_main else None,
        "stable": sections.main_stability(data),
        "looks": _looks(data, figures),
        "mean_heat": _mean_heat(data),
        "chance_box": heat.chance_box(data.layout),
        "full_pictures": sum(len(places) for of_seeds in strips.full.values() for places in of_seeds.values()),
        "missing_pictures": sum(map(len, strips.missing.values())),
        "groups": groups,
        "script": _script(data, figures, strips, main) | {"groups": _groups(data, groups)},
    }


def _figures(data: ReportData) -> dict[str, Figure]:
    golden = data.golden.seeds if data.golden else ()
    drawn = []
    if any(measured.shares for measured in data.measures):
        drawn.append(plots.shares(data.measures))
    if (stable := sections.main_stability(data)) is not None:
        drawn.append(plots.stability(*stable, golden))
    if data.style is not None:
        drawn.append(plots.style_map(data.style, golden))
    if data.layout:
        drawn.append(plots.positions(data.layout, heat.chance_box(data.layout)))
    drawn += [plots.rates(measured) for measured in sections.looks(data)]
    drawn += [plots.text_rates(task, place) for place, task in enumerate(data.text)]
    return {figure.name: figure for figure in drawn}


def _strip_rows(data: ReportData, standing: MeasureStanding | None) -> tuple[list[StripRow], list[StripRow]]:
    """The best and the worst seeds of the ranking, best first."""
    number = min(MOST_STRIPS, len(data.ranked) // 2) or len(data.ranked)
    digits, axis = (standing.digits, standing.axis) if standing else (Digits(2), Axis(0, 1))

    def row(rank: int) -> StripRow:
        seed = data.ranked[rank - 1]
        known = standing is not None and seed in standing.measured.seeds
        effect = standing.measured.seeds[seed].effect if standing and known else Estimate(None)
        interval = digits.interval(effect.interval, signed=True)
        shared = standing.ranks.get(seed, rank) if standing else rank
        return StripRow(seed, shared, digits.signed(effect.value), interval, axis.whisker(effect))

    last = len(data.ranked)
    return [row(rank) for rank in range(1, number + 1)], [
        row(r) for r in range(max(number, last - number) + 1, last + 1)
    ]


def _comparison(comparison: Comparison, data: ReportData) -> ComparisonRow:
    measured = next((measured for measured in data.measures if measured.name == comparison.measure), None)
    groups = {"golden": comparison.golden, "random": comparison.random, "worst": comparison.worst}
    digits = Digits.of(measured) if measured else Digits.for_values(*(each.value for each in groups.values()))
    axis = Axis.over(groups.values())
    gain = comparison.gain.interval
    return ComparisonRow(
        title=measured.title if measured else comparison.measure,
        better=f"{measured.better} is better" if measured and measured.better else "",
        cells=[
            (digits.plain(each.value), digits.interval(each.interval) if each.interval else "")
            for each in groups.values()
        ],
        gain=(digits.signed(comparison.gain.value), digits.interval(gain, signed=True) if gain else ""),
        clear=gain is not None and (gain[0] > 0 or gain[1] < 0),
        whiskers=[(name, axis.whisker(estimate)) for name, estimate in groups.items()],
    )


def _looks(data: ReportData, figures: dict[str, Figure]) -> list[Look]:
    looks = []
    for measured in sections.looks(data):
        digits = Digits.of(measured)
        rates = {seed: each.value for seed, each in measured.seeds.items() if each.value.value is not None}
        most = sorted(rates, key=lambda seed: -(rates[seed].value or 0.0))[:HIGHEST]
        highest = [(seed, digits.estimate(rates[seed])) for seed in most]
        looks.append(Look(measured, digits, figures[f"rate-{measured.name}"], highest))
    return looks


def _mean_heat(data: ReportData) -> dict[str, Any] | None:
    mean = heat.mean_heat(data.layout)
    return None if mean is None else heat.encoded(mean)


def _groups(data: ReportData, groups: Mapping[str, Sequence[GroupRow]]) -> dict[str, Any]:
    """Rates as percentages, numbers with one digit more than is shown."""
    found: dict[str, Any] = {}
    for measured in data.measures:
        if measured.name not in groups:
            continue
        digits = Digits.of(measured)

        def rounded(number: float | None, digits: Digits = digits) -> float | None:
            return None if number is None else round(number * digits.factor, digits.decimals + 1)

        def seed(end: tuple[int, float] | None, rounded: Any = rounded) -> list[Any] | None:
            return None if end is None else [str(end[0]), rounded(end[1])]

        found[measured.name] = {
            "decimals": digits.decimals,
            "rows": [
                {
                    **{"group": row.group, "prompts": row.prompts, "mean": rounded(row.mean)},
                    "golden": [rounded(row.golden.value), *map(rounded, row.golden.interval or (None, None))],
                    **{"best": seed(row.best), "worst": seed(row.worst)},
                }
                for row in groups[measured.name]
            ],
        }
    return found


def _script(data: ReportData, figures: dict[str, Figure], strips: Strips, main: Measured | None) -> dict[str, Any]:
    """What the page's scripts work on."""
    return {
        "shown": [data.prompts[prompt] for prompt in data.shown],
        "shape": [strips.strip.width, strips.strip.height],
        "golden": names(data.golden.seeds) if data.golden else [],
        "topK": data.top_k,
        "main": data.measures.index(main) if main else None,
        "measures": [
            {"title": m.title, "unit": "%" if m.rate else m.unit, "better": m.better, "percent": m.rate}
            for m in data.measures
        ],
        "figures": {name: figure.json for name, figure in figures.items()},
        "layout": heat.heat_columns(data.layout),
    }
