"""What swapped seeds show, in sentences, tables and a plot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from PIL import Image

from seedscope.analysis.counted_p import counted_number
from seedscope.analysis.experiments.finding import Table, Value
from seedscope.analysis.experiments.swap.components import COMPONENTS, TOTALS, Share, Shares
from seedscope.analysis.experiments.swap.curve import Curve
from seedscope.analysis.experiments.swap.judged import Judged
from seedscope.analysis.seeds.scores.discovery import q_values
from seedscope.analysis.sheets.line_plots import Line, Panel, draw_curves

RATE = 0.05
TITLE = "What decides a picture: the first noise or the later?"
_HEADINGS = ("sampler", "measurement", "first noise", "later noise", "initial seed", "step seed", "shuffled", "p")


def told(found: Sequence[Judged]) -> list[str]:
    """The answer for each sampler, and what the numbers mean."""
    said = [line for each in found for line in _of_sampler(each)]
    if any(not each.zero for each in found):
        said.append(
            "First noise: all that the initial seed decides, alone or together with the rest; later noise: all that the step "
            "seed decides so. Both count what only the two together decide, so that they may add up to more than 100 %. "
            "Intervals (95 %) hold for fresh seeds and fresh groups of prompts; p is of 'the step seed has no effect of its "
            "own', the larger of two: against step seeds in another order for each group of prompts, and for each initial seed."
        )
    return said


def _of_sampler(each: Judged) -> list[str]:
    name, steps = each.sampler.name, each.sampler.sampling.steps
    if each.zero:
        return [
            f"{name}: zero by construction. Two step seeds gave the same bytes: with this sampler and {steps} step(s) no noise "
            "is drawn after the first, and a swap can change nothing."
        ]
    said = []
    if each.shares:
        main = _main(each)
        first, later = (each.shares[main].of[total] for total in TOTALS)
        shown = _shown(each)
        said.append(
            f"{name}, {steps} steps: by {main}, the first noise decides {_percent(first)} of how pictures vary and the later "
            f"noise {_percent(later)}. The step seed has an effect of its own, alike over prompts and initial seeds, in "
            f"{len(shown)} of {len(each.shares)} measurements at a false discovery rate of 5 %"
            f"{': ' + ', '.join(shown) if shown else ''}."
        )
    said += [_way(curve, name) for curve in each.curves]
    left = {name: lost.left_out for name, lost in each.shares.items() if lost.left_out}
    if left:
        most = max(left, key=left.__getitem__)
        said.append(
            f"{name}: prompts with a picture that lacks a measurement are left out of it, {left[most]} of {most}."
        )
    return [*said, *(f"{name}: nothing is told of {what}: {why}" for what, why in each.silent.items())]


def _main(each: Judged) -> str:
    """The measurement that stands for the whole picture: an embedding's components together, or else the first one."""
    return next((name for name in each.shares if name.endswith("together")), next(iter(each.shares)))


def _shown(each: Judged) -> list[str]:
    q = q_values([item.p for item in each.shares.values()])
    return [name for name, value in zip(each.shares, q, strict=True) if value <= RATE]


def _way(curve: Curve, name: str) -> str:
    start = f"{curve.own.mean[0]:.2f}{_between(curve, 0)}"
    if curve.half is None:
        return (
            f"{name}, by {curve.distance}: another seed's later noise, even from the first step on, moves no picture."
        )
    return (
        f"{name}, by {curve.distance}: another seed's later noise from the first step on moves a picture by {start} of the "
        f"distance of two initial seeds; swapped at step {curve.half:.3g} of {curve.steps[-1]} it is half of that."
    )


def _between(curve: Curve, place: int) -> str:
    lo, hi = float(curve.own.lo[place]), float(curve.own.hi[place])
    return "" if np.isnan(lo) else f" ({max(lo, 0):.2f} to {hi:.2f})"


def _percent(share: Share) -> str:
    return f"{share.share:.0%} ({share.lo:.0%} to {share.hi:.0%})".replace("%", " %")


def tables(found: Sequence[Judged]) -> list[Table]:
    """Shares, and the curves at their steps."""
    rows: list[list[Value]] = []
    for each in found:
        if each.zero:
            rows.append([each.sampler.name, "all", None, "zero", None, "zero", None, None])
        rows += [_row(each.sampler.name, name, item) for name, item in each.shares.items()]
    drawn = [
        Table(title="Shares of the variance, with 95 % intervals", columns=[*_HEADINGS], rows=rows),
    ]
    for name in dict.fromkeys(curve.distance for each in found for curve in each.curves):
        drawn.append(_curve_table(name, found))
    return drawn


