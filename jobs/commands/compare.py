"""`seedscope compare`: do the same seeds do the same under other models, samplers, step counts, sizes or dtypes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table as TextTable

from seedscope.jobs.console import out

if TYPE_CHECKING:
    from seedscope.analysis.comparing.compare_runs import CarryOver, Pair
    from seedscope.analysis.seeds.agreement import Agreement

LEGEND = (
    "p: one-sided, of no relation. Noise allows: what seeds of the very same character would show on other prompts, at the "
    "reliability of both runs. Top: the seeds in both lists; none where seeds are tied."
)


def compare_runs(
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN RUN...", help="Folders or URLs of finished runs.", show_default=False)
    ],
    measure: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this measurement; may be repeated.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare the same seeds in two runs or more: what they keep, and which golden seeds carry over.

    Example: seedscope compare runs/demo runs/turbo
    """
    from seedscope.analysis.comparing.compare_runs import compare_all
    from seedscope.analysis.comparing.finished_run import FinishedRun
    from seedscope.analysis.comparing.in_words import verdict

    pairs = compare_all([FinishedRun.open(run) for run in runs], measure or [])
    if as_json:
        print(json.dumps([asdict(pair) | {"verdict": verdict(pair)} for pair in pairs]))
        return
    for pair in pairs:
        show(pair, out)


def show(pair: Pair, console: Console) -> None:
    """Print what differs, the tables, the notes and the verdict."""
    from seedscope.analysis.comparing.in_words import heading, verdict
    from seedscope.analysis.seeds.verdict import without_far

    print_line = console.print
    print_line(f"{pair.first} and {pair.second}", style="bold")
    for sentence in heading(pair):
        print_line(sentence)
    print_line(_agreements(pair.agreements))
    print_line(LEGEND)
    for one in pair.agreements:
        if one.far:
            print_line(f"{one.measure} is compared {without_far(one.far)} in one run at least.")
    for carry_over in pair.abroad:
        if carry_over.fates:
            print_line(_outcomes(carry_over))
    for measure, reason in pair.silent.items():
        print_line(f"{measure} is not compared: {reason}")
    for note in pair.notes:
        print_line(note)
    print_line(verdict(pair), style="bold")


def _agreements(agreements: Sequence[Agreement]) -> TextTable:
    from seedscope.analysis.comparing.in_words import span

    sizes = {one.found.top.k for one in agreements}
    top = f"top {sizes.pop()}" if len(sizes) == 1 else "top"
    table = TextTable(
        title="Do seeds keep their character? Spearman's rho of their effects", box=SIMPLE, padding=(0, 1, 0, 0)
    )
    table.add_column("measurement", overflow="fold")
    for name in ("rho", "95 % interval", "p", "noise\nallows", "without\nnoise", f"{top}\n(chance)"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in agreements:
        rank, shared = one.found.rank, one.found.top
        table.add_row(
            one.measure,
            _number(rank.rho),
            span(rank.lo, rank.hi),
            "-" if rank.p is None else f"{rank.p:.1g}",
            _number(one.ceiling),
            _number(one.noiseless),
            "-" if shared.shared is None else f"{shared.shared} ({shared.expected:.1f})",
        )
    return table


def _outcomes(carry_over: CarryOver) -> TextTable:
    table = TextTable(
        title=escape(f"Golden seeds of {carry_over.of} in {carry_over.there}, by {' and '.join(carry_over.measures)}"),
        box=SIMPLE,
        padding=(0, 1, 0, 0),
    )
    by_first = f"\nby {escape(carry_over.measures[0])}" if len(carry_over.measures) > 1 else ""
    for name in ("seed", "rank there", f"vs. median there{by_first}", "95 % interval", "q"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("there it is", no_wrap=True)
    for outcome in carry_over.fates:
        table.add_row(
            str(outcome.seed),
            "-" if outcome.rank is None else str(outcome.rank),
            "-" if outcome.effect is None else f"{outcome.effect:+.3g}",
            "-" if outcome.lo is None else f"{outcome.lo:+.3g} to {outcome.hi:+.3g}",
            "-" if outcome.q is None else f"{outcome.q:.2g}",
            outcome.standing,
        )
    return table


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
