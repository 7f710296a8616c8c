"""The figures of a report as plotly's plain JSON, drawn by the page's script.

Colours are names of the page's palette behind an @ (`@accent`), so that a figure follows light and dark. Points carry their
seed as `customdata`: pointing at one shows its pictures, a click opens its page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seedscope.analysis.report.data import Estimate, Interval, Layout, Measured, Stability, StyleMap, TaskRates
from seedscope.analysis.report.standings import names

Json = dict[str, Any]

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "pentagon", "star", "triangle-down", "hexagon", "x")
POINT, SMALL_POINT = 7, 5
MANY_SEEDS = 200
BAR_HEIGHT = 38
LEGEND_HEIGHT = 36


@dataclass(frozen=True)
class Figure:
    """A figure: its traces and layout in plotly's terms, and what to say to those who cannot see it."""

    name: str
    caption: str
    traces: Sequence[Json]
    layout: Json

    @property
    def height(self) -> int:
        """CSS pixels."""
        return int(self.layout["height"])

    @property
    def json(self) -> Json:
        return {"data": list(self.traces), "layout": self.layout}


def shares(measures: Sequence[Measured]) -> Figure:
    """How the variance of single pictures divides between seed, prompt and the rest: a bar for each measurement."""
    shown = [measured for measured in measures if measured.shares][::-1]
    titles = [measured.title.replace(" (", "<br>(") for measured in shown]  # short lines, for phones
    parts = {"seed": "@accent", "prompt": "@mid", "rest": "@faint"}
    traces = []
    for part, colour in parts.items():
        estimates = [measured.shares.get(part, Estimate(None)) for measured in shown]
        bar: Json = {
            "type": "bar",
            "orientation": "h",
            "name": part,
            "y": titles,
            "x": [_percent(e.value) for e in estimates],
        }
        traces.append(
            bar | {"marker": {"color": colour}, "hovertemplate": f"%{{y}}: {part} %{{x:.1f}} %<extra></extra>"}
        )
    of_seed = [measured.shares.get("seed", Estimate(None)) for measured in shown]
    ends: Json = {"type": "scatter", "mode": "markers", "showlegend": False, "hoverinfo": "skip", "y": titles}
    ends |= {"x": [_percent(e.value) for e in of_seed], "marker": {"color": "@ink", "size": 5}}
    traces.append(ends | {"error_x": _errors(of_seed, "@ink", scale=100)})
    layout = _layout(
        BAR_HEIGHT * len(shown) + 90,
        x={"title": {"text": "share of the variance, %"}, "range": [0, 100]},
        y={"automargin": True},
    )
    layout |= {"barmode": "stack", "bargap": 0.35, "showlegend": True, "legend": _LEGEND | {"traceorder": "normal"}}
    layout["margin"] = _MARGIN | {"t": LEGEND_HEIGHT}
    return Figure("shares", "Shares of variance of seed, prompt and rest, a bar for each measurement", traces, layout)


def stability(measured: Measured, stable: Stability, golden: Sequence[int]) -> Figure:
    """Effects on the ranking prompts against effects on the confirmation prompts, a point for each seed."""
    scale = 100 if measured.rate else 1
    marked = set(golden)
    traces = []
    for name, colour, seeds in (
        ("other seeds", "@mid", [seed for seed in stable.points if seed not in marked]),
        ("golden seeds", "@accent", [seed for seed in stable.points if seed in marked]),
    ):
        if seeds:
            x, y = ([_four(stable.points[seed][side] * scale) for seed in seeds] for side in (0, 1))
            traces.append(_points(name, x, y, seeds, colour))
    ends = [_four(end * scale) for point in stable.points.values() for end in point]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    unit = f" ({measured.unit})" if measured.unit else ""
    layout = _layout(
        460,
        x={"title": {"text": f"effect on ranking prompts{unit}"}, "zeroline": True},
        y={"title": {"text": f"effect on confirmation prompts{unit}"}, "zeroline": True, "automargin": True},
    )
    diagonal = {"type": "line", "x0": low, "y0": low, "x1": high, "y1": high, "layer": "below"}
    layout["shapes"] = [diagonal | {"line": {"color": "@mid", "width": 1, "dash": "dot"}}]
    layout |= {"showlegend": bool(marked), "legend": _LEGEND, "margin": _MARGIN | {"t": LEGEND_HEIGHT}}
    return Figure("stability", f"{measured.title}: effects on ranking and on confirmation prompts", traces, layout)


