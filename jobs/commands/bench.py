"""`seedscope bench`: the speed of this machine at a study, measured."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seedscope.jobs.commands.options import Json, Out, StudyFile
from seedscope.jobs.console import out
from seedscope.pipeline.errors import UserError

if TYPE_CHECKING:
    from seedscope.analysis.run.bench_file import Bench
    from seedscope.jobs.planning.pricing import Spread


def bench_study(
    study: StudyFile,
    folder: Out = None,
    seconds: Annotated[float, typer.Option(min=0, help="About how long to measure, after loading.")] = 60.0,
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads.  \\[default: those that a worker of a run has here]")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure how fast this machine draws and measures a study's pictures; writes bench.json, which `plan` reads.

    Pieces of the study's own units go through its own model and features in a scratch folder; the run stays as it is.

    Example: seedscope bench configs/demo.yaml --seconds 30
    """
    from seedscope.analysis.run.bench_file import FILE
    from seedscope.analysis.run.opened import run_of
    from seedscope.analysis.run.run import DrawnRun
    from seedscope.jobs.planning.measure_speed import bench, threads_of_a_worker
    from seedscope.pipeline.models.device import pick_device
    from seedscope.pipeline.storage.local import make_folder, refusals, replacing

    run = run_of(study, folder, uniform=True)
    if not isinstance(run, DrawnRun):
        raise UserError(f"{study}: its pictures were imported, so there is no drawing to measure.")
    threads = threads or threads_of_a_worker(pick_device(run.study.compute.device))
    with tempfile.TemporaryDirectory(prefix="seedscope-bench-") as runs:
        found = bench(run, seconds, threads, Path(runs))
    file = run.folder.path / FILE
    with refusals(file.parent):
        make_folder(file.parent)
    text = found.model_dump_json(indent=1)
    with replacing(file) as scratch:
        scratch.write_text(text, encoding="utf-8")
    run.folder.deliver([file])
    if as_json:
        print(text)
        return
    _show(found)
    out.print(f"wrote {file}", soft_wrap=True)


def _show(found: "Bench") -> None:
    where = found.machine["gpu"] if found.on_gpu else f"{found.device}, {found.threads} threads"
    out.print(f"{where}: {found.rounds} rounds of {found.pictures} pictures")
    for stage, title in (("images", "drawing"), ("features", "measuring"), ("worker", "a worker in all")):
        out.print(f"{title:>22}  {rate(found.rate[stage])}")
    for name, seconds in sorted(found.seconds.items(), key=lambda one: -one[1]):
        out.print(f"{name:>22}  {1000 * seconds:.1f} ms a picture")
    memory = f"{(found.memory['rss'] or 0) / 2**30:.2f} GiB"
    if found.memory["gpu"] is not None:
        memory += f", and {found.memory['gpu'] / 2**30:.2f} GiB of the GPU's"
    out.print(f"{'peak memory':>22}  {memory}")
    kinds = f"{found.bytes['images'] / 1e3:.1f} kB of pixels, {found.bytes['features'] / 1e3:.1f} kB of measurements"
    out.print(f"{'a picture takes':>22}  {kinds}")
    out.print(f"{'loading':>22}  {found.loading:.1f} s")


def rate(spread: "Spread") -> str:
    """`12.3 images a second (11.9 to 12.6)`."""
    return f"{spread.median:.2f} images a second ({spread.least:.2f} to {spread.most:.2f})"
