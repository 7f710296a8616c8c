"""`seedscope import`: pictures made elsewhere become the pictures of a run."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seedscope.jobs.console import notes, out
from seedscope.pipeline.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seedscope.pipeline.imported.importing import Report

SHOWN = 20
COUNTS = ("files", "new", "known", "prompts", "seeds", "cells", "missing", "failed", "units_made")


def import_pictures(
    source: Annotated[Path, typer.Argument(metavar="FOLDER", help="The pictures.", show_default=False)],
    folder: Annotated[
        str | None,
        typer.Option("--out", help="Run folder, or its URL.  \\[default: runs/<name of FOLDER>]", show_default=False),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(help="Table with file, prompt, seed.  \\[default: one that lies in FOLDER]", show_default=False),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            help="Real pictures to compare with: a folder, a Parquet file, or `sprout`. Without them seeds are measured, and "
            "not ranked before study.yaml says by what.",
            show_default=False,
        ),
    ] = None,
    mixed: Annotated[bool, typer.Option("--mixed", help="Accept pictures of different models and settings.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would come in, and write nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Bring in pictures made elsewhere, with their prompt and seed, so that they can be measured and ranked.

    Reads what AUTOMATIC1111, Forge, SD.Next, ComfyUI, InvokeAI, SwarmUI, Fooocus, Draw Things, Easy Diffusion and NovelAI
    write into pictures, texts that are called prompt and seed, or a table of file, prompt and seed beside them. Import again
    when the folder has grown.

    Example: seedscope import ./outputs/txt2img-images --out runs/mine --reference ./coco-val
    """
    from seedscope.jobs.work.progress import Watcher
    from seedscope.pipeline.imported import importing
    from seedscope.pipeline.imported.imported_run import ImportedRun
    from seedscope.pipeline.running.runner import Executor
    from seedscope.pipeline.tables.run_folder import RunFolder

    compared = None if reference is None else _reference(reference)
    place = RunFolder(folder or Path("runs") / source.resolve().name)
    run = ImportedRun(place)
    placing, report = importing.survey(source, run, table, mixed=mixed)
    if not as_json:
        _list(report.unplaced, "not placed")
        for note in report.notes:
            notes.print(note.encode(errors="replace").decode(), soft_wrap=True)
    if dry_run:
        _tell(report, as_json)
        return
    if not placing.cells:
        raise UserError(_nothing(source, report))
    with place.locked(), Watcher(notes, place.path.name) as watch:
        importing.write_unplaced(place, report.unplaced)
        importing.bring_in(placing, report, run, Executor("inline"), watch)
        importing.write_unplaced(place, {**report.unplaced, **report.unread, **report.gone})
        study = importing.write_study(place, _name(source), source, compared)
    if not as_json:
        _list(report.unread, "not read")
        _list(report.gone, "no longer so")
    _tell(report, as_json)
    if report.quarantined:
        raise UserError(
            f"{len(report.quarantined)} units could not be made: {'; '.join(report.quarantined.values())}. Everything else is "
            "done and kept. Fix the cause and run the same command again."
        )
    if not as_json:
        where = "" if place.storage.local is not None else f" --out {place.storage.url}"
        out.print(f"Next: look at {study}, then: seedscope run {study}{where}", soft_wrap=True)


def _reference(named: str) -> str:
    """Reference pictures as a study in any folder names them: bundled ones by their name, others by their whole path.

    Raises:
        StudyError: there are none, or one alone.
    """
    from seedscope.analysis.features.real_images import BUNDLED_REFERENCES, RealImages

    path = RealImages.named(named).path
    return named if named in BUNDLED_REFERENCES else str(path.resolve())


def _name(source: Path) -> str:
    """A study's name from a folder's."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", source.resolve().name).strip("-._")[:64] or "imported"


def _nothing(source: Path, report: "Report") -> str:
    from seedscope.pipeline.images import endings

    usual = [ending for ending in (".png", ".jpg", ".webp", ".avif", ".tiff", ".bmp") if ending in endings()]
    if not report.files:
        return f"{source}: there is no picture of a kind that is read ({', '.join(usual)}, ...) in it or below it."
    return (
        f"{source}: none of {report.files} files could be placed. Write a table with the columns file, prompt and seed "
        "(CSV, TSV, JSONL or Parquet) into the folder."
    )


def _list(files: "Mapping[Path, str]", what: str) -> None:
    for file, reason in list(files.items())[:SHOWN]:
        line = f"{what}: {file}: {reason}".encode(errors="replace").decode()
        notes.print(line, soft_wrap=True)
    if (further := len(files) - SHOWN) > 0:
        notes.print(f"{what}: {further:,} more; an import lists all in unplaced.csv", soft_wrap=True)


def _tell(report: "Report", as_json: bool) -> None:
    if as_json:
        lists = {"unplaced": report.unplaced, "unread": report.unread, "gone": report.gone}
        reasons = {name: {str(file): reason for file, reason in files.items()} for name, files in lists.items()}
        counts = {name: getattr(report, name) for name in COUNTS}
        told = {"made": report.made, "table": report.table and str(report.table), "notes": report.notes}
        print(json.dumps(counts | told | reasons))
        return
    lines = [
        f"{report.files:,} files: {report.new:,} new, {report.known:,} known, {len(report.unplaced):,} not placed."
    ]
    lines += [f"Made again: unit {name}." for name in report.repaired]
    if report.cells:
        lines.append(
            f"The run has {report.cells:,} pictures of {report.prompts:,} prompts x {report.seeds:,} seeds; {report.missing:,} "
            f"cells are missing, {report.failed:,} could not be read."
        )
    for line in lines:
        out.print(line, soft_wrap=True)
