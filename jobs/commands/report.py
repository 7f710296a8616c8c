"""`seedscope report`: a finished run as a folder of pages that opens in any browser, without a server."""

import json
import time
from pathlib import Path
from typing import Annotated, Self

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from seedscope.jobs.commands.options import CompletePrompts, Json, Out, StudyFile
from seedscope.jobs.console import notes, out

EVERY_SECONDS = 10.0


def report_study(
    study: StudyFile,
    folder: Out = None,
    to: Annotated[
        Path | None,
        typer.Option(help="Folder of the report.  \\[default: report in the run folder]", show_default=False),
    ] = None,
    complete_prompts: CompletePrompts = False,
    as_json: Json = False,
) -> None:
    """Write all that a finished run shows as pages with its pictures: open index.html in any browser.

    The folder holds everything: it can be copied, and asks no server for anything. A former report is replaced.

    Example: seedscope report configs/demo.yaml --to demo-report
    """
    from seedscope.analysis.report.gather.gather import make_report
    from seedscope.analysis.run.complete_prompts import with_complete_prompts
    from seedscope.analysis.run.opened import looked_at, opened
    from seedscope.analysis.run.parts import judged_part

    opening = opened if to is None else looked_at
    with opening(study, folder) as run, _Drawn() as drawn:
        shown = with_complete_prompts(run) if complete_prompts else judged_part(run)
        page = make_report(shown, to or run.folder.path / "report", drawn)
    if as_json:
        print(json.dumps({"index": str(page)}))
    else:
        out.print(f"wrote {page}", soft_wrap=True)


class _Drawn:
    """Says of how many seeds the pictures are drawn: a bar on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        columns = TextColumn("picture sheets of seeds"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        self._bar = Progress(*columns, console=notes, transient=True, disable=not notes.is_terminal)
        self._task = self._bar.add_task("", total=None, visible=False)
        self._told = time.monotonic()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, done: int, of: int) -> None:
        self._bar.update(self._task, completed=done, total=of, visible=True)
        if not notes.is_terminal and time.monotonic() - self._told > EVERY_SECONDS:
            self._told = time.monotonic()
            notes.print(f"{done:,} of {of:,} seeds have their picture sheets")
