"""`seedscope status`: how far a run is, once or until it is done."""

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
    from seedscope.analysis.run.run import Run
    from seedscope.jobs.work.standing import Standing

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
    from seedscope.analysis.run.run import run_of
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


def _again(run: "Run", every: float) -> Iterator["Standing"]:
    """How far a run is, now and every so many seconds until it is over; less often where reading it takes long."""
    from seedscope.jobs.work.standing import standing

    while True:
        started = time.monotonic()
        found = standing(run)
        took = time.monotonic() - started
        yield found
        if found.over:
            return
        time.sleep(max(every - took, 3 * took))


def _print(found: "Standing", as_json: bool) -> None:
    from seedscope.jobs.commands.standing_words import told

    if as_json:
        print(json.dumps(asdict(found) | {"finished": found.finished}), flush=True)
        return
    for line in told(found):
        out.print(line, soft_wrap=True)


def _show(standings: Iterator["Standing"]) -> None:
    """One picture that changes, on a terminal."""
    from seedscope.jobs.commands.standing_words import told

    with Live(console=out, auto_refresh=False) as live:
        for found in standings:
            live.update(Text("\n".join(told(found))), refresh=True)


def _log(standings: Iterator["Standing"]) -> None:
    """A line for each table that is not done, and at the end for all."""
    from seedscope.jobs.commands.standing_words import told_briefly

    for found in standings:
        for table in found.tables:
            if found.over or table.units_done < table.units:
                out.print(told_briefly(table), soft_wrap=True)


@contextmanager
def _until_interrupted() -> Iterator[None]:
    """Ctrl-C is how a person ends watching: nothing was stopped by it, and nothing is to be told."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGINT, before)
