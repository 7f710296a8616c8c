"""`seedscope doctor`: what works on this machine."""

from __future__ import annotations

import shutil
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from seedscope.jobs.console import out

if TYPE_CHECKING:
    from seedscope.jobs.doctor.examine import Check, Checked
    from seedscope.jobs.doctor.finding import Finding

STYLES = {"ok": "green", "note": "yellow", "problem": "bold red", "not tried": "dim"}
VERDICT, WHAT = 11, 26
"""Widths of the first two columns."""
NARROWEST = 30


def examine_machine(
    folder: Annotated[Path, typer.Option("--out", help="Where runs are to be written.")] = Path("runs"),
    seconds: Annotated[float, typer.Option(min=1, help="For all checks; what is left over is not tried.")] = 270.0,
    file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all findings there.", show_default=False)
    ] = None,
) -> None:
    """Say what works on this machine: libraries, disks, devices, dtypes, the same pictures again, memory, speed.

    It draws with small models, the bundled ones and one of random weights that it makes itself; nothing is downloaded. Each
    check says ok, note, problem or not tried. The command ends with 1 where pictures would be wrong, or none drawn, else with
    0.

    Example: seedscope doctor --json doctor.json
    """
    from seedscope.jobs.doctor.report import Report

    began, checked = time.monotonic(), []
    for check in _checked(folder, seconds):
        checked.append(check)
        for finding in check.findings:
            _print(finding)
    report = Report.of(checked, time.monotonic() - began)
    told = ", ".join(f"{count} {verdict}" for verdict, count in report.counts.items() if count)
    out.print(f"\n{told}, in {report.seconds:.0f} s.", soft_wrap=True)
    if file is not None:
        report.write(file)
        out.print(f"wrote {file}", soft_wrap=True)
    if report.verdict == "problem":
        raise typer.Exit(1)


def _checked(folder: Path, seconds: float) -> Iterator[Checked]:
    """All checks, one after the other, in a process of their own."""
    from seedscope.jobs.doctor.apart import examine_apart
    from seedscope.jobs.doctor.checks import CHECKS
    from seedscope.jobs.doctor.site import Site

    with (
        tempfile.TemporaryDirectory(prefix="seedscope-doctor-", ignore_cleanup_errors=True) as scratch,
        _told() as begin,
    ):
        yield from examine_apart(CHECKS, Site(folder, Path(scratch)), seconds, begin)


@contextmanager
def _told() -> Iterator[Callable[[Check], object]]:
    """What is called before each check: on a terminal it shows which one is being made."""
    if not out.is_terminal:
        yield str
        return
    with out.status("") as status:
        yield lambda check: status.update(f"{check.name} ...")


def _print(finding: Finding) -> None:
    """A finding as a row: verdict, what, what was found, and below it what to do."""
    width = max(NARROWEST, shutil.get_terminal_size().columns - VERDICT - WHAT)
    lines = textwrap.wrap(finding.found, width)
    if finding.remedy:
        lines += textwrap.wrap(finding.remedy, width, initial_indent="-> ", subsequent_indent="   ")
    head = Text(f"{finding.verdict:<{VERDICT}}", style=STYLES[finding.verdict]).append(
        f"{finding.what:<{WHAT}}", style="bold"
    )
    for number, line in enumerate(lines):
        start = head if number == 0 else Text(" " * (VERDICT + WHAT))
        out.print(start.append(line, style="default"), soft_wrap=True)
