"""`seedscope status`: how far a run is, once or until it is done."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.live import Live
from rich.text import Text

from seedscope.jobs.commands.options import Json, Out, StudyFile
from seedscope.jobs.console import out

if TYPE_CHECKING:
    from seedscope.analysis.run.run import AnyRun
    from seedscope.jobs.work.standing import RunStatus, TableStatus

REFRESH_SECONDS = 2.0
LOG_SECONDS = 10.0


def show_status(
    study: StudyFile,
    folder: Out = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show it again every few seconds until all is done or given up.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say how far a run is: what is done and how fast, who works on it, what failed.

    Reads the run folder alone, so that it may be asked at any time and from another machine than the run's. With --watch
    and --json: a line of JSON each time.

    Example: seedscope status configs/demo.yaml --watch
    """
    from seedscope.analysis.run.opened import run_of
    from seedscope.jobs.work.standing import standing

    run = run_of(study, folder)
    if not watch:
        _print(standing(run), as_json)
        return
    with _until_interrupted():
        if as_json:
            for found in _again(run, REFRESH_SECONDS):
                _print(found, as_json)
        elif out.is_terminal:
            _show(_again(run, REFRESH_SECONDS))
        else:
            _log(_again(run, LOG_SECONDS))


def _again(run: AnyRun, every: float) -> Iterator[RunStatus]:
    """How far a run is, now and every so many seconds until it is over; less often where reading it takes long."""
    from seedscope.analysis.run.raced_run import as_it_stands
    from seedscope.jobs.work.standing import standing

    while True:
        started = time.monotonic()
        found = standing(as_it_stands(run))
        took = time.monotonic() - started
        yield found
        if found.over:
            return
        time.sleep(max(every - took, 3 * took))


def _print(found: RunStatus, as_json: bool) -> None:
    if as_json:
        told = asdict(found) | {"finished": found.finished}
        of_sweeps = () if found.race else ("race", "rounds_to_come")
        print(json.dumps({key: value for key, value in told.items() if key not in of_sweeps}), flush=True)
        return
    for line in describe(found):
        out.print(line, soft_wrap=True)


def _show(standings: Iterator[RunStatus]) -> None:
    """One picture that changes, on a terminal."""
    with Live(console=out, auto_refresh=False) as live:
        for found in standings:
            live.update(Text("\n".join(describe(found))), refresh=True)


def _log(standings: Iterator[RunStatus]) -> None:
    """A line for each table that is not done, and at the end for all."""
    for found in standings:
        for table in found.tables:
            if found.over or table.units_done < table.units:
                out.print(summary(table), soft_wrap=True)


@contextmanager
def _until_interrupted() -> Iterator[None]:
    """Ctrl-C is how a person ends watching: nothing was stopped by it, and nothing is to be said."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGINT, before)


def describe(standing: RunStatus) -> list[str]:
    """How far a run is, in lines: a name that a person may copy is never cut, and stands at the start of its line."""
    return [*_heading(standing), *_tables(standing), *_workers(standing), *_troubles(standing)]


def summary(table: TableStatus) -> str:
    """A table in one line, for logs."""
    return f"{table.table}: {', '.join(_parts(table))}"


def _heading(standing: RunStatus) -> Iterator[str]:
    yield f"{standing.study} in {standing.folder}"
    yield f"{standing.driver} works on it." if standing.driver else "Nobody works on it."
    if standing.race:
        yield f"{standing.race}. The tables below are of the rounds so far."


def _tables(standing: RunStatus) -> Iterator[str]:
    for table in standing.tables:
        yield table.table
        yield f"  {table.stage}: {table.units_done:,} of {table.units:,} units, {', '.join(_parts(table))}"


def _parts(table: TableStatus) -> Iterator[str]:
    from seedscope.jobs.work.pace import format_rate, format_time

    yield f"{table.cells_done:,} of {table.cells:,} cells"
    yield f"{table.cells_failed:,} failed"
    yield f"{table.bytes / 1e6:,.1f} MB"
    if table.units_given_up:
        yield f"{table.units_given_up:,} units given up"
    if table.rate:
        yield format_rate(table.rate)
    if table.seconds_left is not None:
        yield f"{format_time(table.seconds_left)} left"


def _workers(standing: RunStatus) -> Iterator[str]:
    from seedscope.jobs.work.pace import format_rate

    if standing.workers:
        yield "Workers of the last minutes:"
    for worker in standing.workers:
        yield f"  {worker.worker}  {worker.stage}, {format_rate(worker.rate)}"


def _troubles(standing: RunStatus) -> Iterator[str]:
    from seedscope.jobs.work.standing import NAMED

    if standing.failed:
        yield f"Failed cells, the first {NAMED} of each table:"
    for cell in standing.failed:
        yield f"  {cell.table}: {cell.prompt!r} with seed {cell.seed}: {cell.error}"
    if standing.given_up:
        yield f"Units given up, the first {NAMED} of each table; the same command tries them again:"
    for unit in standing.given_up:
        yield f"  {unit.table}: {unit.unit}: {unit.reason}"
