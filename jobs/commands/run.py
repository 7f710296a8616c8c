"""`seedscope run`, `generate` and `features`: the pictures of a study are drawn, measured, and their seeds ranked."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from seedscope.jobs.commands.making import make_and_tell
from seedscope.jobs.commands.options import Limit, OtherVersions, Out, Part, StudyFile, runs_stages, slice_of
from seedscope.jobs.console import out, say_written
from seedscope.pipeline.errors import UserError

if TYPE_CHECKING:
    from seedscope.analysis.run.run import AnyRun
    from seedscope.pipeline.running.runner import Executor
    from seedscope.pipeline.study.slice import Slice

# torch and diffusers take seconds to import, which --help and schema need not wait for: commands import where they work.


@runs_stages
def run_study(
    study: StudyFile, folder: Out = None, *, where: "Executor", other_versions: OtherVersions = False
) -> None:
    """Do all of it: generate, measure, rank, export. Stopped or killed, the same command goes on where it was.

    Example: seedscope run configs/demo.yaml
    """
    from seedscope.analysis.dataset.scores_table import Judgement
    from seedscope.analysis.dataset.write import write_dataset
    from seedscope.analysis.judging.export_run import export
    from seedscope.analysis.run.opened import opened
    from seedscope.jobs.commands.seeds import judge_part

    started = time.monotonic()
    with opened(study, folder) as run:
        judged = True
        if run.race is not None:
            judged = _sweep(run, where, other_versions=other_versions)
        else:
            make_and_tell(run, where, pictures=True, features=True, other_versions=other_versions)
            judged, choice = judge_part(run, run)
            say_written([*export(run, judged, choice), *write_dataset(run, Judgement(run, judged))])
    page = f" A page of it: seedscope report {study}{f' --out {folder}' if folder else ''}" if judged else ""
    out.print(f"\nDone in {time.monotonic() - started:.0f} s.{page}", soft_wrap=True)


def _sweep(run: "AnyRun", where: "Executor", *, other_versions: bool) -> bool:
    """Make a sweep; whether it came to its end, so that it can be judged."""
    from seedscope.analysis.dataset.scores_table import Judgement
    from seedscope.analysis.dataset.write import write_dataset
    from seedscope.analysis.judging.export_run import export
    from seedscope.analysis.judging.race.table import write_race
    from seedscope.analysis.run.beside import must_be_drawn
    from seedscope.analysis.run.parts import judged_part
    from seedscope.jobs.commands.rounds import make_rounds
    from seedscope.jobs.commands.seeds import judge_part

    made = make_rounds(must_be_drawn(run), where, other_versions=other_versions)
    if made is not None:
        part, raced = judged_part(made), write_race(made)
        judged, choice = judge_part(made, part)
        say_written([*export(part, judged, choice), raced, *write_dataset(made, Judgement(part, judged))])
    return made is not None


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
    from seedscope.analysis.run.opened import opened

    share = slice_of(part)
    with opened(study, folder, share) as run:
        make_and_tell(run, where, pictures=True, limit=limit, part=share, other_versions=other_versions)
        _write_dataset(run, share)


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
    from seedscope.analysis.run.opened import held, run_of

    share, known = slice_of(part), run_of(study, folder)
    names = [item.name for item in known.measured]
    if unknown := set(only or []) - set(names):
        raise UserError(f"--only {unknown.pop()}: the study measures {', '.join(names)}.")
    with held(known, share) as run:
        make_and_tell(run, where, features=True, only=only or [], limit=limit, part=share)
        _write_dataset(run, share)


def _write_dataset(run: "AnyRun", part: "Slice") -> None:
    """Write what makes a data set of the run, unless this process holds a slice of it alone."""
    from seedscope.analysis.dataset.write import write_dataset
    from seedscope.pipeline.study.slice import WHOLE

    if part == WHOLE:
        write_dataset(run)
