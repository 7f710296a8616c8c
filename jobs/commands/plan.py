"""`seedscope plan`: what a study would make, and what it would take."""

from typing import Annotated

import typer

from seedscope.jobs.commands.options import Json, Out, StudyFile
from seedscope.jobs.console import out
from seedscope.pipeline.errors import UserError


def plan_study(
    study: StudyFile,
    folder: Out = None,
    gpus: Annotated[
        str,
        typer.Option(metavar="N,N,...", help="Numbers of GPUs to price, or of workers where the bench ran on a CPU."),
    ] = "1,8,64",
    price: Annotated[
        float | None, typer.Option(min=0, help="Of an hour of one of them, in your currency.", show_default=False)
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(min=0, help="GPU hours in all: say what prompts and seeds they pay for.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what a study would make, how long that takes and what it costs; make nothing.

    The rate is that of the last `seedscope bench` of the same model, sampling and features, in this run folder or one
    beside it.

    Example: seedscope plan configs/sdxl_turbo.yaml --gpus 1,8,64 --price 2.5 --budget 500
    """
    from seedscope.analysis.run.run import DrawnRun, run_of
    from seedscope.jobs.commands import plan_words
    from seedscope.jobs.planning.estimate import planned

    run = run_of(study, folder)
    if not isinstance(run, DrawnRun):
        raise UserError(
            f"{study}: its pictures were imported, so nothing is to be planned; see `seedscope status {study}`."
        )
    plan = planned(run, _counts(gpus), price, budget)
    measure = f"`seedscope bench {study}{f' --out {folder}' if folder else ''}`"
    if plan.rated is None and budget is not None:
        raise UserError(
            f"--budget: no rate is known of this model, sampling and features yet. {measure} measures it here."
        )
    if as_json:
        print(plan.model_dump_json())
        return
    for line in plan_words.sizes(plan):
        out.print(line, soft_wrap=True)
    if plan.rated is None:
        out.print(f"\nHow long it takes is not known yet: {measure} measures the rate here.", soft_wrap=True)
        return
    out.print(f"\n{plan_words.rate(plan.rated)}", soft_wrap=True)
    out.print(plan_words.bills(plan.rated))
    if plan.budget is not None:
        for line in plan_words.budget(plan.budget, plan):
            out.print(line, soft_wrap=True)


def _counts(text: str) -> list[int]:
    """`1,8,64` as numbers."""
    counts = [int(part) for part in text.split(",") if part.strip().isdecimal()]
    if len(counts) != text.count(",") + 1 or 0 in counts:
        raise UserError(f"--gpus {text}: is not a list of whole numbers above 0, such as 1,8,64.")
    return counts
