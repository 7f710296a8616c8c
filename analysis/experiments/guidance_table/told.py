"""The table in words, small tables, rows of a Parquet file, and a plot of gain against cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from PIL import Image

from seedscope.analysis.experiments.finding import Table, Value
from seedscope.analysis.experiments.guidance_table.compared import Compared, Measured
from seedscope.analysis.experiments.guidance_table.gains import GOLDEN, PLAIN, SIZES, Gain, best_name
from seedscope.analysis.experiments.guidance_table.ways import Way
from seedscope.analysis.seeds.scores.discovery import q_values
from seedscope.analysis.seeds.scores.scores import sign
from seedscope.analysis.select.comparison import Difference
from seedscope.analysis.sheets.front_sheet import Front, Spot, draw_fronts

TITLE = "What does guidance by similarity gain, and what else buys as much?"
RATE = 0.05
"""False discovery rate of what else is said to change."""


def told(table: Compared) -> list[str]:
    """The answer, the most important first."""
    ground, judge = table.ground, table.judge
    first = (
        f"On {judge.prompts} prompts in {ground.groups} groups that chose no seed, by {judge.name} ({judge.better} is better; "
        f"plain pictures {judge.gains[PLAIN].value:.4g}). Differences are from plain pictures of the same prompts, with 95 % "
        "intervals over groups of prompts; costs are the time of a picture over that of a plain one, by the receipts of both."
    )
    return [
        first,
        *_of_strengths(table),
        _of_null(table),
        *_of_others(table),
        _who_judges(table),
        *_price(table),
        *_not_told(table),
    ]


def _not_told(table: Compared) -> Iterator[str]:
    for reason in dict.fromkeys(table.silent.values()):
        yield f"Not told: {', '.join(what for what, why in table.silent.items() if why == reason)}: {reason}"


def _of_strengths(table: Compared) -> Iterator[str]:
    guided, judge = _of_kind(table, "guided"), table.judge
    each = "; ".join(f"{way.setting:g}: {_difference(judge.gains[way.name].less)}" for way in guided)
    strongest = guided[-1]
    yield f"Guided towards the prompt, at strength {each}; at {strongest.setting:g} {_cost(table, strongest.name)}."
    equal, cost = judge.gains[strongest.name].equal, table.costs[strongest.name]
    if cost is None:
        return
    if equal is None:
        yield f"The best of N at that cost takes more than the {len(table.ground.random)} random seeds there are."
        return
    verdicts = {1: "surely more than", -1: "surely less than", 0: "not surely more or less than"}
    yield (
        f"At strength {strongest.setting:g} it gains {verdicts[_sure(equal, judge)]} the best of N = {max(cost, 1.0):.3g} "
        f"plain pictures at the same cost, chosen by {table.ground.chooser.name} (N on average): {_difference(equal)}."
    )


def _of_null(table: Compared) -> str:
    (way,) = _of_kind(table, "null")
    less = table.judge.gains[way.name].less
    verdict = (
        "not all that guidance gains is the prompt's"
        if _sure(less, table.judge) > 0
        else "it does not surely rise, as it should not"
    )
    return (
        f"The null: guided towards the text of another prompt ({table.ground.other.text!r}), at {way.setting:g}: "
        f"{_difference(less)}; {verdict}."
    )


def _of_others(table: Compared) -> Iterator[str]:
    gains = table.judge.gains
    sizes = [n for n in SIZES if best_name(n) in gains]
    if sizes:
        best = "; ".join(f"{n}: {_difference(gains[best_name(n)].less)}" for n in sizes)
        yield f"The best of N plain pictures by {table.ground.chooser.name}, N pictures and N scorings each: {best}."
    if (golden := table.ground.golden) is not None:
        yield (
            f"{golden.chosen}: {', '.join(map(str, golden.golden[:12]))}{' ...' if len(golden.golden) > 12 else ''}. Their "
            f"pictures cost no more than others: {_difference(gains[GOLDEN].less)}."
        )
    for way in _of_kind(table, "negative"):
        text = str(way.changes["negative_prompt"])
        yield f"With the negative prompt {text!r}: {_difference(gains[way.name].less)}, {_cost(table, way.name)}."


def _who_judges(table: Compared) -> str:
    ground, judge = table.ground, table.judge
    same = ground.guide.measured
    if same is None:
        return (
            f"{ground.guide.model} guides, and is none of the study's features: it takes no part in judging. The best of N is "
            f"chosen by {ground.chooser.name} all the same, which judges it too."
        )
    if same.name != judge.name:
        return f"{same.name} guides and chooses among N; {judge.name}, which judges, is another measure."
    others = [each.name for each in _judges(table)]
    known = (
        f"{' and '.join(others)} took no part, and {'is' if len(others) == 1 else 'are'} told below"
        if others
        else "nothing else of this study says which pictures are good, so that whether they are better is not told. Measure "
        "another score, or fd_efficientnet_lite0"
    )
    return (
        f"Guide and judge are the same: {judge.name} guides, chooses among N and judges. That it rises is so by construction; "
        f"{known}."
    )


def _judges(table: Compared) -> list[Measured]:
    """Measures with a good direction that take no part in guiding."""
    same = table.ground.guide.measured
    took_part = set() if same is None else {same.feature}
    return [each for each in table.measured if each.better is not None and each.feature not in took_part]


def _price(table: Compared) -> Iterator[str]:
    """What other measures say of the strongest guidance."""
    name, others = _of_kind(table, "guided")[-1].name, table.measured[1:]
    for each in others:
        if each.better is not None:
            verdict = {1: "Better", -1: "Worse", 0: "No sure difference"}[_sure(each.gains[name].less, each)]
            yield f"By {each.name} ({each.better} is better), {name}: {_difference(each.gains[name].less)}. {verdict}."
    if changed := [each for each in _changed(table) if each.better is None]:
        parts = "; ".join(f"{each.name} {_difference(each.gains[name].less)}" for each in changed)
        yield f"What else changes by it, at q <= {RATE:g} over all measures: {parts}."


def _changed(table: Compared) -> list[Measured]:
    """Other measures that surely change by the strongest guidance, all of them taken together."""
    name, others = _of_kind(table, "guided")[-1].name, table.measured[1:]
    q = q_values([np.nan if (p := each.gains[name].less.p) is None else p for each in others])
    return [each for each, own in zip(others, q, strict=True) if own <= RATE]


def tables(table: Compared) -> list[Table]:
    """A row a way by the judge; and a row a way and other measure that says what is good, or changes."""
    judge, changed = table.judge, _changed(table)
    main: list[list[Value]] = []
    for way, cost in table.costs.items():
        gain = judge.gains[way]
        main.append(
            [way, cost, gain.value, _difference(gain.less), None if gain.equal is None else _difference(gain.equal)]
        )
    others: list[list[Value]] = [
        [each.name, each.better or "-", way, gain.value, _difference(gain.less)]
        for each in table.measured[1:]
        if each.better is not None or each in changed
        for way, gain in _ordered(table, each)
    ]
    found = [
        Table(
            title=f"By {judge.name} ({judge.better} is better)",
            columns=["way", "cost", judge.name, "less plain", "less the best of N at its cost"],
            rows=main,
        )
    ]
    if others:
        columns = ["measure", "better", "way", "mean", "less plain"]
        found.append(Table(title="What it costs by other measures", columns=columns, rows=others))
    return found


def rows(table: Compared) -> pa.Table:
    """A row a measure and way, of the Parquet file."""
    ends = ("", "_lo", "_hi", "_p")
    schema = pa.schema(
        [(name, pa.string()) for name in ("measure", "better", "way", "kind")]
        + [("strength", pa.float64()), ("cost", pa.float64()), ("prompts", pa.int64()), ("mean", pa.float64())]
        + [(f"{name}{end}", pa.float64()) for name in ("less_plain", "less_best") for end in ends]
    )
    drawn = {way.name: way for way in table.ways}
    found = [
        {
            "measure": each.name,
            "better": each.better,
            "way": name,
            "kind": drawn[name].kind if name in drawn else None,
            "strength": drawn[name].setting if name in drawn and drawn[name].kind != "negative" else None,
            "cost": table.costs[name],
            "prompts": each.prompts,
            "mean": gain.value,
            **_columns("less_plain", gain.less),
            **({} if gain.equal is None else _columns("less_best", gain.equal)),
        }
        for each in table.measured
        for name, gain in _ordered(table, each)
    ]
    return pa.Table.from_pylist(found, schema=schema)


def plot(table: Compared, subject: str) -> Image.Image:
    """Gain against cost by the judge, and against it what a measure that took no part says, where there is one."""
    judge = table.judge
    lines = {
        "best of N": [PLAIN, *(best_name(n) for n in SIZES if best_name(n) in judge.gains)],
        "towards the prompt": [way.name for way in _of_kind(table, "guided")],
        **{name: [name] for name in table.costs if name == GOLDEN},
        **{way.name: [way.name] for way in table.ways if way.kind != "guided"},
    }
    labels = {way.name: f"{way.setting:g}" for way in _of_kind(table, "guided")}
    labels |= {best_name(n): str(n) for n in SIZES} | {PLAIN: "1"}

    def spots(names: Sequence[str], across: Measured | None, up: Measured) -> list[Spot]:
        found = []
        for name in names:
            cost, less = table.costs[name], up.gains[name].less
            at = cost if across is None else _better(across, across.gains[name].less.mean)
            if at is not None:
                bounds = None if across is None else _bounds(across, across.gains[name].less)
                found.append(Spot(at, _better(up, less.mean), bounds, _bounds(up, less), labels.get(name, "")))
        return found

    def front(title: str, across: Measured | None, up: Measured) -> Front:
        x_title = "cost in plain pictures" if across is None else f"{across.name}, better than plain"
        drawn = {name: found for name, names in lines.items() if (found := spots(names, across, up))}
        return Front(title, x_title, f"{up.name}, better than plain", drawn)

    fronts = [front(f"{judge.name} against cost", None, judge)]
    if second := next((each for each in _judges(table) if each is not judge), None):
        fronts.append(front(f"{second.name} against {judge.name}", judge, second))
    notes = [
        f"{judge.prompts} prompts in {table.ground.groups} groups that chose no seed; crosses are 95 % intervals over groups "
        "of prompts. Numbers are strengths, and N.",
        _who_judges(table),
    ]
    return draw_fronts(fronts, title=f"{subject}: guidance, and what else buys as much", notes=notes)


def _of_kind(table: Compared, kind: str) -> list[Way]:
    return [way for way in table.ways if way.kind == kind]


def _ordered(table: Compared, measured: Measured) -> list[tuple[str, Gain]]:
    return [(way, measured.gains[way]) for way in table.costs if way in measured.gains]


def _better(measured: Measured, value: float) -> float:
    return sign(measured.better or "higher") * value


def _bounds(measured: Measured, found: Difference) -> tuple[float, float] | None:
    if found.lo is None or found.hi is None:
        return None
    low, high = sorted((_better(measured, found.lo), _better(measured, found.hi)))
    return low, high


def _sure(found: Difference, measured: Measured) -> int:
    """1 where it is surely better, -1 where surely worse, else 0."""
    bounds = _bounds(measured, found)
    return 0 if bounds is None else int(bounds[0] > 0) - int(bounds[1] < 0)


def _cost(table: Compared, way: str) -> str:
    cost = table.costs[way]
    return "at a cost that is not told" if cost is None else f"a picture takes {cost:.3g} times as long"


def _difference(found: Difference) -> str:
    if found.lo is None or found.hi is None:
        return f"{found.mean:+.3g}"
    return f"{found.mean:+.3g} ({found.lo:+.3g} to {found.hi:+.3g})"


def _columns(name: str, found: Difference) -> dict[str, float | None]:
    return {name: found.mean, f"{name}_lo": found.lo, f"{name}_hi": found.hi, f"{name}_p": found.p}