def style_map(style: StyleMap, golden: Sequence[int]) -> Figure:
    """Seeds whose pictures look alike lie near each other; clusters, if any, by colour and by the shape of the point, golden
    seeds by a ring."""
    clusters = sorted(
        {cluster for _, _, cluster in style.places.values()}, key=lambda cluster: (cluster is None, cluster or 0)
    )
    traces = []
    for place, cluster in enumerate(clusters):
        seeds = [seed for seed, at in style.places.items() if at[2] == cluster]
        x, y = [_four(style.places[seed][0]) for seed in seeds], [_four(style.places[seed][1]) for seed in seeds]
        none = cluster is None
        name = "no cluster" if none else f"cluster {cluster}"
        points = _points(name, x, y, seeds, "@mid" if none else f"@hue{place % len(SYMBOLS)}")
        points["marker"]["symbol"] = "circle-open" if none and len(clusters) > 1 else SYMBOLS[place % len(SYMBOLS)]
        traces.append(points)
    if marked := [seed for seed in golden if seed in style.places]:
        x, y = [_four(style.places[seed][0]) for seed in marked], [_four(style.places[seed][1]) for seed in marked]
        ring: Json = {"symbol": "circle-open", "size": 2 * POINT, "color": "@ink", "line": {"width": 1.5}}
        traces.append(
            {"type": "scatter", "mode": "markers", "name": "golden", "x": x, "y": y}
            | {"marker": ring, "hoverinfo": "skip"}
        )
    bare = {"showticklabels": False, "zeroline": False, "showgrid": False, "showline": False, "title": {"text": ""}}
    layout = _layout(520, x=bare, y=bare)
    margin = {"l": 12, "r": 12, "t": LEGEND_HEIGHT, "b": 12}
    layout |= {"showlegend": len(traces) > 1, "legend": _LEGEND, "meta": {"places": False}, "margin": margin}
    return Figure("style-map", f"Map of seeds by {style.feature}", traces, layout)


def positions(layouts: Mapping[int, Layout], chance: tuple[Interval, Interval] | None) -> Figure:
    """Where a seed's objects stand on average, a point for each seed, on the plane of the picture; and the box of chance."""
    means = {seed: mean for seed, layout in layouts.items() if (mean := mean_place(layout)) is not None}
    x, y = ([_four(mean[side]) for mean in means.values()] for side in (0, 1))
    layout = _layout(
        460,
        x={"title": {"text": "left ← mean position → right"}, "zeroline": False},
        y={"title": {"text": "bottom ← mean position → top"}, "zeroline": False, "automargin": True} | _DOWNWARDS,
    )
    middle = {"type": "line", "line": {"color": "@mid", "width": 1, "dash": "dot"}, "layer": "below"}
    layout["shapes"] = [
        middle | {"x0": 0.5, "x1": 0.5, "yref": "paper", "y0": 0, "y1": 1},
        middle | {"y0": 0.5, "y1": 0.5, "xref": "paper", "x0": 0, "x1": 1},
    ]
    if chance is not None:
        (left, right), (top, bottom) = chance
        box = {"type": "rect", "x0": left, "x1": right, "y0": top, "y1": bottom, "layer": "above"}
        layout["shapes"].append(box | {"line": {"color": "@ink", "width": 1.5}})
    return Figure(
        "positions",
        "Mean position of the objects of each seed",
        [_points("seeds", x, y, list(means), "@accent")],
        layout,
    )


def rates(measured: Measured) -> Figure:
    """The share of a seed's pictures that show something, seeds in ascending order, with intervals and what chance gives."""
    estimates = {seed: value.value for seed, value in measured.seeds.items() if value.value.value is not None}
    ranges = [each for each in (measured.best, measured.worst) if each is not None]
    chance = (min(low for low, _ in ranges), max(high for _, high in ranges)) if ranges else None
    return _rate_figure(f"rate-{measured.name}", measured.title, estimates, band=chance)


