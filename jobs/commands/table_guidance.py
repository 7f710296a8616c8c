"""`seedscope table guidance`: golden seeds, the best of N, guidance by similarity and a negative prompt, each at its cost."""

from time import monotonic
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from seedscope.jobs.commands.found import say_found
from seedscope.jobs.commands.making import make_and_tell
from seedscope.jobs.commands.options import Json, Out, StudyFile, numbers_of, runs_stages
from seedscope.jobs.console import notes, out

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from seedscope.analysis.experiments.finding import Finding
    from seedscope.analysis.experiments.guidance_table.compared import Compared
    from seedscope.analysis.run.run import DrawnRun
    from seedscope.pipeline.running.runner import Executor

STRENGTHS = (0.1, 0.2, 0.5)
STRONGEST = 100


@runs_stages
def table_guidance(
    study: StudyFile,
    where: "Executor",
    folder: Out = None,
    prompts: Annotated[int, typer.Option(min=3, help="How many prompts that chose no seed.")] = 24,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds are drawn with each of them.")] = 4,
    strengths: Annotated[
        str, typer.Option(metavar="NUMBERS", help="Of guidance: shares of what the guidance scale changes at a step.")
    ] = ",".join(f"{each:g}" for each in STRENGTHS),
    through: Annotated[
        Literal["network", "decoder"],
        typer.Option(help="What gradients go through; `decoder` takes less time."),
    ] = "network",
    guide: Annotated[
        str | None,
        typer.Option(
            metavar="CLIP",
            help="What guides: sprout-clip, a folder or hub id of a CLIP.  \\[default: that of the study's clip_score]",
            show_default=False,
        ),
    ] = None,
    negative: Annotated[
        str | None, typer.Option(metavar="TEXT", help="A negative prompt to try too.", show_default=False)
    ] = None,
    best: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="K",
            help="Take the K best seeds as golden.  \\[default: as many as `ranking.golden`]",
            show_default=False,
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="MEASUREMENT",
            help="By which pictures are judged.  \\[default: a preference score, or another]",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare guidance by similarity with golden seeds, the best of N and a negative prompt, on prompts that chose no seed.

    Plain pictures, golden seeds and the best of N are the run's own; guided ones, and those guided towards another prompt's
    text, as the null, are drawn and kept in RUN/experiments. Writes table-guidance.json, .parquet and .png there.

    Example: seedscope table guidance configs/demo.yaml --prompts 8 --seeds 2 --negative "text, a border"
    """
    from seedscope.analysis.experiments.guidance_table.compared import compared
    from seedscope.analysis.experiments.guidance_table.ground import ground
    from seedscope.analysis.experiments.guidance_table.ways import runs_of, ways
    from seedscope.analysis.run.beside import must_be_drawn
    from seedscope.analysis.run.parts import opened_to_judge

    began, told = monotonic(), notes if as_json else out
    wanted = numbers_of("--strengths", strengths, STRONGEST)
    with opened_to_judge(study, folder) as opened_run:
        run = must_be_drawn(opened_run)
        chosen = ground(run, prompts, seeds, best, by, guide)
        found = ways(chosen, wanted, through, negative)
        made = [_made(beside, where, told) for beside in runs_of(chosen, found)]
        finding, files = _written(run, compared(chosen, found, made), round(monotonic() - began))
    say_found(finding, files, as_json=as_json)


def _made(beside: "DrawnRun", where: "Executor", told: "Console") -> "DrawnRun":
    """A run beside, with what it lacked."""
    from seedscope.analysis.run.beside import must_be_drawn
    from seedscope.analysis.run.opened import held

    with held(beside) as run:
        make_and_tell(run, where, told, pictures=True, features=True)
        return must_be_drawn(run)


def _written(run: "DrawnRun", table: "Compared", seconds: int) -> "tuple[Finding, list[Path]]":
    """The finding, and its files."""
    from seedscope.analysis.experiments.finding import Finding, Picture, mark_of, save_page, save_table
    from seedscope.analysis.experiments.guidance_table.told import TITLE, plot, rows, tables, told

    folder, name, ground = run.folder.path, "table-guidance", table.ground
    files = [save_table(folder, name, rows(table)), save_page(folder, name, plot(table, run.subject))]
    finding = Finding(
        name=name,
        title=TITLE,
        sentences=told(table),
        tables=tables(table),
        pictures=[Picture(file=files[1].name, caption="What each way gains, against what it costs.")],
        run=mark_of(run),
        settings={
            "prompts": len(ground.prompts),
            "seeds": ", ".join(map(str, ground.drawn)),
            "guide": ground.guide.model,
            "judge": ground.judge.name,
            "best of N by": ground.chooser.name,
            "pictures": len(table.ways) * len(ground.prompts) * len(ground.drawn),
            "seconds": seconds,
        },
    )
    return finding, [finding.save(folder), *files]
