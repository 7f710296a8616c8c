"""The command line: `seedscope run STUDY`, and each step of it alone."""

import json
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table as Grid

from seedscope.jobs.commands.audit import audit_study
from seedscope.jobs.commands.bench import bench_study
from seedscope.jobs.commands.compare import compare_runs
from seedscope.jobs.commands.diverse import choose_diverse_seeds
from seedscope.jobs.commands.import_pictures import import_pictures
from seedscope.jobs.commands.jobs import list_jobs, show_log, stop_job
from seedscope.jobs.commands.map import map_study
from seedscope.jobs.commands.masks import write_masks
from seedscope.jobs.commands.options import (
    Address,
    CompletePrompts,
    Deadline,
    GpusPerWorker,
    Json,
    Kind,
    Out,
    Part,
    Resource,
    StudyFile,
    Threads,
    Workers,
)
from seedscope.jobs.commands.options import executor as where_to_run
from seedscope.jobs.commands.plan import plan_study
from seedscope.jobs.commands.report import report_study
from seedscope.jobs.commands.status import show_status
from seedscope.jobs.commands.submit import submit_study
from seedscope.jobs.commands.verify import verify_study
from seedscope.jobs.console import notes, out
from seedscope.pipeline.errors import CorruptShard, UserError
from seedscope.pipeline.large_pictures import accept_large_pictures

if TYPE_CHECKING:
    from seedscope.analysis.judging.golden_rules import Choice
    from seedscope.analysis.judging.judge import Judged
    from seedscope.analysis.run.run import Job
    from seedscope.pipeline.running.runner import Executor

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Which seeds are good for your text-to-image model? Start with: seedscope run configs/demo.yaml",
)
WIDE = 1000
"""Columns, more than a table of names needs."""

Limit = Annotated[int | None, typer.Option(min=1, help="Make at most so many units now.", show_default=False)]


def _job(study: Path, folder: str | None) -> "Job":
    # Imported here: torch and diffusers take seconds, which --help and schema need not wait for.
    from seedscope.analysis.run.run import open_job

    return open_job(study, folder)


def _slice(job: "Job", part: str | None) -> str | None:
    """Cut a job down to a slice of its units; the slice's name in the run's locks."""
    from seedscope.pipeline.study.slice import WHOLE, Slice

    job.part = WHOLE if part is None else Slice.parse(part)
    return job.part.name


@app.command()
def run(
    study: StudyFile,
    folder: Out = None,
    executor: Kind = "ray",
    address: Address = None,
    workers: Workers = None,
    threads: Threads = None,
    gpus_per_worker: GpusPerWorker = None,
    resource: Resource = None,
    deadline: Deadline = None,
) -> None:
    """Do all of it: generate, measure, rank, export. Stopped or killed, the same command goes on where it was.

    Example: seedscope run configs/demo.yaml
    """
    from seedscope.analysis.judging import results as ranking

    started = time.monotonic()
    where = where_to_run(executor, address, workers, threads, gpus_per_worker, resource, deadline)
    job = _job(study, folder)
    with job.folder.locked():
        job.begin()
        job.reference_measures  # noqa: B018  (a wrong reference is to be told before hours of drawing)
        _work(job, where, pictures=True, features=True)
        _written(ranking.export(job, *_judge(job)))
    where_to = f" --out {folder}" if folder else ""
    out.print(
        f"\nDone in {time.monotonic() - started:.0f} s. A page of it: seedscope report {study}{where_to}",
        soft_wrap=True,
    )


@app.command()
def generate(
    study: StudyFile,
    folder: Out = None,
    executor: Kind = "ray",
    address: Address = None,
    workers: Workers = None,
    threads: Threads = None,
    gpus_per_worker: GpusPerWorker = None,
    resource: Resource = None,
    deadline: Deadline = None,
    limit: Limit = None,
    part: Part = None,
) -> None:
    """Draw the pictures: every prompt with every seed, once.

    Example: seedscope generate configs/demo.yaml --executor inline
    """
    where = where_to_run(executor, address, workers, threads, gpus_per_worker, resource, deadline)
    job = _job(study, folder)
    with job.folder.locked(_slice(job, part)):
        job.begin()
        _work(job, where, pictures=True, limit=limit)


@app.command()
def features(
    study: StudyFile,
    folder: Out = None,
    only: Annotated[list[str] | None, typer.Option(help="Only this feature; may be repeated.")] = None,
    executor: Kind = "ray",
    address: Address = None,
    workers: Workers = None,
    threads: Threads = None,
    gpus_per_worker: GpusPerWorker = None,
    resource: Resource = None,
    deadline: Deadline = None,
    limit: Limit = None,
    part: Part = None,
) -> None:
    """Measure the pictures that there are, and the real ones.

    Example: seedscope features configs/demo.yaml --only fd_efficientnet_lite0
    """
    where = where_to_run(executor, address, workers, threads, gpus_per_worker, resource, deadline)
    job = _job(study, folder)
    names = [item.name for item in job.measured]
    if unknown := set(only or []) - set(names):
        raise UserError(f"--only {unknown.pop()}: the study measures {', '.join(names)}.")
    with job.folder.locked(_slice(job, part)):
        job.begin()
        _work(job, where, features=True, only=only or [], limit=limit)


