"""`seedscope luck`: how far a score of the whole model moves when its seeds are another draw."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seedscope.jobs.commands.found import say_found
from seedscope.jobs.commands.options import Json
from seedscope.jobs.console import notes
from seedscope.pipeline.errors import UserError

if TYPE_CHECKING:
    from seedscope.analysis.experiments.finding import Finding
    from seedscope.analysis.experiments.luck.judged import Found
    from seedscope.analysis.run.run import AnyRun


def try_luck(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN [RUN]",
            help="The folder of a measured run, its URL, or the study; of two, the difference is judged.",
            show_default=False,
        ),
    ],
    seeds: Annotated[int, typer.Option(min=1, help="Seeds of a draw, as a benchmark takes them.")] = 4,
    difference: Annotated[
        float | None,
        typer.Option(help="Of two models' scores: how many seeds does it take to find it?", show_default=False),
    ] = None,
    measure: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this measurement or distance; may be repeated.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say how far scores of the model move when its seeds are another draw, and which differences between models are luck.

    With seeds that all prompts have in common and with own ones, by variances and by drawing again. Two runs: with the same
    seeds for both, and without. Writes experiments/luck.json, .parquet and .png in the (first) run folder; of two runs,
    luck-of-two.json and so on.

    Example: seedscope luck runs/turbo --seeds 4 --measure clip_score --difference 0.01
    """
    from seedscope.analysis.experiments.luck.judged import Asked, judged
    from seedscope.analysis.experiments.luck.measured import Model, places
    from seedscope.analysis.run.opened import opened, run_of

    if len(runs) > 2 or (len(runs) == 2 and len({path.resolve() for path in runs}) == 1):
        raise UserError("Name one run, or two different ones: seedscope luck runs/one runs/other")
    if difference is not None and not 0 < difference < float("inf"):
        raise UserError(f"--difference {difference:g}: is the size of a difference, above 0.")
    with ExitStack() as stack:
        first = stack.enter_context(opened(runs[0]))
        models = [
            Model.of(run, name)
            for run, name in zip([first, *(run_of(other) for other in runs[1:])], places(runs), strict=True)
        ]
        with notes.status("reading") as status:
            found = judged(models, measure or [], Asked(seeds, difference), status.update)
        finding, files = kept(first, found)
    say_found(finding, files, as_json=as_json)


def kept(run: AnyRun, found: Found) -> tuple[Finding, list[Path]]:
    """Write what was found into the run folder."""
    from seedscope.analysis.experiments.finding import Finding, Picture, mark_of, save_page, save_table
    from seedscope.analysis.experiments.luck.told import plot, table, tables, title, told

    name = "luck" if len(found.models) == 1 else "luck-of-two"
    finding = Finding(
        name=name,
        title=title(found),
        sentences=told(found),
        tables=tables(found),
        pictures=[Picture(file=f"{name}.png", caption="How far scores move, by the number of seeds; a panel a score.")],
        run=mark_of(run),
        settings={
            "models": ", ".join(found.models),
            "seeds of a draw": found.asked.n,
            "seeds": found.seeds,
            "prompts": found.prompts,
            "difference": found.asked.difference,
        },
    )
    folder = run.folder.path
    files = [
        save_table(folder, name, table(found)),
        save_page(folder, name, plot(found, " and ".join(found.models))),
    ]
    return finding, [finding.save(folder), *files]
