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

NAMED = 3
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

    pairs = compare_all([FinishedRun.open(run) for run in runs], measure or [])
    if as_json:
        print(json.dumps([asdict(pair) | {"verdict": verdict(pair)} for pair in pairs]))
        return
    for pair in pairs:
        show(pair, out)


def show(pair: Pair, console: Console) -> None:
    """Print what differs, the tables, the notes and the verdict."""
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


def heading(pair: Pair) -> list[str]:
    """What differs between the runs, and what they share."""
    both, one, other = pair.prompts
    prompts = f"the same {both} prompts" if not one and not other else f"{both} prompts in common"
    differs = "; ".join(pair.differences) or "nothing in how the pictures were made"
    return [f"What differs: {differs}.", f"{len(pair.seeds)} seeds in common, {prompts}."]


def verdict(pair: Pair) -> str:
    """In which measurements seeds keep their character, and how many golden seeds carry over, in one sentence."""
    from seedscope.analysis.seeds.agreement import alike, kept
    from seedscope.analysis.select.confirmed import CANDIDATES

    known = [one for one in pair.agreements if one.found.rank.rho is not None]
    none = [one for one in known if alike(one, CANDIDATES)]
    differing = [one for one in known if one not in none]
    # One-sided tests at half the rate, so that they say no more than the two-sided intervals beside them.
    keep = sorted(kept(differing, CANDIDATES / 2), key=lambda one: -(one.found.rank.rho or 0.0))
    lose = sorted(
        (one for one in differing if one not in keep), key=lambda one: -min(value or 0.0 for value in one.reliability)
    )
    parts = []
    if keep:
        parts.append(
            f"Seeds keep their character in {_list(keep)}" + (f", but not shown in {_list(lose)}" if lose else "")
        )
    elif lose:
        parts.append(f"That seeds keep their character is not shown in {_list(lose)}")
    if none:
        parts.append(f"{'s' if parts else 'S'}eeds do not differ beyond chance in one of the runs in {_list(none)}")
    return "; ".join([*(parts or ["Nothing can be compared"]), *map(_carried, pair.abroad)]) + "."


def _list(agreements: Sequence[Agreement]) -> str:
    named = [f"{one.measure} ({_rho(one)})" for one in agreements[:NAMED]]
    if more := len(agreements) - len(named):
        named.append(f"{more} other{'s' if more > 1 else ''}")
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)


def _rho(one: Agreement) -> str:
    rank = one.found.rank
    return f"{rank.rho:.2f}" if rank.lo is None else f"{rank.rho:.2f}, {_span(rank.lo, rank.hi)}"


def _carried(carry_over: CarryOver) -> str:
    found, count = carry_over.chance, len(carry_over.fates)
    if not count:
        return f"{carry_over.of} has no golden seeds"
    word = "judged" if any(fate.standing == "not judged" for fate in carry_over.fates) else "drawn"
    if found is None:
        which = "the one golden seed" if count == 1 else f"none of {count} golden seeds"
        return f"{which} of {carry_over.of} was {'not ' if count == 1 else ''}{word} in {carry_over.there}"
    chance = f"{carry_over.there}, chance gives {found.expected:.1f} (p = {found.p:.2g})"
    if count == 1:
        return f"the one golden seed of {carry_over.of} {'carries' if found.carried else 'does not carry'} over to {chance}"
    drawn = "" if found.golden == count else f" ({found.golden} {word} there)"
    carry = "carries" if found.carried == 1 else "carry"
    return f"of {count} golden seeds of {carry_over.of}{drawn} {found.carried} {carry} over to {chance}"


def _agreements(agreements: Sequence[Agreement]) -> TextTable:
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
            _span(rank.lo, rank.hi),
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


def _span(low: float | None, high: float | None) -> str:
    return "-" if low is None or high is None else f"{low:.2f} to {high:.2f}"
