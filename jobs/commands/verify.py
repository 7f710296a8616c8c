"""`seedscope verify`: are all shards what their receipts say?"""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from seedscope.jobs.commands.options import Json, Out, StudyFile
from seedscope.jobs.console import for_a_program, out
from seedscope.pipeline.errors import UserError

if TYPE_CHECKING:
    from seedscope.analysis.run.run import DrawnRun


def verify_study(
    study: StudyFile,
    folder: Out = None,
    deep: Annotated[bool, typer.Option("--deep", help="Read every byte, not sizes and footers only.")] = False,
    as_json: Json = False,
) -> None:
    """Check all shards against their receipts. A damaged one loses its receipt; the next run makes it again.

    Example: seedscope verify configs/demo.yaml --deep
    """
    from seedscope.analysis.run.beside import must_be_drawn
    from seedscope.analysis.run.opened import run_of
    from seedscope.jobs.work.make import verify

    run = run_of(study, folder)
    with run.folder.read() as read:
        writable = read is run.folder
        damaged = verify(run, deep=deep, take_back=writable)
    if as_json:
        print(json.dumps({"whole": not damaged, "deep": deep, "damaged": damaged}))
    for reason in [] if as_json else damaged:
        out.print(f"damaged: {reason}", soft_wrap=True)
    if damaged and not writable:
        raise UserError(
            f"{len(damaged)} shards are damaged. Nothing was taken back, as the run cannot be written: verify it where it can, "
            "or a copy of it, and run the study again to make them anew."
        )
    if damaged:
        raise UserError(f"{len(damaged)} damaged shards were taken back. Run the study again to make them anew.")
    with for_a_program(as_json):
        if run.race is not None:
            _verify_rounds(must_be_drawn(run), deep=deep)
        out.print(
            "All shards are whole." if deep else "All shards have their size and footer; --deep reads every byte."
        )


def _verify_rounds(run: "DrawnRun", *, deep: bool) -> None:
    """Are the rounds of a sweep those that its stored scores decide?"""
    from seedscope.analysis.judging.race.decide import decided_otherwise, refuse_other_decisions
    from seedscope.analysis.judging.race.early_trial import refuse_other_trial

    parts = [run] if run.early is None else [run, run.early]
    measured = [set.intersection(*(item.table.committed() for item in part.measures)) for part in parts]
    if any(unit.name not in there for part, there in zip(parts, measured, strict=True) for unit in part.units):
        out.print(
            f"{run.race.describe() if run.race else ''}: not all of it is measured, and its decisions were not looked at.",
            soft_wrap=True,
        )
        return
    refuse_other_trial(run)
    changed = refuse_other_decisions(run, trust_bytes=not deep)
    if changed:
        rounds = ", ".join(map(str, changed))
        out.print(
            f"The scores have changed since round(s) {rounds} were decided from them, and decide alike.", soft_wrap=True
        )
    if deep and (older := decided_otherwise(run)):
        out.print(
            f"Round(s) {', '.join(map(str, older))} were decided from these scores by an older version, which weighed pairs of "
            "pictures otherwise, and were not decided again.",
            soft_wrap=True,
        )
    elif deep or changed:
        out.print("Each round is as the scores decide.")
    else:
        out.print("Each round was decided from the scores that there are.")
