"""What is known of the seeds of a run, told to a person or a program."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table as TextTable

from seedscope.analysis.counted_p import counted_number
from seedscope.analysis.judging.copied_seeds import of_copies
from seedscope.analysis.run.complete_prompts import unfinished
from seedscope.analysis.run.parts import of_chosen
from seedscope.analysis.run.unnamed_groups import unnamed_groups
from seedscope.analysis.seeds.ranking import Ranking
from seedscope.analysis.seeds.scores.scalar import Scalar
from seedscope.analysis.seeds.verdict import span, verdict, without_far, written
from seedscope.jobs.console import out
from seedscope.pipeline.errors import UserError

if TYPE_CHECKING:
    from seedscope.analysis.judging.golden_rules import Choice
    from seedscope.analysis.judging.judge import Judged
    from seedscope.analysis.run.run import Run


def judge_part(run: Run, part: Run) -> tuple[Judged, Choice]:
    """Judge a part of a run, and print what is known of its seeds. Where they cannot be judged, the tables and the card of the
    run are written all the same.

    Raises:
        UserError: as for `judge`.
    """
    from seedscope.analysis.dataset.write import write_dataset

    try:
        return judge_and_show(part)
    except UserError:
        write_dataset(run)
        raise


def judge_and_show(run: Run) -> tuple[Judged, Choice]:
    """Judge the seeds of a run, and print what is known of them."""
    from seedscope.analysis.judging.golden_rules import choose
    from seedscope.analysis.judging.judge import judge

    judged = judge(run)
    choice = choose(run, judged)
    show(run, judged, choice, out)
    return judged, choice


def in_json(judged: Judged, choice: Choice) -> dict[str, Any]:
    """What is known of the seeds, for a program: which are golden, a row a seed, and a row a measurement."""
    ranking = judged.ranking
    rows = [
        {
            "seed": row.seed,
            "rank": row.rank,
            "value": row.value,
            "interval": row.interval,
            "less_median": row.effect,
            "interval_of_all": row.effect_of_all,
        }
        for row in ranking.rows
    ]
    shares = [
        {
            "measure": found.name,
            "share": None if found.shares is None else found.shares.seed.share,
            "interval": None if found.shares is None else (found.shares.seed.lo, found.shares.seed.hi),
            "reliability": found.reliability,
            "p": None if found.null is None else found.null.differ,
        }
        for found in judged.scalars.values()
    ]
    return {
        "golden": choice.seeds,
        "sentence": choice.sentence,
        "ranked_by": ranking.measure,
        "better": ranking.better,
        "seeds": rows,
        "measures": shares,
    }


def show(run: Run, judged: Judged, choice: Choice, console: Console) -> None:
    """Print which seeds are golden, the best and the worst, the verdict, and how much of each measurement is the seed's."""
    from seedscope.analysis.judging.export_run import golden_line
    from seedscope.analysis.judging.judge import deciding
    from seedscope.analysis.judging.unsteady_seeds import of_unsteady

    console.print(golden_line(choice), style="bold")
    console.print(choice.sentence)
    console.print()
    console.print(_best_and_worst(judged.ranking, run.study.name))
    for sentence in [*unfinished(run), *unnamed_groups(run), *of_copies(judged.copied, len(run.wanted.seeds))]:
        console.print(sentence)
    for sentence in verdict(judged.ranking):
        console.print(sentence)
    if judged.scalars:
        console.print(_shares(judged.scalars.values()))
        for sentence in of_chosen(run):
            console.print(sentence)
    for sentence in _without_far(judged.scalars.values()):
        console.print(sentence)
    for distance in judged.distances:
        console.print(distance.sentence())
    for sentence in of_unsteady(deciding(run, judged)):
        console.print(sentence)
    for measure, reason in judged.silent.items():
        console.print(f"{measure} says nothing of the seeds: {reason}")
    if judged.by_task is not None:
        console.print(_by_task(judged.by_task))


def _best_and_worst(ranking: Ranking, name: str, most: int = 5) -> TextTable:
    rows = ranking.rows
    grid = TextTable(title=f"Seeds of {name} by {ranking.measure}, {ranking.better} is better")
    value = "distance" if ranking.real_images is not None else "rate" if ranking.rate else "value"
    for heading in ("rank", "seed", value, "95 % interval", "vs. median", "95 %, all seeds"):
        grid.add_column(heading, justify="right", no_wrap=True)
    shown = rows if len(rows) <= 2 * most else [*rows[:most], None, *rows[-most:]]
    for row in shown:
        if row is None:
            grid.add_row(*["..."] * 6)
        else:
            grid.add_row(
                str(row.rank or "-"),
                str(row.seed),
                written(ranking, row.value),
                span(ranking, row.lo, row.hi),
                written(ranking, row.effect, signed=True),
                span(ranking, *row.effect_of_all, signed=True),
            )
    return grid


def _shares(scalars: Iterable[Scalar]) -> TextTable:
    grid = TextTable(
        title="How much of each measurement's variance is the seed's", box=SIMPLE, collapse_padding=True, pad_edge=False
    )
    grid.add_column("measurement", overflow="fold")
    for heading in ("share", "95 % interval", "reliability", "p"):
        grid.add_column(heading, justify="right", no_wrap=True)
    for found in scalars:
        seed = None if found.shares is None else found.shares.seed
        grid.add_row(
            found.name,
            "-" if seed is None or seed.share is None else f"{100 * seed.share:.1f} %",
            "-"
            if seed is None or seed.lo is None or seed.hi is None
            else f"{100 * seed.lo:.1f} to {100 * seed.hi:.1f}",
            "-" if found.reliability is None else f"{found.reliability:.2f}",
            "-" if found.null is None else counted_number(found.null.differ, len(found.null.best)),
        )
    return grid


def _without_far(scalars: Iterable[Scalar]) -> list[str]:
    """Which seeds the reliabilities leave out, in a sentence for all measurements."""
    by: dict[tuple[int, ...], list[str]] = {}
    for found in scalars:
        if found.far.any():
            by.setdefault(tuple(found.seeds[found.far].tolist()), []).append(found.name)
    if len(by) == 1:
        ((seeds, names),) = by.items()
        return [f"Reliability is {without_far(seeds)}, by {', '.join(names)}."]
    some = "; ".join(f"{', '.join(map(str, seeds))} by {', '.join(names)}" for seeds, names in by.items())
    return [f"Reliability is without the seeds that lie far off all others: {some}."] if some else []


def _by_task(rates: pa.Table) -> TextTable:
    grid = TextTable(title="Masks with text, before inpainting and after", box=SIMPLE, pad_edge=False)
    for heading in ("task", "before", "mean of seeds", "lowest", "highest"):
        grid.add_column(heading, justify="left" if heading == "task" else "right", no_wrap=True)
    for task in rates["task"].unique().to_pylist():
        rows = rates.filter(pc.equal(rates["task"], task)).sort_by("rate").to_pylist()
        known = [row for row in rows if row["rate"] is not None]
        if known:
            ends = [f"{100 * row['rate']:.0f} % (seed {row['seed']})" for row in (known[0], known[-1])]
            mean = sum(row["rate"] for row in known) / len(known)
            grid.add_row(task, f"{100 * known[0]['before']:.0f} %", f"{100 * mean:.0f} %", *ends)
    return grid
