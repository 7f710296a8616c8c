"""`seedscope compare`: do the same seeds do the same under other models, samplers, step counts, sizes or dtypes."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from seedscope.jobs.console import out


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
    from seedscope.jobs.commands.compare_words import show, verdict

    pairs = compare_all([FinishedRun.open(run) for run in runs], measure or [])
    if as_json:
        print(json.dumps([asdict(pair) | {"verdict": verdict(pair)} for pair in pairs]))
        return
    for pair in pairs:
        show(pair, out)
