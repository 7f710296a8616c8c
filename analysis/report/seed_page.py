"""What the page of one seed shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seedscope.analysis.report import heat
from seedscope.analysis.report.data import Interval, Layout, ReportData
from seedscope.analysis.report.plots import mean_place
from seedscope.analysis.report.standings import MeasureStanding
from seedscope.analysis.report.strips import Strips
from seedscope.analysis.report.whiskers import Whisker
from seedscope.analysis.report.wording import NONE, count, p_number

MOST_DOTS = 300


@dataclass(frozen=True)
class SeedRow:
    """One measurement of the seed."""

    title: str
    direction: str
    value: str
    effect: str
    interval: str
    whisker: Whisker
    zero: float
    band: Interval | None
    shrunk: str
    q: str
    rank: str
    n: str


def seed_page(seed: int, data: ReportData, strips: Strips, standings: Sequence[MeasureStanding]) -> dict[str, Any]:
    """The template's variables."""
    at = data.ranked.index(seed) if seed in data.ranked else None
    layout = data.layout.get(seed)
    style = data.style.places.get(seed) if data.style else None
    return {
        "data": data,
        "seed": seed,
        "strips": strips,
        "rank": next(
            (each.ranks.get(seed) for each in standings if each.measured.name == data.by),
            None if at is None else at + 1,
        ),
        "before": data.ranked[at - 1] if at else None,
        "after": data.ranked[at + 1] if at is not None and at + 1 < len(data.ranked) else None,
        "golden": data.golden is not None and seed in data.golden.seeds,
        "rows": [_row(seed, standing) for standing in standings if seed in standing.measured.seeds],
        "cluster": style[2] if style else None,
        "layout": _layout(layout) if layout else None,
        "text": [(task, task.seeds[seed]) for task in data.text if seed in task.seeds],
    }


def _row(seed: int, standing: MeasureStanding) -> SeedRow:
    measured, digits, axis = standing.measured, standing.digits, standing.axis
    value, rank = measured.seeds[seed], standing.ranks.get(seed)
    return SeedRow(
        title=measured.title,
        direction=f"{measured.better} is better" if measured.better else "",
        value=digits.plain(value.value.value),
        effect=digits.signed(value.effect.value),
        interval=digits.interval(value.effect.interval, signed=True),
        whisker=axis.whisker(value.effect),
        zero=axis.place(0.0),
        band=axis.band(standing.chance),
        shrunk=digits.signed(value.shrunk.value),
        q=p_number(value.q),
        rank=NONE if rank is None else f"{rank:,} of {len(standing.ranks):,}",
        n=count(value.n),
    )


def _layout(layout: Layout) -> dict[str, Any]:
    """The full heat map, some of the positions as dots, and the means."""
    step = max(1, len(layout.centroids) // MOST_DOTS)
    return {
        "heat": heat.encoded(layout.heat) if len(layout.heat) else None,
        "dots": [(round(x, 3), round(y, 3)) for x, y in layout.centroids[::step]],
        "mean": mean_place(layout),
        "size": layout.size,
        "nearness": layout.nearness,
        "pictures": len(layout.centroids),
    }
