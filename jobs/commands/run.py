"""`seedscope run`, `generate` and `features`: the pictures of a study are drawn, measured, and their seeds ranked."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Unpack

import typer

from seedscope.jobs.commands.options import Limit, OtherVersions, Out, Part, StudyFile, runs_stages, slice_of
from seedscope.jobs.console import notes, out, say_written
from seedscope.pipeline.errors import UserError

if TYPE_CHECKING:
    from seedscope.analysis.run.run import AnyRun
    from seedscope.jobs.work.make import Wanted
    from seedscope.jobs.work.steps import Step
    from seedscope.pipeline.running.runner import Executor

# torch and diffusers take seconds to import, which --help and schema need not wait for: commands import where they work.


@runs_stages
def run_study(
    study: StudyFile, folder: Out = None, *, where: "Executor", other_versions: OtherVersions = False
) -> None:
    """Do all of it: generate, measure, rank, export. Stopped or killed, the same command goes on where it was.

    Example: seedscope run configs/demo.yaml
    """
    from seedscope.analysis.judging.export_run import export
    from seedscope.analysis.run.run import opened
    from seedscope.jobs.commands.seeds import judge_and_show

    started = time.monotonic()
    with opened(study, folder) as run:
        _make(run, where, pictures=True, features=True, other_versions=other_versions)
        say_written(export(run, *judge_and_show(run)))
    where_to = f" --out {folder}" if folder else ""
    out.print(
        f"\nDone in {time.monotonic() - started:.0f} s. A page of it: seedscope report {study}{where_to}",
        soft_wrap=True,
    )


@runs_stages
def generate(
    study: StudyFile,
    folder: Out = None,
    *,
    where: "Executor",
    limit: Limit = None,
    part: Part = None,
    other_versions: OtherVersions = False,
) -> None:
    """Draw the pictures: every prompt with every seed, once.

    Example: seedscope generate configs/demo.yaml --executor inline
    """
    from seedscope.analysis.run.run import opened

    share = slice_of(part)
    with opened(study, folder, share) as run:
        _make(run, where, pictures=True, limit=limit, part=share, other_versions=other_versions)


@runs_stages
def features(
    study: StudyFile,
    folder: Out = None,
    only: Annotated[list[str] | None, typer.Option(help="Only this feature; may be repeated.")] = None,
    *,
    where: "Executor",
    limit: Limit = None,
    part: Part = None,
) -> None:
    """Measure the pictures that there are, and the real ones.

    Example: seedscope features configs/demo.yaml --only fd_efficientnet_lite0
    """
    from seedscope.analysis.run.run import held, run_of

    share, known = slice_of(part), run_of(study, folder)
    names = [item.name for item in known.measured]
    if unknown := set(only or []) - set(names):
        raise UserError(f"--only {unknown.pop()}: the study measures {', '.join(names)}.")
    with held(known, share) as run:
        _make(run, where, features=True, only=only or [], limit=limit, part=share)


def _make(run: "AnyRun", where: "Executor", **what: Unpack["Wanted"]) -> None:
    """Make what a run lacks, tell how far it is, and say at the end what stages did.

    Raises:
        UserError: a mishap that trying again would not fix, or something that could not be made; it is named first.
    """
    from seedscope.jobs.work.make import make
    from seedscope.jobs.work.progress import Watcher

    if what.get("pictures"):
        _warn_of_long_prompts(run)
    with Watcher(notes, run.study.name) as watch:
        steps = make(run, where, watch, **what)
    _report(steps)


def _warn_of_long_prompts(run: "AnyRun") -> None:
    """Say before anything is drawn how many prompts are cut, and by how much."""
    from seedscope.analysis.run.run import DrawnRun
    from seedscope.pipeline.models.cut_prompts import tokens_cut

    if not isinstance(run, DrawnRun):
        return
    prompts = [prompt.text for prompt in run.wanted.prompts]
    if cut := tokens_cut(run.located, run.study.sampling, prompts):
        hint = " `long_prompts: chunks` under sampling reads them in chunks." if run.located.family.chunks else ""
        notes.print(
            f"{len(cut):,} of {len(prompts):,} prompts are longer than the text encoder takes: up to {max(cut):,} tokens at "
            f"their ends will not be read.{hint}",
            soft_wrap=True,
        )


def _report(steps: Sequence["Step"]) -> None:
    """Say what stages did.

    Raises:
        UserError: something could not be made; it is named first.
    """
    quarantined: dict[str, str] = {}
    for step in steps:
        for reason in step.repaired:
            notes.print(f"made again: {reason}", soft_wrap=True)
        failed = f", {step.failed_cells:,} cells failed" if step.failed_cells else ""
        out.print(f"{step.name}: {step.units:,} units, {step.made:,} made now{failed}")
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
