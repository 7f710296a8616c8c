"""`seedscope table diverse`: four pictures of a prompt that differ, come to in several ways, and what that costs."""

from time import monotonic
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from seedscope.jobs.commands.found import say_found
from seedscope.jobs.commands.making import make_and_tell
from seedscope.jobs.commands.options import Json, Out, StudyFile, numbers_of, runs_stages
from seedscope.jobs.console import notes, out
from seedscope.pipeline.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from seedscope.analysis.experiments.diverse_table.contest import Contender
    from seedscope.analysis.experiments.diverse_table.prepared import Prepared
    from seedscope.analysis.experiments.diverse_table.told import Contest
    from seedscope.analysis.experiments.finding import Finding
    from seedscope.analysis.run.run import AnyRun
    from seedscope.pipeline.running.runner import Executor

CANDIDATES = (8, 16, 64)
STRENGTHS = (0.01, 0.03, 0.1, 0.3)
FEWEST_PROMPTS = 2


@runs_stages
def table_diverse(
    study: StudyFile,
    where: "Executor",
    folder: Out = None,
    prompts: Annotated[int, typer.Option(min=FEWEST_PROMPTS, help="How many prompts that chose no seed.")] = 24,
    sets: Annotated[int, typer.Option(min=1, help="Sets of four seeds that are drawn together, of each prompt.")] = 2,
    strengths: Annotated[
        str, typer.Option(metavar="NUMBERS", help="Of the push: its rms over that of the noise, at the first step.")
    ] = ",".join(f"{each:g}" for each in STRENGTHS),
    kernel: Annotated[
        Literal["both", "latent", "features", "none"],
        typer.Option(help="Where pictures push each other: as latents, by features of what they show, or not at all."),
    ] = "both",
    encoder: Annotated[
        str,
        typer.Option(help="Whose features push: efficientnet_lite0, sprout-clip, a folder or hub id of a CLIP."),
    ] = "sprout-clip",
    window: Annotated[
        str | None,
        typer.Option(
            metavar="FIRST-LAST", help="Steps that push.  \\[default: as published, by sigma]", show_default=False
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="FEATURE",
            help="By whose vectors pictures are alike.  \\[default: one of style, or another]",
            show_default=False,
        ),
    ] = None,
    quality: Annotated[
        str | None,
        typer.Option(
            metavar="MEASUREMENT",
            help="By which pictures are good.  \\[default: a preference score, or another]",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare diverse seeds with random ones, with Particle Guidance, and with a choice of four among many pictures.

    How alike the four are, and their Vendi score, against how good: a front with intervals. Pictures that are drawn together
    are kept in RUN/experiments, where table-diverse.json, .parquet and .png are written. Fewer --prompts draw fewer pictures.

    Example: seedscope table diverse configs/demo.yaml --prompts 8 --sets 1 --kernel latent
    """
    from seedscope.analysis.experiments.diverse_table.prepared import prepared
    from seedscope.analysis.run.parts import opened_to_judge

    began, told, wanted = monotonic(), notes if as_json else out, numbers_of("--strengths", strengths, 10)
    kernels = {"both": ["latent", "features"], "none": []}.get(kernel, [kernel])
    with opened_to_judge(study, folder) as run:
        ready = prepared(run, prompts, by, quality)
        pushed: list[Contender] = []
        silent: dict[str, str] = {}
        for each in kernels:
            options = {"kernel": each} | ({"by": encoder} if each == "features" else {})
            options |= {"window": window} if window else {}
            found, reason = _pushed(run, ready, options, wanted, sets, where, told)
            pushed += found
            if reason is not None:
                silent.setdefault("Particle Guidance is left out", reason)
        contest = ready.contest(pushed, CANDIDATES, silent)
        finding, files = _written(run, contest, round(monotonic() - began))
    say_found(finding, files, as_json=as_json)


def _pushed(
    run: "AnyRun",
    ready: "Prepared",
    options: "dict[str, str]",
    strengths: "Sequence[float]",
    sets: int,
    where: "Executor",
    told: "Console",
) -> "tuple[list[Contender], str | None]":
    """Draw and measure sets at every strength; nothing, and the reason, where the model cannot draw so."""
    from seedscope.analysis.experiments.diverse_table.pushed import contender, runs_beside
    from seedscope.analysis.run.opened import held

    try:
        beside = runs_beside(run, ready, options, strengths, sets)
    except UserError as reason:
        return [], str(reason)
    found = []
    for strength, one in zip(strengths, beside, strict=True):
        with held(one) as drawn:
            make_and_tell(drawn, where, told, pictures=True, features=True)
            found.append(contender(drawn, ready, options["kernel"], strength))
    return found, None


def _written(run: "AnyRun", contest: "Contest", seconds: int) -> "tuple[Finding, list[Path]]":
    """The finding, and its files."""

    from seedscope.analysis.experiments.diverse_table.told import TITLE, plot, rows, tables, told
    from seedscope.analysis.experiments.finding import Finding, Picture, mark_of, save_page, save_table

    folder, name = run.folder.path, "table-diverse"
    files = [save_table(folder, name, rows(contest)), save_page(folder, name, plot(contest, run.subject))]
    caption = "How unlike four pictures of a prompt are, against how good they are, each way at its settings."
    finding = Finding(
        name=name,
        title=TITLE,
        sentences=told(contest),
        tables=tables(contest),
        pictures=[Picture(file=files[1].name, caption=caption)],
        run=mark_of(run),
        settings={
            "prompts": contest.on[0],
            "alike by": contest.alike,
            "good by": contest.good,
            "diverse seeds": ", ".join(map(str, contest.seeds)) or None,
            "seconds": seconds,
        },
    )
    return finding, [finding.save(folder), *files]
