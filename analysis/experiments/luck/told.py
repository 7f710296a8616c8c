"""The luck of seeds in sentences, tables and a plot."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2
from statistics import median

import pyarrow as pa
from PIL import Image

from seedscope.analysis.experiments.finding import Table, Value
from seedscope.analysis.experiments.luck.judged import Found
from seedscope.analysis.seeds.luck.estimate import Needed
from seedscope.analysis.seeds.luck.luck import APART, Luck, Moves, Way
from seedscope.analysis.sheets.line_plots import Line, Panel, draw_curves

ONE: tuple[Way, ...] = ("common", "own")
TWO: tuple[Way, ...] = ("paired common", "unpaired common", "paired own", "unpaired own")
NAMES: dict[Way, str] = {
    "common": "common seeds",
    "own": "own seeds",
    "paired common": "the same seeds, common",
    "unpaired common": "other seeds, common",
    "paired own": "the same seeds, own",
    "unpaired own": "other seeds, own",
}
SHOWN_COUNTS = (1, 2, 4, 8, 16, 32, 64)
MOST_PANELS = 24
FEW = 16
"""Seeds, below which variances are vague."""


def title(found: Found) -> str:
    """The question."""
    if len(found.models) == 1:
        return "How far do scores of the model move with another draw of seeds?"
    return f"Is the difference of {found.models[0]} and {found.models[1]} more than the luck of seeds?"


def told(found: Found) -> list[str]:
    """The answer, the most important first."""
    lines = [*found.notes, *(_headline(found, each) for each in headlines(found)), *_kinds(found), *_needed(found)]
    return [*lines, *_agreement(found), *_missing(found), _meaning(found), *_silent(found)]


def headlines(found: Found) -> list[Luck]:
    """The first distance and the first mean, as far as there are both."""
    kinds = {each.is_distance: each for each in reversed(found.lucks)}
    return [kinds[kind] for kind in (True, False) if kind in kinds]


def _headline(found: Found, one: Luck) -> str:
    now = one.by_n[found.asked.n]
    if len(found.models) == 1:
        common, own = now["common"].moves, now["own"].moves
        return (
            f"{one.name} with {_seeds(found.asked.n)} that all {one.spread.prompts:,} prompts have in common: another draw of "
            f"seeds has {_span(common)} (95 %). Two models that differ by {_n(common.by_luck)} or less may owe it to luck; a "
            f"true difference of {_n(common.found)} is found in 80 % of draws. Where each picture has a seed of its own: "
            f"{_span(own)}, {_n(own.by_luck)} and {_n(own.found)}."
        )
    paired, unpaired = now["paired common"].moves, now["unpaired common"].moves
    error = one.spread.half(10**9, common=True)
    sure = "more than luck" if abs(one.spread.score) > error else "no more than luck explains"
    size = one.score if one.is_distance else one.spread.score
    return (
        f"{one.name}: {found.models[0]} less {found.models[1]} is {_n(size, signed=True)} with all {found.seeds:,} seeds. "
        f"With {_seeds(found.asked.n)} that all prompts have in common it is luck up to {_n(paired.by_luck)} if both models "
        f"have the same seeds, and up to {_n(unpaired.by_luck)} if they do not"
        f"{f': that takes {(unpaired.sd / paired.sd) ** 2:.2g} times the seeds' if paired.sd > 0 else ''}."
        + (f" Seen with all seeds, it is {sure} (± {_n(error)})." if not one.is_distance else "")
    )


def _kinds(found: Found) -> list[str]:
    """What common seeds cost beside own ones, where one model is judged."""
    means = [each for each in found.lucks if not each.is_distance and each.spread.own.variance > 0]
    if len(found.models) > 1 or len(means) < 2 or means[0].spread.prompts < 2:
        return []
    costs = {each.name: each.spread.common.variance / each.spread.own.variance for each in means}
    most, middle = max(costs, key=lambda name: costs[name]), median(costs.values())
    return [
        f"As the same seeds serve all prompts, {_seeds(found.asked.n)} tell as much as {_n(found.asked.n / middle)} would if "
        f"each picture had its own: the variance is {middle:.2g} times as large (median of "
        f"{len(costs)} means), {costs[most]:.2g} times by {most}."
    ]


def _needed(found: Found) -> list[str]:
    if found.asked.difference is None:
        return []
    parts = []
    for one in headlines(found):
        ways = ONE if len(found.models) == 1 else TWO
        each = ", ".join(f"{_count(one.needed[way])} ({NAMES[way]})" for way in ways)
        parts.append(f"by {one.name} {each}")
    return [
        f"To find a true difference of {found.asked.difference:g} in 80 % of draws, at 5 % of false ones, takes so many seeds: "
        f"{'; '.join(parts)}. In brackets is how far the variance is known."
    ]


def _agreement(found: Found) -> list[str]:
    """Whether the two ways of telling say the same, and where they do not."""
    compared = [(one, way, each) for one in found.lucks for way, each in one.by_n[found.asked.n].items()]
    drawn = [(one, way, each) for one, way, each in compared if each.drawn is not None]
    if not drawn:
        return [
            f"Told by variances alone: {_seeds(found.asked.n)} cannot be drawn again and again from {found.seeds:,}; that "
            "takes twice as many."
        ]
    apart = [(one, way, each) for one, way, each in drawn if not each.agree]
    said = f"Intervals by variances and by drawing {_seeds(found.asked.n)} of the {found.seeds:,} again and again agree to "
    said += f"{APART:.0%}".replace("%", " %")
    if not apart:
        return [f"{said} in all {len(drawn)} cases."]
    named = ", ".join(f"{one.name} ({NAMES[way]}) {each.ratio:.2f}" for one, way, each in apart[:6])
    more = f" and {len(apart) - 6} more" if len(apart) > 6 else ""
    why = (
        "Of distances the draws count: variances know the first order alone, and miss the noise of a covariance from few "
        "pictures. "
        * any(one.is_distance for one, _, _ in apart)
        + "Of means the draws know the skew, and a rare value that few seeds have. "
        * any(not one.is_distance for one, _, _ in apart)
    )
    return [
        f"{said} in {len(drawn) - len(apart)} of {len(drawn)} cases. By draws over by variances: {named}{more}. {why}".strip()
    ]


def _missing(found: Found) -> list[str]:
    gaps = {each.name: each.spread.missing for each in found.lucks if each.spread.missing}
    if not gaps:
        return []
    most = max(gaps, key=lambda name: gaps[name])
    return [
        f"{len(gaps)} scores lack some pictures, {most} the most ({gaps[most]:,}): they are means of what there is, with "
        "prompts and seeds fitted."
    ]


def _meaning(found: Found) -> str:
    few = f" {found.seeds} seeds tell variances vaguely." if found.seeds < FEW else ""
    return (
        f"The {found.prompts:,} prompts are those of the benchmark and stay; seeds are a draw from all there are. Estimated "
        f"from {found.seeds:,} seeds; that this is an estimate is in every interval. That distances grow with fewer pictures "
        f"is a bias and no luck: compare such of the same number.{few}"
    )


def _silent(found: Found) -> list[str]:
    return [f"{name} is not told: {reason}" for name, reason in found.silent.items()]


def tables(found: Found) -> list[Table]:
    """Score by score for the number of seeds asked, told in both ways; by number of seeds; what a difference takes."""
    ways = ONE if len(found.models) == 1 else TWO
    told_of = (
        [_of_one(found, way) for way in ONE] if ways == ONE else [_of_two(found, *TWO[:2]), _of_two(found, *TWO[2:])]
    )
    sizes = [each for each in SHOWN_COUNTS if all(each in one.by_n for one in found.lucks)]
    by_count: list[list[Value]] = [
        [one.name, *(one.by_n[each][ways[0]].moves.by_luck for each in sizes)] for one in found.lucks
    ]
    counted = Table(
        title=f"The largest difference that is luck, by the number of seeds; {NAMES[ways[0]]}",
        columns=["score", *map(str, sizes)],
        rows=by_count,
    )
    if found.asked.difference is None:
        return [*told_of, counted]
    needed: list[list[Value]] = [[one.name, *(_count(one.needed[way]) for way in ways)] for one in found.lucks]
    takes = Table(
        title=f"Seeds that find a true difference of {found.asked.difference:g} in 80 % of draws",
        columns=["score", *ways],
        rows=needed,
    )
    return [*told_of, counted, takes]


AGAIN = "again: by drawing seeds again and again"


def _of_one(found: Found, way: Way) -> Table:
    rows = list[list[Value]]()
    for one in found.lucks:
        each = one.by_n[found.asked.n][way]
        again: list[Value] = [None, None] if each.drawn is None else [each.drawn.half, each.drawn.by_luck]
        lo, hi = each.moves.lo, each.moves.hi
        middle = one.score if not one.is_distance or lo is None or hi is None else (lo + hi) / 2
        rows.append([one.name, middle, each.analytic.half, again[0], each.analytic.by_luck, again[1]])
    return Table(
        title=f"{_seeds(found.asked.n)}, {NAMES[way]}: 95 % of other draws, differences that are luck ({AGAIN})",
        columns=["score", "mean", "±", "± again", "luck", "luck again"],
        rows=rows,
    )


def _of_two(found: Found, paired: Way, unpaired: Way) -> Table:
    rows = list[list[Value]]()
    for one in found.lucks:
        cells = list[Value]()
        for way in (paired, unpaired):
            each = one.by_n[found.asked.n][way]
            cells += [each.analytic.by_luck, None if each.drawn is None else each.drawn.by_luck]
        rows.append([one.name, one.score, *cells])
    kind = NAMES[paired].rpartition(", ")[2]
    return Table(
        title=f"{_seeds(found.asked.n)}, {kind}: differences that are luck, with the same seeds and with others ({AGAIN})",
        columns=["score", "difference", "same", "same again", "others", "others again"],
        rows=rows,
    )


def table(found: Found) -> pa.Table:
    """A row a score and number of seeds: `luck.parquet`."""
    ways = ONE if len(found.models) == 1 else TWO
    rows = [_row(found, one, n, ways) for one in found.lucks for n in one.by_n]
    texts, numbers = ("score", "unit"), ("n", "seeds", "prompts", "missing")
    kinds = [(name, pa.string()) for name in texts] + [(name, pa.int64()) for name in numbers]
    others = {name: pa.float64() for row in rows for name in row if name not in (*texts, *numbers)}
    return pa.Table.from_pylist(rows, pa.schema([pa.field(*kind) for kind in [*kinds, *others.items()]]))


def _row(found: Found, one: Luck, n: int, ways: Sequence[Way]) -> dict[str, Value]:
    row: dict[str, Value] = {
        "score": one.name,
        "unit": one.unit,
        "n": n,
        "seeds": one.spread.seeds,
        "prompts": one.spread.prompts,
        "missing": one.spread.missing,
        "value": one.score,
        "variance_of_seed": one.spread.of_seed,
        "variance_of_rest": one.spread.of_rest,
        "difference": found.asked.difference,
    }
    for way in ways:
        name, each = way.replace(" ", "_"), one.by_n[n][way]
        for suffix, moves in (("", each.analytic), ("_drawn", each.drawn)):
            for part in ("sd", "lo", "hi", "half", "by_luck", "found"):
                row[f"{name}_{part}{suffix}"] = None if moves is None else getattr(moves, part)
        needed = one.needed.get(way)
        for part in ("n", "lo", "hi"):
            value = None if needed is None else getattr(needed, part)
            row[f"{name}_needed{'' if part == 'n' else f'_{part}'}"] = None if value is None else float(value)
    return row


def plot(found: Found, subject: str) -> Image.Image:
    """`luck.png`: how far scores move, by the number of seeds; a panel a score."""
    ways = ONE if len(found.models) == 1 else TWO
    what = "half of the 95 % interval of another draw" if len(ways) == 2 else "the largest difference that is luck"
    notes = [
        f"By the number of seeds: {what}. {found.prompts:,} prompts, which stay; estimated from {found.seeds:,} seeds. "
        "Again: by drawing seeds of the run again and again."
    ]
    panels = [_panel(one, ways) for one in found.lucks[:MOST_PANELS]]
    return draw_curves(panels, title=f"{subject}: the luck of seeds", notes=notes, one_scale=False)


def _panel(one: Luck, ways: Sequence[Way]) -> Panel:
    lines, part = list[Line](), "half" if len(ways) == 2 else "by_luck"
    for way in ways:
        by_n = {n: each[way] for n, each in one.by_n.items() if n <= SHOWN_COUNTS[-1]}
        for name, moves in (
            (NAMES[way], {n: each.analytic for n, each in by_n.items()}),
            (f"{NAMES[way]}, again", {n: each.drawn for n, each in by_n.items() if each.drawn is not None}),
        ):
            y = [float(getattr(each, part)) for each in moves.values()]
            if y:
                lines.append(Line(name, [log2(n) for n in moves], y, [None] * len(y), [None] * len(y)))
    counts = [n for n in one.by_n if n <= SHOWN_COUNTS[-1]]
    unit = f", {one.unit}" if one.unit else ""
    return Panel(f"{one.name}{unit}", "seeds", [log2(n) for n in counts], lines, [str(n) for n in counts])


def _seeds(n: int) -> str:
    return f"{n:,} seed{'s' * (n != 1)}"


def _span(moves: Moves) -> str:
    if moves.lo is None or moves.hi is None:
        return f"± {_n(moves.half)}"
    digits = max(0, 2 - _magnitude(moves.half))
    return f"{moves.lo:,.{digits}f} to {moves.hi:,.{digits}f}"


def _magnitude(value: float) -> int:
    """Of the first digit: 0 for 1 to 9.99."""
    return int(f"{value:e}".partition("e")[2]) if value else 0


def _n(value: float, *, signed: bool = False) -> str:
    return f"{value:{'+' if signed else ''}.3g}"


def _count(needed: Needed) -> str:
    def written(n: int | None) -> str:
        return "no number" if n is None else f"{n:,}"

    return f"{written(needed.n)} ({written(needed.lo)} to {written(needed.hi)})"
