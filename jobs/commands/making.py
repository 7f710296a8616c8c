"""Making what a run lacks, for commands: how far it is, and what stages did, told to a person."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

from seedscope.jobs.console import notes, out
from seedscope.pipeline.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from seedscope.analysis.run.run import AnyRun, DrawnRun
    from seedscope.jobs.work.make import Wanted
    from seedscope.jobs.work.steps import Step
    from seedscope.pipeline.running.runner import Executor
    from seedscope.pipeline.running.stage import Stage


def make_and_tell(
    run: "AnyRun",
    where: "Executor",
    told: "Console" = out,
    *,
    warn: bool = True,
    show: bool = False,
    **what: Unpack["Wanted"],
) -> "list[Step]":
    """Make what a run lacks, tell how far it is, say at the end what stages did, and return that.

    Args:
        told: where the latter is said; standard output may be another program's.
        warn: say before pictures are drawn which parts and words they are drawn without.
        show: of a run without pictures, make a sheet of the first ones that are drawn, and say where it lies.

    Raises:
        UserError: a mishap that trying again would not fix, or something that could not be made; it is named first.
    """
    from seedscope.jobs.work.first_pictures import FirstPictures
    from seedscope.jobs.work.make import make
    from seedscope.jobs.work.progress import Watcher

    if warn and what.get("pictures"):
        _warn_before_drawing(run)
    with Watcher(notes, run.study.name, FirstPictures(run) if show else None) as watch:
        steps = make(run, where, watch, **what)
    _report(steps, told)
    return steps


def carry_out_and_tell(run: "DrawnRun", name: str, stage: "Stage", where: "Executor", told: "Console" = out) -> None:
    """As `make_and_tell`, of one stage more over the units of a run: what its table lacks, or has damaged.

    Args:
        name: of the stage, as it is told.
    """
    from seedscope.jobs.work.make import taken_back
    from seedscope.jobs.work.progress import Watcher
    from seedscope.jobs.work.steps import Pending, carry_out
    from seedscope.pipeline.running.runner import Work

    repaired = taken_back(stage.tables, run.units)
    done = stage.done()
    todo = [unit for unit in run.units if unit.name not in done]
    with Watcher(notes, run.study.name) as watch:
        steps = carry_out([Pending(name, len(run.units), tuple(repaired), Work(name, stage, todo))], where, watch)
    _report(steps, told)


def _warn_before_drawing(run: "AnyRun") -> None:
    """Say which parts the model does without, what of a file is not drawn with, and how many prompts are cut, by how much."""
    from seedscope.analysis.run.measured import unnamed_reference
    from seedscope.analysis.run.run import DrawnRun
    from seedscope.analysis.run.unused_negatives import unused_negatives
    from seedscope.pipeline.models.cut_prompts import tokens_cut

    if not isinstance(run, DrawnRun):
        return
    if gone := run.located.left_out:
        notes.print(
            f"{run.located.name} has no {' and no '.join(gone)}: pictures are drawn without, and are others than with.",
            soft_wrap=True,
        )
    reference = unnamed_reference(run.study, run.measured)
    for sentence in [*unused_negatives(run), *filter(None, [reference])]:
        notes.print(sentence, soft_wrap=True)
    prompts = [prompt.text for prompt in run.wanted.prompts]
    if cut := tokens_cut(run.located, run.study.sampling, prompts):
        hint = " `long_prompts: chunks` under sampling reads them in chunks." if run.located.family.chunks else ""
        notes.print(
            f"{len(cut):,} of {len(prompts):,} prompts are longer than the text encoder takes: up to {max(cut):,} tokens at "
            f"their ends will not be read.{hint}",
            soft_wrap=True,
        )


def _report(steps: Sequence["Step"], told: "Console") -> None:
    """Say what stages did.

    Raises:
        UserError: something could not be made; it is named first.
    """
    quarantined: dict[str, str] = {}
    for step in steps:
        for reason in step.repaired:
            notes.print(f"made again: {reason}", soft_wrap=True)
        failed = f", {step.failed_cells:,} cells failed" if step.failed_cells else ""
        told.print(f"{step.name}: {step.units:,} units, {step.made:,} made now{failed}")
        if step.prompts_cut:
            notes.print(
                f"{step.prompts_cut:,} prompts are longer than the text encoder takes: their ends were not read.",
                soft_wrap=True,
            )
        quarantined |= {f"{step.name} {unit}": reason for unit, reason in step.quarantined.items()}
    for unit, reason in quarantined.items():
        notes.print(f"failed three times: {unit}: {reason}", soft_wrap=True)
    if quarantined:
        raise UserError(
            f"{len(quarantined)} units could not be made (named above); everything else is done and kept. "
            "Fix the cause and run the same command again."
        )
