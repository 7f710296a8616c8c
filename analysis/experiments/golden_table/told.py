"""Table 1 in words and small tables: what golden seeds are worth on fresh prompts, and how many pictures buy the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seedscope.analysis.counted_p import counted_p
from seedscope.analysis.experiments.finding import Table, Value
from seedscope.analysis.experiments.golden_table.arms import Arms
from seedscope.analysis.experiments.golden_table.sets import SHUFFLES
from seedscope.analysis.experiments.golden_table.table import Row
from seedscope.analysis.seeds.scores.discovery import q_values
from seedscope.analysis.seeds.scores.scores import sign
from seedscope.analysis.select.comparison import Difference

RATE = 0.05
"""False discovery rate of the verdicts; and the share of random sets from which on it is said how many do as well."""
TITLE = "What are golden seeds worth on prompts that took no part in choosing?"


def told(rows: Sequence[Row], arms: Arms, where: str) -> list[str]:
    """The answer, measure by measure. where: which prompts, in words."""
    shown = ", ".join(map(str, arms.golden[:12])) + (" ..." if len(arms.golden) > 12 else "")
    others = (
        f"all {arms.population} other seeds"
        if len(arms.random) == arms.population
        else f"{len(arms.random)} of the {arms.population} other seeds, drawn at random"
    )
    first = (
        f"{arms.chosen}: {shown}. They, and the {len(arms.worst)} worst of the others, are compared with {others}, on {where}; "
        "intervals are of 95 %, for fresh prompts."
    )
    if len(rows) > 1:
        first += (
            f" Better or worse takes an interval without 0 and q <= {RATE:g} over all {len(rows)} measures "
            "(Benjamini-Hochberg)."
        )
    some = len(arms.random) < arms.population
    answers = (
        _of_set(row, q, some=some) if row.of == "sets" else _of_pictures(row, q)
        for row, q in zip(rows, _q(rows), strict=True)
    )
    return [first, *answers, *_about_best_of(rows)]


def _q(rows: Sequence[Row]) -> list[float]:
    """Of golden less random, a row each; NaN where no p is known."""
    return [float(q) for q in q_values([np.nan if row.golden_less.p is None else row.golden_less.p for row in rows])]


def _of_set(row: Row, q: float, *, some: bool) -> str:
    """some: the random seeds were drawn from more."""
    spread = row.spread or (0.0, 0.0)
    drawn = " Which seeds were drawn as the random ones is in none of its intervals." if some else ""
    return (
        f"{row.measure} ({row.better} is better) of sets of {row.prompts} pictures, one a prompt, its seed drawn at random: "
        f"golden {row.golden:.4g} (s.d. over {row.draws} draws {spread[0]:.2g}), random {row.random:.4g} ({spread[1]:.2g}); "
        f"golden less random {_difference(row.golden_less)}{_p(row.golden_less)}, worst less random "
        f"{_difference(row.worst_less)}. {_verdict(row, q)}{drawn} It depends on the number of pictures: compare it with no "
        "other table's."
    )


def _of_pictures(row: Row, q: float) -> str:
    return (
        f"{row.measure} ({row.better} is better): a golden seed gives {row.golden:.4g}, a random one {row.random:.4g}: "
        f"{_difference(row.golden_less)}, {counted_p(row.golden_less.p or 1.0, SHUFFLES)}; of random sets of as many seeds "
        f"{100 * (row.as_good or 0.0):.3g} % do as well. Worst less random: {_difference(row.worst_less)}. {_verdict(row, q)}"
    )


def _verdict(row: Row, q: float) -> str:
    """What holds over all measures. q: of this one among them."""
    lo, hi, way = row.golden_less.lo, row.golden_less.hi, sign(row.better)
    if lo is None or hi is None or lo <= 0 <= hi:
        return "A difference is not shown."
    if not q <= RATE:
        return "A difference is not shown" + ("." if np.isnan(q) else f": q = {q:.2g} over all measures.")
    if way * row.golden_less.mean < 0:
        return "Golden seeds are worse."
    if row.as_good is not None and row.as_good > RATE:
        return f"Golden seeds are better, but so many random sets do as well: {100 * row.as_good:.3g} %."
    return "Golden seeds are better."


def _about_best_of(rows: Sequence[Row]) -> list[str]:
    scored = [row for row in rows if row.best is not None]
    if not scored:
        return [
            "Best-of-N needs a measure of single pictures, such as clip_score; the study has none with a good direction."
        ]
    told = [_best_of(row) for row in scored]
    seconds = [_seconds(row) for row in scored if row.seconds]
    if seconds:
        told.append(
            "Best-of-N is judged above by the very measure by which it chooses, a golden seed is not. "
            + " ".join(seconds)
        )
    return told


def _best_of(row: Row) -> str:
    best = row.best
    assert best is not None
    if best.n == 1:
        return f"By {row.measure} a golden seed does no more than one random seed ({best.written()})."
    if not best.is_known:
        return (
            f"By {row.measure} not even the best of all {best.seeds} random seeds, chosen for each prompt, does as well as a "
            "golden seed."
        )
    sure = " It is not sure that it does more than one random seed." if best.lo == 1 else ""
    return (
        f"By {row.measure} one golden seed does as well as the best of N = {best.written()} random seeds, chosen for each "
        f"prompt: these cost {best.n} pictures and {best.n} scorings, a golden seed costs 1 picture and no scoring.{sure}"
    )


def _seconds(row: Row) -> str:
    assert row.best is not None
    others = "; ".join(f"{one.measure} ({one.better} is better) {_difference(one.less)}" for one in row.seconds)
    return f"Golden seeds less the best of {row.best.n} by {row.measure}, by others: {others}."


def tables(rows: Sequence[Row]) -> list[Table]:
    """Table 1, and what best-of-N takes."""
    main = Table(
        title="Golden, random and worst seeds",
        columns=[
            "measure",
            "better",
            "prompts",
            "golden",
            "random",
            "worst",
            "golden - random",
            "p",
            "q",
            "worst - random",
        ],
        rows=[
            [
                row.measure,
                row.better,
                row.prompts,
                row.golden,
                row.random,
                row.worst,
                _difference(row.golden_less),
                row.golden_less.p,
                None if np.isnan(q) else q,
                _difference(row.worst_less),
            ]
            for row, q in zip(rows, _q(rows), strict=True)
        ],
    )
    best = [row for row in rows if row.best is not None]
    bought = Table(
        title="The best of N random seeds that does as well as one golden seed",
        columns=["measure", "N", "pictures for one", "by another measure", "golden - best of N"],
        rows=[line for row in best for line in _bought(row)],
    )
    return [main, bought] if best else [main]


def _bought(row: Row) -> list[list[Value]]:
    """A line for each measure that says something of the best of N."""
    best = row.best
    assert best is not None
    found: list[Value] = [row.measure, best.written(), best.n if best.is_known else None]
    return [[*found, one.measure, _difference(one.less)] for one in row.seconds] or [[*found, None, None]]


def _difference(found: Difference) -> str:
    if found.lo is None or found.hi is None:
        return f"{found.mean:+.3g} (no interval)"
    return f"{found.mean:+.3g} ({found.lo:+.3g} to {found.hi:+.3g})"


def _p(found: Difference) -> str:
    return "" if found.p is None else f", p = {found.p:.2g}"