@app.command()
def seeds(study: StudyFile, folder: Out = None, complete_prompts: CompletePrompts = False) -> None:
    """Judge the seeds by all measurements, and rank them: writes seeds.parquet and measures.parquet.

    Example: seedscope seeds configs/demo.yaml
    """
    from seedscope.analysis.run.complete_prompts import keep_complete_prompts

    job = _job(study, folder)
    with job.folder.locked():
        job.begin()
        if complete_prompts:
            keep_complete_prompts(job)
        _judge(job)


@app.command()
def export(study: StudyFile, folder: Out = None) -> None:
    """Write golden.json and the contact sheet of best and worst seeds.

    Example: seedscope export configs/demo.yaml
    """
    from seedscope.analysis.judging import results as ranking
    from seedscope.analysis.judging.golden_rules import choose
    from seedscope.analysis.judging.judge import judge

    job = _job(study, folder)
    with job.folder.locked():
        job.begin()
        judged = judge(job)
        _written(ranking.export(job, judged, choose(job, judged)))


@app.command()
def models(as_json: Json = False) -> None:
    """List the models that ship with seedscope.

    Example: seedscope models
    """
    from seedscope.pipeline.models.locate import FAMILIES, INPAINTS, bundled, kind

    rows = [
        {
            "name": name,
            "kind": kind(folder),
            "draws": kind(folder) in FAMILIES,
            "inpaints": kind(folder) in INPAINTS,
            "bytes": sum(file.stat().st_size for file in folder.rglob("*.safetensors")),
            "folder": str(folder),
        }
        for name, folder in bundled().items()
    ]
    if as_json:
        print(json.dumps(rows))
        return
    grid = Grid("name", "class", "draws", "MB", box=SIMPLE, pad_edge=False)
    for row in rows:
        use = ", ".join(use for use, does in (("prompts", row["draws"]), ("inpaint", row["inpaints"])) if does)
        grid.add_row(str(row["name"]), str(row["kind"]), use, f"{int(str(row['bytes'])) / 1e6:.1f}")
    Console(width=WIDE).print(grid)


@app.command()
def schema() -> None:
    """Print the JSON schema of study files, for editors.

    Example: seedscope schema > study.schema.json
    """
    from seedscope.pipeline.study.schema import Study

    print(json.dumps(Study.model_json_schema(), indent=1))


app.command("status")(show_status)
app.command("verify")(verify_study)
app.command("import")(import_pictures)
app.command("masks")(write_masks)
app.command("map")(map_study)
app.command("compare")(compare_runs)
app.command("report")(report_study)
app.command("diverse")(choose_diverse_seeds)
app.command("submit")(submit_study)
app.command("jobs")(list_jobs)
app.command("logs")(show_log)
app.command("stop")(stop_job)
app.command("plan")(plan_study)
app.command("bench")(bench_study)
app.command("audit")(audit_study)


def _work(
    job: "Job",
    where: "Executor",
    *,
    pictures: bool = False,
    features: bool = False,
    only: Iterable[str] = (),
    limit: int | None = None,
) -> None:
    """Run stages, say what they did, and fail at the end if anything could not be made."""
    from seedscope.jobs.work.progress import Watcher

    with Watcher(notes, job.study.name) as watch:
        steps = job.make(where, watch, pictures=pictures, features=features, only=list(only), limit=limit)
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
            "Mend the cause and run the same command again."
        )


def _judge(job: "Job") -> "tuple[Judged, Choice]":
    from seedscope.analysis.judging import results as ranking
    from seedscope.analysis.judging.golden_rules import choose
    from seedscope.analysis.judging.judge import judge

    judged = judge(job)
    choice = choose(job, judged)
    ranking.show(job, judged, choice, out)
    return judged, choice


def _written(paths: Iterable[Path]) -> None:
    for path in paths:
        out.print(f"wrote {path}", soft_wrap=True)


class _Stopped(BaseException):
    """A person or a scheduler asked the process to end. No Exception: nothing on the way takes it for a failure."""


def _stop(number: int, _frame: object) -> None:
    raise _Stopped(number)


def main() -> None:
    """Entry point: a person's mistake is told in a sentence, without a traceback, and with an exit code that is not 0."""
    accept_large_pictures()
    before = {number: signal.signal(number, _stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        app()
    except (UserError, CorruptShard) as error:
        for line in str(error).splitlines():
            notes.print(f"seedscope: {line}", style="red", soft_wrap=True)
        sys.exit(2)
    except (_Stopped, SystemError) as error:
        # Ray's compiled code wraps what a signal's handler raises inside it.
        stopped = error if isinstance(error, _Stopped) else error.__cause__
        if not isinstance(stopped, _Stopped):
            raise
        notes.print(
            "seedscope: stopped. What is published is safe; the same command goes on from there.", soft_wrap=True
        )
        sys.exit(128 + int(str(stopped)))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


if __name__ == "__main__":
    main()