def _row(sampler: str, name: str, item: Shares) -> list[Value]:
    alone = [_plain(item.of[key].share) for key in ("initial", "step")]
    sums = [_percent(item.of[total]) for total in TOTALS]
    return [sampler, name, *sums, *alone, _plain(item.null), counted_number(item.p, item.shuffles)]


def _plain(share: float) -> str:
    return f"{share:.1%}".replace("%", " %")


def _curve_table(distance: str, found: Sequence[Judged]) -> Table:
    rows: list[list[Value]] = []
    for each in found:
        for curve in each.curves:
            if curve.distance == distance:
                rows += [
                    [each.sampler.name, step, float(curve.own.mean[k]), _bounds(curve, k), float(curve.other.mean[k])]
                    for k, step in enumerate(curve.steps)
                ]
    return Table(
        title=f"Pictures swapped on the way, by {distance}; two initial seeds are 1 apart",
        columns=["sampler", "swapped at step", "from (i, i)", "interval", "from (i, j)"],
        rows=rows,
    )


def _bounds(curve: Curve, place: int) -> str | None:
    lo, hi = float(curve.own.lo[place]), float(curve.own.hi[place])
    return None if np.isnan(lo) else f"{max(lo, 0):.2f} to {hi:.2f}"


def shares_table(found: Sequence[Judged]) -> pa.Table:
    """A row a sampler, measurement and component: variance, share, its interval; and the step seed's null."""
    rows: list[dict[str, Value]] = [
        {
            "sampler": each.sampler.name,
            "steps": each.sampler.sampling.steps,
            "measurement": name,
            "component": key,
            "variance": share.variance,
            "share": share.share,
            "lo": share.lo,
            "hi": share.hi,
            "p": item.p if key == "step" else None,
            "shuffled_95": item.null if key == "step" else None,
            "prompts": item.prompts,
            "groups": item.groups,
        }
        for each in found
        for name, item in each.shares.items()
        for key, share in item.of.items()
    ]
    for each in found:
        if each.zero:
            nothing: dict[str, Value] = {"variance": 0.0, "share": 0.0, "lo": 0.0, "hi": 0.0}
            facts: dict[str, Value] = {
                "sampler": each.sampler.name,
                "steps": each.sampler.sampling.steps,
                "measurement": "all",
            }
            rows += [{**facts, "component": key, **nothing} for key in (COMPONENTS[1], "later")]
    text = ("sampler", "measurement", "component")
    whole = ("steps", "prompts", "groups")
    names = (
        "sampler",
        "steps",
        "measurement",
        "component",
        "variance",
        "share",
        "lo",
        "hi",
        "p",
        "shuffled_95",
        *whole[1:],
    )
    kinds = {name: pa.string() if name in text else pa.int32() if name in whole else pa.float64() for name in names}
    return pa.Table.from_pylist(rows, pa.schema([pa.field(name, kind) for name, kind in kinds.items()]))


def plot(found: Sequence[Judged], subject: str) -> Image.Image | None:
    """`swap.png`: a row of panels a distance, one from each anchor; None where no sampler has a curve."""
    distances = list(dict.fromkeys(curve.distance for each in found for curve in each.curves))
    if not distances:
        return None
    panels = [_panel(found, distance, anchor) for distance in distances for anchor in ("own", "other")]
    notes = [
        "A picture of seed i goes on with the later noise of seed j from a step on. Left: how far it is from the plain picture "
        "of i; right: from the picture of i's first noise with all later noise of j. Two initial seeds are 1 apart. Means over "
        "prompts with 95 % intervals over their groups.",
        *(f"{each.sampler.name}: zero by construction, no curve." for each in found if each.zero),
    ]
    return draw_curves(panels, title=f"Seeds of {subject} swapped on the way", notes=notes)


def _panel(found: Sequence[Judged], distance: str, anchor: str) -> Panel:
    lines = []
    for each in found:
        for curve in each.curves:
            if curve.distance == distance:
                way = curve.own if anchor == "own" else curve.other
                x = [step / curve.steps[-1] for step in curve.steps]
                lo, hi = ([None if np.isnan(v) else float(v) for v in side] for side in (way.lo, way.hi))
                lines.append(Line(each.sampler.name, x, [float(v) for v in way.mean], lo, hi))
    title = f"{distance}: from " + ("the plain picture (i, i)" if anchor == "own" else "all later noise of j (i, j)")
    return Panel(title, "swapped at this part of the steps", [0, 0.25, 0.5, 0.75, 1], lines)
