"""What negative prompts do, in sentences, tables and a plot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from PIL import Image

from seedscope.analysis.counted_p import counted_p
from seedscope.analysis.experiments.finding import Table, Value
from seedscope.analysis.experiments.negatives.crossed_mean import CrossedMean, crossed_mean
from seedscope.analysis.experiments.negatives.judged import SHUFFLES, Compared, Judged
from seedscope.analysis.seeds.scores.discovery import q_values
from seedscope.analysis.sheets.line_plots import Line, Panel, draw_curves

RATE = 0.05
TITLE = "When does a negative prompt act, what does it take away, and what else does it change?"
NAMES = {"negative": "negative prompt", "null": "unrelated word"}


def told(found: Judged, by: str) -> list[str]:
    """The answer, the most important first; `by` is what measures presence."""
    return [_taken(found, by), *_onsets(found), _attention(found), *_changed(found), _seeds(found), _meaning(found)]


def _taken(found: Judged, by: str) -> str:
    net = found.presence.difference
    surely = "less of the unwanted" if found.acts else "no less of the unwanted, as far as can be told"
    return (
        f"From the first step on, the negative prompt leaves {surely}, by {by}: {_number(found.presence.negative, 0)}; an "
        f"unrelated word changes it by {_number(found.presence.null, 0)}. The difference is {_number(net, 0)}, "
        f"{_ratio(float(net.mean[0]), found.apart)} standard deviations between seeds' pictures of a prompt "
        f"(p = {float(net.p[0]):.2g})."
    )


def _onsets(found: Judged) -> list[str]:
    onsets, net = found.design.onsets, found.presence.difference
    if found.half is None:
        return []
    lowest = int(np.nanargmin(net.mean))
    sure = [onset for onset, q in zip(onsets[:-1], _q(net)[:-1], strict=True) if q <= RATE]
    return [
        f"If it acts from step {found.half:.3g} of {onsets[-1]} on, half of that is left. It takes most away from step "
        f"{onsets[lowest]} on, {_number(net, lowest)}; at a false discovery rate of 5 % it "
        f"is told {_listed(sure)}. Onset {onsets[-1]} is zero by construction: "
        "it never acts."
    ]


def _listed(onsets: Sequence[int]) -> str:
    return f"for the onsets {', '.join(map(str, onsets))}" if onsets else "for no onset"


def _q(net: CrossedMean) -> Sequence[float]:
    """q-values of the onsets; that of the last, whose difference is zero by construction, is 1."""
    found = q_values([float(p) for p in net.p[:-1]])
    return [*map(float, found), 1.0]


def _attention(found: Judged) -> str:
    strength = found.strength
    peak = int(np.nanargmax(strength.negative.mean))
    last = len(strength.negative.mean) - 1
    rise = crossed_mean([each[-1] - each[0] for each in strength.cells.values()], found.design.groups)
    where = "the first step" if peak == 0 else "the last step" if peak == last else f"step {peak}"
    return (
        f"Attention to the negative prompt beside that to the word it is about (r_t) is {_number(strength.negative, 0)} at the "
        f"first step and {_number(strength.negative, last)} at the last, a change of {_number(rise, 0)}, and highest at {where}"
        f"; to an unrelated word it is {_number(strength.null, 0)} and {_number(strength.null, last)}, a change of "
        f"{_number(rise, 1)}."
    )


def _changed(found: Judged) -> list[str]:
    change, half = found.change, len(found.design.onsets) // 2
    where = (
        "outside its place"
        if found.place_known
        else "over the whole picture, for the study measures no layout with masks,"
    )
    if np.isnan(change.negative.mean[0]):
        return ["Nothing is told of the change outside its place: objects were not found, or leave too little outside."]
    return [
        f"Pictures change {where} by a 1 - SSIM of {_number(change.negative, 0)} if it acts from the first step on, by "
        f"{_number(change.negative, half)} from step {found.design.onsets[half]} on; with an unrelated word by "
        f"{_number(change.null, 0)} and {_number(change.null, half)}."
    ]


def _seeds(found: Judged) -> str:
    seed = found.seed
    if seed is None:
        return f"Whether the success is the seed's cannot be told: {found.silent}"
    differ = "differ" if seed.p <= RATE else "cannot be told apart"
    return (
        "Of how much more the negative prompt takes away from the first step on than an unrelated word, "
        f"{_percent(seed.share)} of the variance is the seed's, whatever the pair ({_percent(seed.lo)} to "
        f"{_percent(seed.hi)}); seeds {differ} in it ({counted_p(seed.p, SHUFFLES)}, against values "
        "shuffled between seeds)."
    )


def _meaning(found: Judged) -> str:
    design = found.design
    return (
        f"Means over {len(design.pairs)} pairs in {len(set(design.groups.tolist()))} groups and {len(design.seeds)} seeds; "
        "intervals (95 %) hold for fresh pairs and fresh seeds. Presence is less that of the same seed's picture without "
        "negative prompt. r_t sums norms of cross-attention over layers, and grows with the number of words."
    )


def _number(mean: CrossedMean, place: int) -> str:
    value, lo, hi, _ = mean.at(place)
    if np.isnan(value):
        return "not known"
    return f"{value:.3g}" if np.isnan(lo) else f"{value:.3g} ({lo:.3g} to {hi:.3g})"


def _ratio(value: float, unit: float) -> str:
    return f"{value / unit:.2g}" if unit > 0 else "no"


def _percent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %")


def tables(found: Judged) -> list[Table]:
    """By onset, by step, and by pair."""
    presence, change, strength = found.presence, found.change, found.strength
    onsets: list[list[Value]] = [
        [
            onset,
            *(_number(mean, place) for mean in presence.lines.values()),
            _known(q),
            *(_known(float(mean.mean[place])) for mean in (change.negative, change.null)),
        ]
        for place, (onset, q) in enumerate(zip(found.design.onsets, _q(presence.difference), strict=True))
    ]
    steps: list[list[Value]] = [
        [step, *(_number(mean, step) for mean in strength.lines.values())] for step in range(len(strength.null.mean))
    ]
    pairs: list[list[Value]] = [
        [pair.prompt, pair.negative, pair.null, *_of_pair(found, place)]
        for place, pair in enumerate(found.design.pairs)
    ]
    kinds = ["negative", "unrelated", "difference"]
    return [
        Table(
            title="By the step from which the negative prompt acts: presence of the unwanted, and change outside its place",
            columns=["from step", *kinds, "q", "change", "change, unrelated"],
            rows=onsets,
        ),
        Table(title="Attention to the negative prompt, r_t", columns=["step", *kinds], rows=steps),
        Table(
            title="Pair by pair, from the first step on",
            columns=["prompt", "negative", "unrelated", "presence", "with unrelated", "r at first step", "change"],
            rows=pairs,
        ),
    ]


def _of_pair(found: Judged, pair: int) -> list[Value]:
    cells = [
        (found.presence, "negative"),
        (found.presence, "null"),
        (found.strength, "negative"),
        (found.change, "negative"),
    ]
    return [_known(_mean(each, kind, 0, pair)) for each, kind in cells]


def _mean(what: Compared, kind: str, place: int, pair: int) -> float:
    values = what.cells[kind][place, pair]
    return float(np.nanmean(values)) if not np.isnan(values).all() else float("nan")


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def table(found: Judged) -> pa.Table:
    """A row a measure, kind and step, of all pairs with its interval, and of each pair: `negatives.parquet`."""
    rows: list[dict[str, Value]] = []
    for measure, what, places in _measures(found):
        for kind, mean in what.lines.items():
            for place, step in enumerate(places):
                value, lo, hi, p = (_known(each) for each in mean.at(place))
                rows.append({"measure": measure, "kind": kind, "step": step, "mean": value, "lo": lo, "hi": hi, "p": p})
        for kind in what.cells:
            for number, pair in enumerate(found.design.pairs):
                key: dict[str, Value] = {"prompt": pair.prompt, "negative": pair.negative, "null": pair.null}
                for place, step in enumerate(places):
                    value = _known(_mean(what, kind, place, number))
                    rows.append({"measure": measure, "kind": kind, "step": step, **key, "mean": value})
    texts, numbers = ("measure", "kind", "prompt", "negative", "null"), ("mean", "lo", "hi", "p")
    kinds = (
        [(name, pa.string()) for name in texts] + [("step", pa.int32())] + [(name, pa.float64()) for name in numbers]
    )
    return pa.Table.from_pylist(rows, pa.schema([pa.field(name, kind) for name, kind in kinds]))


def _measures(found: Judged) -> list[tuple[str, Compared, Sequence[int]]]:
    steps = range(len(found.strength.null.mean))
    onsets = found.design.onsets
    return [("r", found.strength, steps), ("presence", found.presence, onsets), ("change", found.change, onsets)]


def plot(found: Judged, subject: str, by: str) -> Image.Image:
    """`negatives.png`: attention over the steps; presence and change over the onset."""
    onsets, steps = found.design.onsets, range(len(found.strength.null.mean))
    place = "outside its place" if found.place_known else "whole picture"
    panels = [
        _panel("Attention to the negative prompt, r_t", "step", found.strength, steps),
        _panel(
            f"Presence of the unwanted, by {by}, less that without", "acts from this step on", found.presence, onsets
        ),
        _panel(f"Change, 1 - SSIM, {place}", "acts from this step on", found.change, onsets),
    ]
    notes = [
        f"{len(found.design.pairs)} pairs of prompt and negative prompt x {len(found.design.seeds)} seeds, and the same with "
        "an unrelated word as negative prompt. Means with 95 % intervals for fresh pairs and seeds."
    ]
    return draw_curves(panels, title=f"Negative prompts of {subject}", notes=notes, one_scale=False)


def _panel(title: str, axis: str, what: Compared, places: Sequence[int]) -> Panel:
    lines = []
    for kind, name in NAMES.items():
        mean = what.lines[kind]
        there = np.flatnonzero(~np.isnan(mean.mean)).tolist()
        lo, hi = ([_known(float(side[at])) for at in there] for side in (mean.lo, mean.hi))
        lines.append(Line(name, [places[at] for at in there], [float(mean.mean[at]) for at in there], lo, hi))
    every = max(1, -(-len(places) // 10))
    return Panel(title, axis, list(places)[::every], lines)
