"""`seedscope verify`: are all shards what their receipts say?"""

from typing import Annotated

import typer

from seedscope.jobs.commands.options import Out, StudyFile
from seedscope.jobs.console import out
from seedscope.pipeline.errors import UserError


def verify_study(
    study: StudyFile,
    folder: Out = None,
    deep: Annotated[bool, typer.Option("--deep", help="Read every byte, not sizes and footers only.")] = False,
) -> None:
    """Check all shards against their receipts. A damaged one loses its receipt; the next run makes it again.

    Example: seedscope verify configs/demo.yaml --deep
    """
    from seedscope.analysis.run.run import run_of
    from seedscope.jobs.work.make import verify

    run = run_of(study, folder)
    with run.folder.read() as read:
        writable = read is run.folder
        damaged = verify(run, deep=deep, take_back=writable)
    for reason in damaged:
        out.print(f"damaged: {reason}", soft_wrap=True)
    if damaged and not writable:
        raise UserError(
            f"{len(damaged)} shards are damaged. Nothing was taken back, as the run cannot be written: verify it where it can, "
            "or a copy of it, and run the study again to make them anew."
        )
    if damaged:
        raise UserError(f"{len(damaged)} damaged shards were taken back. Run the study again to make them anew.")
    out.print("All shards are whole." if deep else "All shards have their size and footer; --deep reads every byte.")
