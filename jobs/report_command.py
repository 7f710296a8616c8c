"""`seedscope report`: a finished run as a folder of pages that opens in any browser, without a server."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

out = Console()
notes = Console(stderr=True)


def report_study(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="The study: a YAML file.", show_default=False)],
    folder: Annotated[
        Path | None, typer.Option("--out", help="Run folder.  [default: runs/<study name>]", show_default=False)
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="Folder of the report.  [default: report in the run folder]", show_default=False)
    ] = None,
) -> None:
    """Write all that a finished run shows as pages with its pictures: open index.html in any browser.

    The folder holds everything: it can be copied, and asks no server for anything. A former report is replaced.

    Example: seedscope report configs/demo.yaml --to demo-report
    """
    from seedscope.jobs.job import open_job
    from seedscope.jobs.report import make_report

    job = open_job(study, folder)
    bar = Progress(
        TextColumn("seeds drawn"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=notes,
        transient=True,
    )
    with job.folder.locked(), bar:
        job.begin()
        task = bar.add_task("", total=None, visible=False)
        page = make_report(
            job,
            to or job.folder.path / "report",
            lambda done, of: bar.update(task, completed=done, total=of, visible=True),
        )
    out.print(f"wrote {page}", highlight=False, soft_wrap=True)
