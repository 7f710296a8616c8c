"""`seedscope report`: a finished run as a folder of pages that opens in any browser, without a server."""

import json
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Self

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from seedscope.jobs.commands.options import CompletePrompts, Json, Out
from seedscope.jobs.console import notes, out
from seedscope.pipeline.errors import UserError

EVERY_SECONDS = 10.0


def report_study(
    studies: Annotated[
        list[Path],
        typer.Argument(
            metavar="STUDY [STUDY]",
            help="The study: a YAML file; or the folder of its run. Two of them stand side by side on one page.",
            show_default=False,
        ),
    ],
    folder: Out = None,
    to: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the report.  \\[default: report in the run folder, of two runs beside-NAME in that of the first]",
            show_default=False,
        ),
    ] = None,
    pictures: Annotated[
        str,
        typer.Option(
            metavar="N|all",
            help="So many pictures are copied at their full size, those of the first page before others; of all there are "
            "reduced copies.",
        ),
    ] = "1000",
    complete_prompts: CompletePrompts = False,
    as_json: Json = False,
) -> None:
    """Write all that a finished run shows as pages with its pictures: open index.html in any browser.

    The folder holds everything: it can be copied, and asks no server for anything. A former report is replaced.

    Example: seedscope report configs/demo.yaml --to demo-report
    """
    from seedscope.analysis.report.gather.gather import make_report
    from seedscope.analysis.report.gather.pair import make_pair_report
    from seedscope.analysis.run.complete_prompts import with_complete_prompts
    from seedscope.analysis.run.opened import looked_at, opened
    from seedscope.analysis.run.parts import judged_part

    most = _most(pictures)
    if len(studies) > 2 or (len(studies) == 2 and folder is not None):
        raise UserError("A page has one run, or two, named by their folders and without --out.")
    opening = opened if to is None else looked_at
    with ExitStack() as stack:
        runs = [stack.enter_context(opening(study, folder)) for study in studies]
        drawn = stack.enter_context(_Drawn())
        shown = [with_complete_prompts(run) if complete_prompts else judged_part(run) for run in runs]
        if len(runs) == 1:
            page = make_report(shown[0], to or runs[0].folder.path / "report", drawn, most)
        else:
            beside = runs[0].folder.path / f"beside-{runs[1].folder.path.name}"
            page = make_pair_report(shown[0], shown[1], to or beside, drawn, most)
    if as_json:
        print(json.dumps({"index": str(page)}))
    else:
        out.print(f"wrote {page}", soft_wrap=True)


def _most(pictures: str) -> int | None:
    if pictures == "all":
        return None
    if not pictures.isdecimal():
        raise UserError(f"--pictures {pictures}: is neither a number, such as 1000, nor all.")
    return int(pictures)


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
