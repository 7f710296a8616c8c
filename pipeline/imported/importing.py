"""Bring a folder of pictures into a run folder: read, place, record, publish."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from seedscope.pipeline.errors import RunChanged, UserError
from seedscope.pipeline.imported.import_stage import Import, outdated, unreadable
from seedscope.pipeline.imported.imported_run import ImportedRun
from seedscope.pipeline.imported.listed import find_table
from seedscope.pipeline.imported.placing import Key, Placing, place
from seedscope.pipeline.imported.sameness import Made
from seedscope.pipeline.imported.undecided import about_undecided
from seedscope.pipeline.running.runner import Executor, Watch, Work, run_all
from seedscope.pipeline.spreadsheets import write_csv
from seedscope.pipeline.storage.local import create, replacing
from seedscope.pipeline.tables.run_folder import RunFolder


@dataclass
class Report:
    """What became of a folder. Counts are of pictures, but `units_made`; `missing` are cells of the grid without one.

    `unread` are files of cells that have no picture, and `gone` files of the run that are lost, changed or of another cell by
    now while it keeps the picture they had.
    """

    files: int
    new: int
    known: int
    unplaced: dict[Path, str]
    made: Made | None
    table: Path | None
    prompts: int = 0
    seeds: int = 0
    cells: int = 0
    units_made: int = 0
    failed: int = 0
    notes: list[str] = field(default_factory=list)
    unread: dict[Path, str] = field(default_factory=dict)
    gone: dict[Path, str] = field(default_factory=dict)
    repaired: list[str] = field(default_factory=list)
    quarantined: dict[str, str] = field(default_factory=dict)

    @property
    def missing(self) -> int:
        """Cells of the whole grid of prompts and seeds that no picture has come for."""
        return self.prompts * self.seeds - self.cells


def survey(source: Path, run: ImportedRun, table: Path | None = None, *, mixed: bool = False) -> tuple[Placing, Report]:
    """Read a folder and place its pictures, and write nothing.

    Args:
        table: a table of file, prompt and seed; None: one that lies in the folder, if any.
        mixed: accept pictures whatever their settings; a run keeps to what its first import chose.

    Raises:
        UserError: no such folder, a table that cannot be read, or a run that was begun otherwise.
    """
    source = source.resolve()
    if not source.is_dir():
        raise UserError(f"{source}: there is no such folder of pictures.")
    if mixed and run.made is not None:
        raise RunChanged(
            f"{run.folder.storage.url}: was begun without --mixed, and its pictures are all made in one way. Leave --mixed "
            "out, or choose another folder with --out."
        )
    listed = find_table(source, table.resolve() if table else None)
    mixed = mixed or (run.cause is not None and run.made is None)
    placing = place(source, listed.entries, outside=run.folder.path, made=run.made, mixed=mixed, taken=run.files)
    known = sum(key in run.files for key in placing.cells)
    files = len(placing.cells) + len(placing.unplaced)
    report = Report(files, len(placing.cells) - known, known, placing.unplaced, placing.made, listed.path)
    report.notes = [*listed.notes, *_about_untold(placing.untold), *about_undecided(placing.cells.values())]
    return placing, report


def _about_untold(untold: Mapping[Path, str]) -> list[str]:
    if not untold:
        return []
    file, reason = min(untold.items())
    count = f"{len(untold):,} pictures" if len(untold) > 1 else "1 picture"
    return [
        f"{file}: {reason}. The settings of {count} that the table places are not compared, since they cannot be read."
    ]


def bring_in(placing: Placing, report: Report, run: ImportedRun, executor: Executor, watch: Watch) -> ImportedRun:
    """Record the new cells and publish every unit that is not there yet; fills in the report.

    Each unit is published once, so that the same call goes on where another one stopped. For the process that holds the
    run's lock.

    Raises:
        UserError: the folder cannot be written, or another process has imported into it since it was surveyed.
    """
    known = run.files
    run = run.grow(placing.made, placing.cells.values())
    report.gone = _gone(known, placing)
    # A file may have been moved since it was first seen.
    files = {key: file for key, file in known.items() if file not in report.gone}
    files |= {key: item.file for key, item in placing.cells.items()}
    run.images.clear_scratch()
    damaged = run.images.damaged([unit.name for unit in run.units], "footer")
    for name in damaged:
        run.images.revoke(name)
    old = outdated(run.images, run.units, files)
    for name in old.again:
        run.images.revoke(name)
    report.repaired = [*sorted(damaged), *old.again]
    report.gone |= dict.fromkeys(old.changed, "it has changed, but is kept as it was: other files of its unit are gone")
    done = run.images.committed()
    todo = [unit for unit in run.units if unit.name not in done]
    if todo:
        work = Work("pictures", Import(run.images, files, run.with_png), todo)
        outcome = run_all([work], executor, watch)["pictures"]
        report.units_made, report.quarantined = outcome.made, outcome.quarantined
    run.images.compact()
    ledger = run.images.ledger("rows", "failed")
    report.cells, report.failed = (sum(column.to_pylist()) for column in ledger.columns)
    report.unread = unreadable(run.images, run.units, files)
    report.prompts, report.seeds = len(run.edition.prompts), len(run.edition.seeds)
    return run


def _gone(known: Mapping[Key, Path], placing: Placing) -> dict[Path, str]:
    """The files that cells came from, where they are lost or stand for something else by now."""
    elsewhere = {item.file for item in placing.cells.values()} | placing.unplaced.keys()
    lost = {key: file for key, file in known.items() if key not in placing.cells}
    gone = {file: "it is gone; the run keeps its picture" for file in lost.values() if not file.is_file()}
    other = "it has no longer the prompt and seed that it came with, or is refused; the run keeps the picture it had"
    return gone | {file: other for file in lost.values() if file in elsewhere and file not in gone}


_COMPARED = "features: [fd_efficientnet_lite0, looks]\n"
_NOT_RANKED = """\
features: [looks]
ranking: null   # seeds are measured, and not ranked. To rank them, have one of these in place of the two lines:
# features: [fd_efficientnet_lite0, looks]          # how near they come to real pictures, a folder or a Parquet file
# reference: ./real-pictures
# features: [clip_score: {model: openai/clip-vit-base-patch32}, looks]   # how well they fit their prompts
# ranking: {by: clip_score}
"""


def write_unplaced(folder: RunFolder, unplaced: Mapping[Path, str]) -> Path:
    """Write `unplaced.csv`: file and reason, a line each, of this import alone; its path."""
    path = folder.path / "unplaced.csv"
    with replacing(path) as scratch:
        write_csv(scratch, ("file", "reason"), ((str(name), reason) for name, reason in unplaced.items()))
    return path


def write_study(folder: RunFolder, name: str, source: Path, reference: str | None = None) -> Path:
    """Write `study.yaml`, by which the other commands find the run, unless it is there; its path.

    It is then the person's to edit. With reference pictures (a folder, a Parquet file or a bundled name) seeds are ranked by
    their distance to these; without them they are ranked by nothing yet.
    """
    path = folder.path / "study.yaml"
    facts = yaml.safe_dump({"name": name, "imported": str(source.resolve())}, sort_keys=False, allow_unicode=True)
    compared = yaml.safe_dump({"reference": reference}, allow_unicode=True) if reference is not None else ""
    content = (
        "# Pictures made elsewhere, brought in by `seedscope import`. What is measured on them is yours to edit.\n"
        f"{facts}{_COMPARED if compared else _NOT_RANKED}{compared}"
    )
    with suppress(FileExistsError):
        create(path, content.encode())
    return path