def text_rates(task: TaskRates, place: int) -> Figure:
    """Text in the masks of an inpainting task: a seed each, in ascending order, and the rate before inpainting as a line."""
    known = {seed: estimate for seed, estimate in task.seeds.items() if estimate.value is not None}
    return _rate_figure(f"text-{place}", f"Text in the masks of {task.task}", known, line=task.before.value)


def mean_place(layout: Layout) -> tuple[float, float] | None:
    """Mean of the centroids (x, y); None where no picture shows an object."""
    if not layout.centroids:
        return None
    number = len(layout.centroids)
    return sum(x for x, _ in layout.centroids) / number, sum(y for _, y in layout.centroids) / number


def _rate_figure(
    name: str, title: str, estimates: Mapping[int, Estimate], *, band: Interval | None = None, line: float | None = None
) -> Figure:
    order = sorted(estimates, key=lambda seed: (estimates[seed].value or 0.0, seed))
    values = [_percent(estimates[seed].value) for seed in order]
    points = _points("seeds", list(range(1, len(order) + 1)), values, order, "@accent")
    points["cliponaxis"] = False
    points["error_y"] = _errors([estimates[seed] for seed in order], "@mid", scale=100)
    layout = _layout(
        320,
        x={"title": {"text": "seeds, lowest rate first"}, "showgrid": False, "zeroline": False},
        y={"title": {"text": "pictures, %"}, "rangemode": "tozero", "automargin": True},
    )
    across = {"xref": "paper", "x0": 0, "x1": 1, "layer": "below"}
    if band is not None:
        ends = {"y0": _percent(band[0]), "y1": _percent(band[1])}
        layout["shapes"] = [across | ends | {"type": "rect", "fillcolor": "@band", "line": {"width": 0}}]
    if line is not None:
        at = {"y0": _percent(line), "y1": _percent(line)}
        layout["shapes"] = [across | at | {"type": "line", "line": {"color": "@warn", "width": 1.5, "dash": "dash"}}]
    return Figure(name, f"{title}: share of pictures for each seed", [points], layout)


_DOWNWARDS: Json = {"autorange": "reversed", "scaleanchor": "x"}  # as in a picture, and on one scale with x
_MARGIN: Json = {"l": 56, "r": 12, "t": 12, "b": 48}
_LEGEND: Json = {"orientation": "h", "x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom"}
_AXIS: Json = {
    "gridcolor": "@line",
    "linecolor": "@line",
    "zerolinecolor": "@mid",
    "zerolinewidth": 1,
    "fixedrange": True,
}


def _layout(height: int, *, x: Json, y: Json) -> Json:
    return {"height": height, "margin": _MARGIN, "showlegend": False, "xaxis": _AXIS | x, "yaxis": _AXIS | y}


def _points(name: str, x: Sequence[float | None], y: Sequence[float | None], seeds: Sequence[int], colour: str) -> Json:
    marker = {"color": colour, "size": POINT if len(seeds) <= MANY_SEEDS else SMALL_POINT, "opacity": 0.75}
    points: Json = {"type": "scatter", "mode": "markers", "name": name, "x": x, "y": y, "customdata": names(seeds)}
    return points | {"marker": marker, "hoverinfo": "none"}


def _errors(estimates: Sequence[Estimate], colour: str, *, scale: float) -> Json:
    """Bars from each value to the ends of its interval; of no length where there is no interval."""
    above, below = [], []
    for estimate in estimates:
        value = estimate.value or 0.0
        low, high = estimate.interval or (value, value)
        above.append(_four(scale * max(0.0, high - value)))
        below.append(_four(scale * max(0.0, value - low)))
    return {"symmetric": False, "array": above, "arrayminus": below, "color": colour, "thickness": 1.2, "width": 0}


def _percent(value: float | None) -> float | None:
    return None if value is None else _four(100 * value)


def _four(value: float) -> float:
    """Four digits: finer than a pixel, and short in the page."""
    return float(f"{value:.4g}")
