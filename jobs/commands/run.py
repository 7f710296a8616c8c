"""`seedscope run`, `generate` and `features`: the pictures of a study are drawn, measured, and their seeds ranked."""

import json
import time
from dataclasses import asdict
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seedscope.jobs.commands.making import make_and_tell
from seedscope.jobs.commands.options import Json, Limit, OtherVersions, Out, Part, StudyFile, runs_stages, slice_of
from seedscope.jobs.console import for_a_program, out, say_written
from seedscope.pipeline.errors import UserError

if TYPE_CHECKING:
    from seedscope.analysis.judging.golden_rules import Choice
    from seedscope.analysis.run.run import AnyRun
    from seedscope.jobs.work.make import Wanted
    from seedscope.pipeline.running.runner import Executor
    from seedscope.pipeline.study.schema import Study
    from seedscope.pipeline.study.slice import Slice

# torch and diffusers take seconds to import, which --help and schema need not wait for: commands import where they work.


@runs_stages
def run_study(
    study: StudyFile,
    folder: Out = None,
    *,
    where: "Executor",
    other_versions: OtherVersions = False,
    as_json: Json = False,
) -> None:
    """Do all of it: generate, measure, rank, export. Stopped or killed, the same command goes on where it was.

    Example: seedscope run configs/demo.yaml
    """
    make_run(study, folder, where, other_versions=other_versions, as_json=as_json)


@runs_stages
def run_demo(folder: Out = None, *, where: "Executor", as_json: Json = False) -> None:
    """Run the demo that ships with seedscope: 32 seeds x 24 prompts of its small model, in some minutes, into runs/demo.

    Example: seedscope demo
    """
    with as_file(files("seedscope") / "configs" / "demo.yaml") as study:
        make_run(study, folder, where, as_json=as_json)


def make_run(
    study: "Path | Study",
    folder: str | None,
    where: "Executor",
    *,
    other_versions: bool = False,
    as_json: bool = False,
) -> str:
    """Do all of it, and tell a person or a program; the run folder, or its URL."""
    from seedscope.analysis.run.opened import opened

    started = time.monotonic()
    with for_a_program(as_json), opened(study, folder) as run:
        choice, files = (_made if run.race is None else _raced)(run, where, other_versions=other_versions)
        say_written(files)
        seconds, url = time.monotonic() - started, run.folder.storage.url
        pages = "" if choice is None else f" To look at it: seedscope report {url}"
        out.print(f"\nDone in {seconds:.0f} s.{pages}", soft_wrap=True)
    if as_json:
        chosen = None if choice is None else {"golden": choice.seeds, "sentence": choice.sentence}
        print(json.dumps({"run": url, "chosen": chosen, "files": list(map(str, files)), "seconds": round(seconds, 1)}))
    return url


def _made(run: "AnyRun", where: "Executor", *, other_versions: bool) -> "tuple[Choice | None, list[Path]]":
    """Make a run: what was chosen of its seeds, if they are ranked, and the files that it ends in."""
    from seedscope.analysis.dataset.scores_table import Judgement
    from seedscope.analysis.dataset.write import write_dataset
    from seedscope.analysis.judging.export_run import export
    from seedscope.jobs.commands.told_seeds import judge_part

    make_and_tell(run, where, show=True, pictures=True, features=True, other_versions=other_versions)
    if run.study.ranking is None:
        return None, write_dataset(run)
    judged, choice = judge_part(run, run)
    return choice, [*export(run, judged, choice), *write_dataset(run, Judgement(run, judged))]


def _raced(run: "AnyRun", where: "Executor", *, other_versions: bool) -> "tuple[Choice | None, list[Path]]":
    """Make a sweep: what it chose, and the files that it ends in; neither where it stopped before that."""
    from seedscope.analysis.dataset.scores_table import Judgement
    from seedscope.analysis.dataset.write import write_dataset
    from seedscope.analysis.judging.export_run import export
    from seedscope.analysis.judging.race.table import write_race
    from seedscope.analysis.run.beside import must_be_drawn
    from seedscope.analysis.run.parts import judged_part
    from seedscope.jobs.commands.rounds import make_rounds
    from seedscope.jobs.commands.told_seeds import judge_part

    made = make_rounds(must_be_drawn(run), where, other_versions=other_versions)
    if made is None:
        return None, []
    part, raced = judged_part(made), write_race(made)
    judged, choice = judge_part(made, part)
    return choice, [*export(part, judged, choice), raced, *write_dataset(made, Judgement(part, judged))]


@runs_stages
def generate(
    study: StudyFile,
    folder: Out = None,
    *,
    where: "Executor",
    limit: Limit = None,
    part: Part = None,
    other_versions: OtherVersions = False,
    as_json: Json = False,
) -> None:
    """Draw the pictures: every prompt with every seed, once.

    Example: seedscope generate configs/demo.yaml --executor inline
    """
    from seedscope.analysis.run.opened import opened
    from seedscope.pipeline.study.slice import WHOLE

    share = slice_of(part)
    with opened(study, folder, share) as run, for_a_program(as_json):
        drawing: Wanted = {"pictures": True, "limit": limit, "part": share, "other_versions": other_versions}
        steps = make_and_tell(run, where, show=share == WHOLE, **drawing)
        _write_dataset(run, share)
    if as_json:
        print(json.dumps([asdict(step) for step in steps]))


@runs_stages
def features(
    study: StudyFile,
    folder: Out = None,
    only: Annotated[list[str] | None, typer.Option(help="Only this feature; may be repeated.")] = None,
    *,
    where: "Executor",
    limit: Limit = None,
    part: Part = None,
    as_json: Json = False,
) -> None:
    """Measure the pictures that there are, and the reference pictures.

    Example: seedscope features configs/demo.yaml --only fd_efficientnet_lite0
    """
    from seedscope.analysis.run.opened import held, run_of

    share, known = slice_of(part), run_of(study, folder)
    names = [item.name for item in known.measured]
    if unknown := set(only or []) - set(names):
        raise UserError(f"--only {unknown.pop()}: the study measures {', '.join(names)}.")
    with held(known, share) as run, for_a_program(as_json):
        steps = make_and_tell(run, where, features=True, only=only or [], limit=limit, part=share)
        _write_dataset(run, share)
    if as_json:
        print(json.dumps([asdict(step) for step in steps]))


def _write_dataset(run: "AnyRun", part: "Slice") -> None:
    """Write what makes a data set of the run, unless this process holds a slice of it alone."""
    from seedscope.analysis.dataset.write import write_dataset
    from seedscope.pipeline.study.slice import WHOLE

    if part == WHOLE:
        write_dataset(run)
