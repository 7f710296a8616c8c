"""`seedscope audit`: whether this machine draws the pictures of a run as they were drawn."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from seedscope.jobs.commands.options import Json, Out, StudyFile
from seedscope.jobs.console import out
from seedscope.pipeline.errors import UserError


def audit_study(
    study: StudyFile,
    folder: Out = None,
    cells: Annotated[int, typer.Option(min=1, help="Pictures to draw again, at least; whole batches are.")] = 64,
    as_json: Json = False,
) -> None:
    """Draw a sample of a run's pictures again on this machine, and say how many are the same and how far the others are off.

    They are drawn in the batches in which they were drawn, so that what differs is the machine. A difference is a finding, not
    an error; the run, which may be at work, stays as it is.

    Example: seedscope audit configs/demo.yaml --cells 64
    """
    from seedscope.analysis.run.run import DrawnRun, run_of
    from seedscope.jobs.commands.audit_words import told
    from seedscope.jobs.planning.redraw import audit

    run = run_of(study, folder)
    if not isinstance(run, DrawnRun):
        raise UserError(
            f"{study}: its pictures were imported, and what drew them is not known; only pictures that seedscope drew can be "
            "drawn again."
        )
    audited = audit(run, cells)
    if as_json:
        print(json.dumps({"cells": len(audited.pictures), "same": audited.same} | asdict(audited)))
        return
    for line in told(audited):
        out.print(line, soft_wrap=True)
