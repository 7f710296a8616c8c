"""`seedscope export`: the golden seeds of a run as files, and a run as other programs take it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from seedscope.jobs.commands.options import Json, Out, StudyFile
from seedscope.jobs.console import out, say_written
from seedscope.pipeline.errors import UserError

NAMES = "comfyui, a1111, forge, invokeai, swarmui, fiftyone, evalscope, geneval, latents"


def export_seeds(
    study: StudyFile,
    folder: Out = None,
    to: Annotated[
        str | None,
        typer.Option(metavar="TOOL[,TOOL]", help=f"Write the run for other programs: {NAMES}.", show_default=False),
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option(
            help="Folder of what --to writes, a folder a tool.  \\[default: exports in the run folder]",
            show_default=False,
        ),
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(
            metavar="SEEDS",
            help="With --to, these seeds, such as 3,17 or 0-15, or `golden`.  \\[default: the golden ones to draw with, all to "
            "look at]",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write golden.json and the contact sheet of best and worst seeds; with --to, the run as another program takes it.

    Example: seedscope export runs/demo --to fiftyone,latents --seeds 0-3
    """
    if to is not None:
        _export_to(study, folder, to.split(","), into, seeds, as_json=as_json)
        return
    if into is not None or seeds is not None:
        raise UserError(
            f"--{'into' if into is not None else 'seeds'} is for --to: name a program, such as --to fiftyone."
        )
    from seedscope.analysis.dataset.scores_table import Judgement
    from seedscope.analysis.dataset.write import write_dataset
    from seedscope.analysis.judging.export_run import export
    from seedscope.analysis.judging.golden_rules import choose
    from seedscope.analysis.judging.judge import judge
    from seedscope.analysis.run.parts import opened_to_judge

    with opened_to_judge(study, folder) as run:
        judged = judge(run)
        choice = choose(run, judged)
        files = [*export(run, judged, choice), *write_dataset(run, Judgement(run, judged))]
    if as_json:
        print(json.dumps({"golden": choice.seeds, "sentence": choice.sentence, "files": [str(path) for path in files]}))
    else:
        say_written(files)


def _export_to(
    study: Path, folder: str | None, names: list[str], into: Path | None, seeds: str | None, *, as_json: bool
) -> None:
    from seedscope.analysis.exports import TOOLS
    from seedscope.analysis.exports.source import Source
    from seedscope.analysis.exports.written import write_exports
    from seedscope.analysis.judging.run_view import open_run
    from seedscope.analysis.run.opened import folder_of, looked_at

    wanted = list(dict.fromkeys(name.strip().lower() for name in names))
    if unknown := [name for name in wanted if name not in TOOLS]:
        raise UserError(f"--to {unknown[0]}: is none of {NAMES}.")
    with looked_at(study, folder):  # the folder keeps the study from then on
        run = open_run(folder_of(study, folder))
    source = Source(run, Source(run).drawn_seeds() if seeds == "golden" else _named(seeds))
    done = write_exports(source, {name: TOOLS[name] for name in wanted}, into or run.folder.path / "exports")
    if as_json:
        told = {
            each.tool: {"folder": str(each.folder), "files": [str(path) for path in each.files], "notes": each.notes}
            for each in done
        }
        print(json.dumps(told, ensure_ascii=False))
        return
    for each in done:
        out.print(f"{each.tool}  {each.folder}  {len(each.files):,} files", style="bold", soft_wrap=True)
        for note in each.notes:
            out.print(note)


def _named(text: str | None) -> list[int] | None:
    """The seeds of `--seeds`; None: it is left out."""
    from seedscope.pipeline.study.seeds import seed_list

    try:
        return None if text is None else seed_list(text.split(","))
    except ValueError as error:
        raise UserError(f"--seeds {text}: {error}.") from None
