"""The run of a study file, or of a run folder that keeps its study: looked at, or opened and held while it is made."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from seedscope.analysis.run.brought_in_run import brought_in_run
from seedscope.analysis.run.drawn_run import drawn_run, units_of
from seedscope.analysis.run.raced_run import as_begun
from seedscope.analysis.run.recorded_study import STUDY, record_study, recorded_study
from seedscope.analysis.run.run import AnyRun, DrawnRun
from seedscope.pipeline.errors import StudyError, UserError
from seedscope.pipeline.storage.base import Held
from seedscope.pipeline.study.file import in_file, load_study
from seedscope.pipeline.study.schema import ImportedStudy, Study
from seedscope.pipeline.study.slice import WHOLE, Slice
from seedscope.pipeline.tables.editions import same_wish
from seedscope.pipeline.tables.run_folder import RunFolder


def run_of(study_file: Path | Study, out: Path | str | None = None, *, uniform: bool = False) -> AnyRun:
    """The run of a study file, as it stands; that of imported pictures lies in their run folder.

    Args:
        study_file: or the study itself; or a run folder, or its URL: the study is then the one that the folder keeps.
        out: the run folder, or its URL.
        uniform: as of `drawn_run`.

    Raises:
        UserError: everything that is wrong with the study, its model, its prompts or its features, before work begins.
    """
    study: Study | ImportedStudy
    if isinstance(study_file, Study):
        study, file = study_file, Path("study")
        folder = RunFolder(out or Path("runs") / study.name)
    elif (named := run_folder(study_file)) is not None:
        folder = RunFolder(named)
        study, file = _kept(folder), Path(named) / STUDY
        if out is not None and RunFolder(out).storage.url != folder.storage.url:
            raise UserError(
                f"--out {out}: {named} is the run's folder already; leave --out out, or name the study file."
            )
    else:
        study, file = load_study(study_file), study_file
        home = study_file.parent if isinstance(study, ImportedStudy) else Path("runs") / study.name
        folder = RunFolder(out or home)
    if isinstance(study, ImportedStudy):
        return brought_in_run(study, folder)
    try:
        return drawn_run(study, folder, uniform=uniform)
    except StudyError as error:
        raise StudyError(in_file(file, study, str(error))) from None


def run_folder(named: Path) -> str | None:
    """The run folder, or its URL, that is named in place of a study file."""
    if url := re.fullmatch(r"([a-z][a-z0-9]+):(/.+)", str(named)):  # a path has lost one of the slashes
        return url[2] if url[1] == "file" else f"{url[1]}:/{url[2]}"
    return str(named) if named.is_dir() else None


def folder_of(study_file: Path, out: Path | str | None = None) -> Path | str:
    """The run folder, or its URL, of a study file or of what names the folder itself; it need not be there.

    Raises:
        UserError: the study cannot be read; or both name a folder.
    """
    if (named := run_folder(study_file)) is not None:
        if out is not None:
            raise UserError(
                f"--out {out}: {named} is the run's folder already; leave --out out, or name the study file."
            )
        return named
    study = load_study(study_file)
    return out or (study_file.parent if isinstance(study, ImportedStudy) else Path("runs") / study.name)


def _kept(folder: RunFolder) -> Study | ImportedStudy:
    study = recorded_study(folder)
    if study is None:
        raise UserError(
            f"{folder.storage.url}: keeps no {STUDY}, so that it is no run folder, or one of an old version. Name the study "
            "file, and the folder with --out."
        )
    return study


@contextmanager
def opened(study_file: Path | Study, out: Path | str | None = None, part: Slice = WHOLE) -> Iterator[AnyRun]:
    """The run of a study file, held for this process until the end; what the study wants of it is recorded.

    Args:
        out: the run folder, or its URL.
        part: a slice of the run, which is held beside the holders of other slices.

    Raises:
        UserError: as for `run_of`.
        RunBusy: another process holds the run.
        RunChanged: the folder belongs to another study.
    """
    with held(run_of(study_file, out), part) as run:
        yield run


@contextmanager
def held(run: AnyRun, part: Slice = WHOLE) -> Iterator[AnyRun]:
    """As `opened`, of a run that was looked at before."""
    with run.folder.locked(part.name) as held:
        yield begun(run, held)


@contextmanager
def looked_at(study_file: Path, out: Path | str | None = None) -> Iterator[AnyRun]:
    """As `opened`; of a run that cannot be written, the run as it stands, whose results are then made elsewhere.

    Raises:
        UserError: as for `opened`; or it cannot be written, and the study asks for more than it has.
    """
    run = run_of(study_file, out)
    with run.folder.read() as folder:
        if folder is run.folder:
            yield begun(run)
            return
        editions = folder.editions()
        if not editions or (isinstance(run, DrawnRun) and not same_wish(editions[-1][1], run.wanted)):
            raise UserError(
                f"{folder.storage.url}: cannot be written, and has not been made of these prompts and seeds. Name them in the "
                "study as they were, or copy the run to where it can be written, and name the copy with --out."
            )
        if isinstance(run, DrawnRun):
            folder.refuse_other_study(run.made_from, run.agreement)
            run = as_begun(run)
        else:
            folder.refuse_other_study(run.cause)
        yield replace(run, folder=folder)


def begun(run: AnyRun, held: Held = lambda: None) -> AnyRun:
    """The run, once it is recorded what its study wants of it. For the process that holds the run.

    Raises:
        RunChanged: the folder belongs to another study.
    """
    if isinstance(run, DrawnRun):  # of others an import has recorded it
        run.folder.refuse_other_study(run.made_from, run.agreement)
        run = as_begun(run)
        recorded = run.folder.grow(run.made_from, run.wanted, run.agreement)
        run = replace(run, units=units_of(run.study, run.race, recorded, run.wanted))
    record_study(run.folder, run.study, held)
    return run
