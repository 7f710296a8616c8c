"""A study and what there is of it: its units and tables, its features, and what their measurements are compared with."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

from seedscope.analysis.features import feature
from seedscope.analysis.features.base import Feature
from seedscope.analysis.features.feature_stage import Measure, Source, feature_table
from seedscope.analysis.features.real_images import RealImages
from seedscope.analysis.run.bench_file import last_bench
from seedscope.analysis.run.race import Race, race_of
from seedscope.analysis.seeds.distances.base import refuse_unknown
from seedscope.pipeline.drawing.cause import cause, differences, knows_configuration, naming, naming_of_any
from seedscope.pipeline.drawing.pinned import pinned
from seedscope.pipeline.drawing.tasks import task_of
from seedscope.pipeline.drawing.tasks.base import Control, Task
from seedscope.pipeline.errors import StudyError, UserError
from seedscope.pipeline.imported.imported_run import ImportedRun
from seedscope.pipeline.models.locate import Located, locate
from seedscope.pipeline.models.schedulers import refuse_scheduler
from seedscope.pipeline.storage.base import Held
from seedscope.pipeline.study.file import in_file, load_study
from seedscope.pipeline.study.likely_groups import with_likely_groups
from seedscope.pipeline.study.plan import Edition, Unit, as_named, as_recorded, blocks, cut, plan
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.study.schema import ImportedStudy, Json, Measured, Study, fingerprint
from seedscope.pipeline.study.slice import WHOLE, Slice
from seedscope.pipeline.study.sweep import Sweep
from seedscope.pipeline.tables.rounds import Round, record, rounds
from seedscope.pipeline.tables.run_folder import Agreement, RunFolder, same_wish
from seedscope.pipeline.tables.table import Table

STUDY = "study.json"


@dataclass(frozen=True, kw_only=True)
class Run:
    """A study with the folder of its run, as it stands when it is opened. Reads, and makes nothing.

    Attributes:
        study: what is measured, and how that becomes a ranking.
        folder: where tables and results lie.
        cause: what names the tables of the pictures, and of what is measured on them.
        wanted: the prompts and seeds of the study.
        units: those of the run as it stands, or, before its first one, as it will be.
        images: the table of the pictures.
        subject: what titles call the pictures.
        measured: the features of the study, not loaded.
        unfinished: prompts that are left out because they are not complete yet.
        race: the rounds of a study that asks for a sweep; None of others.
    """

    study: Measured
    folder: RunFolder
    cause: Json
    wanted: Edition
    units: Sequence[Unit]
    images: Table
    subject: str
    measured: Sequence[Feature]
    unfinished: int = 0
    race: Race | None = None

    def measured_as(self, name: str) -> Feature:
        """The feature of that name."""
        return next(item for item in self.measured if item.name == name)

    @cached_property
    def reference(self) -> RealImages:
        """The real pictures that seeds are compared with."""
        return RealImages.named(self.study.reference)

    @cached_property
    def measures(self) -> list[Measure]:
        """Each feature with its table of the generated pictures."""
        made_from = fingerprint(self.cause)
        return [Measure(item, feature_table(self.folder.storage, item.name, item, made_from)) for item in self.measured]

    @cached_property
    def reference_measures(self) -> list[Measure]:
        """Each feature that compares with real pictures, with its table of these.

        Raises:
            UserError: the study's reference cannot be read.
        """
        needing = [item for item in self.measured if item.needs_reference]
        return self._apart("reference", self.reference.fingerprint(), needing) if needing else []

    @property
    def control(self) -> Control | None:
        """The pictures to measure beside those of the run, such as the given ones before a part was drawn anew."""
        return None

    @cached_property
    def control_measures(self) -> list[Measure]:
        """Each feature that compares with the control, with its table of these pictures."""
        needing = [item for item in self.measured if item.needs_control]
        if self.control is None or not needing:
            return []
        return self._apart(self.control.name, self.control.fingerprint(), needing)

    def kind(self, prompt_id: str) -> str:
        """What was asked for by a prompt, in a word, where the study asks for several things; else nothing."""
        return "" if self.control is None else self.control.kind(prompt_id)

    def _apart(self, kind: str, pictures: str, measured: Sequence[Feature]) -> list[Measure]:
        """Features of other pictures than the run's own, with their tables; `pictures` is the fingerprint of these."""
        folder = self.folder.storage
        return [Measure(item, feature_table(folder, f"{kind}-{item.name}", item, pictures)) for item in measured]

    def compared_with(self) -> list[tuple[str, Source, list[Measure], list[Unit]]]:
        """What is measured beside the pictures of the run: (stage, pictures, features, units)."""
        found: list[tuple[str, Source, list[Measure], list[Unit]]] = []
        if self.reference_measures:
            found.append(("reference features", self.reference, self.reference_measures, self.reference.units()))
        if self.control is not None and self.control_measures:
            stage = f"features {self.control.name}"
            found.append((stage, self.control, self.control_measures, self.control.units()))
        return found

    def tables(self) -> list[tuple[str, Table, Sequence[Unit]]]:
        """Every table of the run: (stage, table, the units that it is to have)."""
        found: list[tuple[str, Table, Sequence[Unit]]] = [("images", self.images, self.units)]
        found += [(name, item.table, units) for name, _, measures, units in self.compared_with() for item in measures]
        return found + [("features", item.table, self.units) for item in self.measures]


@dataclass(frozen=True, kw_only=True)
class DrawnRun(Run):
    """A run whose pictures a model draws. `made_from` is everything that changes the pictures."""

    study: Study
    located: Located
    task: Task
    made_from: Json

    @property
    def control(self) -> Control | None:
        return self.task.control

    @property
    def agreement(self) -> Agreement:
        """Whether pictures of a recorded cause and those of this study may lie in one run."""
        return Agreement(partial(_differences, self.folder, self.study), naming_of_any)


@dataclass(frozen=True, kw_only=True)
class BroughtInRun(Run):
    """A run of pictures that `seedscope import` brought in."""

    study: ImportedStudy
    imported: ImportedRun


AnyRun = DrawnRun | BroughtInRun


def run_of(study_file: Path, out: Path | str | None = None, *, uniform: bool = False) -> AnyRun:
    """The run of a study file, as it stands; that of imported pictures lies in their run folder.

    Args:
        out: the run folder, or its URL.
        uniform: as of `drawn_run`.

    Raises:
        UserError: everything that is wrong with the study, its model, its prompts or its features, before work begins.
    """
    study = load_study(study_file)
    if isinstance(study, ImportedStudy):
        return _brought_in(study, RunFolder(out or study_file.parent))
    try:
        return drawn_run(study, RunFolder(out or Path("runs") / study.name), uniform=uniform)
    except StudyError as error:
        raise StudyError(in_file(study_file, study, str(error))) from None


@contextmanager
def opened(study_file: Path, out: Path | str | None = None, part: Slice = WHOLE) -> Iterator[AnyRun]:
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
            run = _raced(run)
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
        run = _raced(run)
        recorded = run.folder.grow(run.made_from, run.wanted, run.agreement)
        run = replace(run, units=_units(run.study, run.race, recorded, run.wanted))
    record_study(run, held)
    return run


def with_round(run: DrawnRun, more: Round) -> DrawnRun:
    """The run of a sweep once its next round is recorded. For the process that holds the run."""
    if run.race is None:
        raise ValueError(f"{run.folder.storage.url} is no sweep")
    record(run.folder.storage, len(run.race.rounds) + 1, more)
    race = run.race.with_round(more)
    return replace(run, race=race, units=cut(race.blocks(), run.study.unit))


def as_it_stands(run: AnyRun) -> AnyRun:
    """The run, of a sweep with the rounds that have been recorded by now."""
    if not isinstance(run, DrawnRun) or run.race is None or not (found := rounds(run.folder.storage)):
        return run
    race = replace(run.race, rounds=tuple(found))
    return replace(run, race=race, units=cut(race.blocks(), run.study.unit))


def _raced(run: DrawnRun) -> DrawnRun:
    """The run, whose sweep, if it is one, is recorded as it was begun."""
    if run.race is None:
        return run
    (_, by), *_ = run.study.ranking.named
    return replace(run, race=run.race.began(run.folder.storage, f"{by} {run.measured_as(by).fingerprint()}"))


def _units(study: Study, race: Race | None, recorded: Sequence[Edition], wanted: Edition) -> list[Unit]:
    """The units of a run that grew through editions, or, before its first one, as they will be; of a sweep those of its
    rounds."""
    found = blocks(as_named(recorded, wanted.prompts) or [wanted]) if race is None else race.blocks()
    return cut(found, study.unit)


def record_study(run: Run, held: Held = lambda: None) -> None:
    """Keep the study in the run folder, for who looks at it without the study file; paths as this process has them."""
    text = run.study.model_dump_json(indent=1).encode()
    try:
        if run.folder.storage.read(STUDY) == text:
            return
    except FileNotFoundError:
        pass
    run.folder.storage.deliver({STUDY: lambda: text}, held)


def recorded_study(folder: RunFolder) -> Study | ImportedStudy | None:
    """The study that a run folder keeps; None of a run that was made before it kept any.

    Raises:
        UserError: it cannot be read.
    """
    try:
        text = folder.storage.read(STUDY)
        found = json.loads(text)
        kind = ImportedStudy if isinstance(found, dict) and "imported" in found else Study
        return kind.model_validate_json(text)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UserError(f"{folder.storage.url}/{STUDY}: cannot be read: {str(error).splitlines()[0]}.") from error


def grouped(study: Measured, prompts: Sequence[Prompt]) -> list[Prompt]:
    """The prompts with their groups: as they are named, or, where the study wants it, as their texts say too."""
    return with_likely_groups(prompts) if study.groups == "auto" else list(prompts)


def drawn_run(study: Study, folder: RunFolder, *, uniform: bool = False) -> DrawnRun:
    """The run of a study whose pictures a model draws, in a folder, as it stands.

    Args:
        uniform: of a sweep, as if all seeds were drawn with all prompts: to look at its pictures' making alone.

    Raises:
        UserError: as for `run_of`.
    """
    kind = task_of(study)
    located = locate(study.model, fills_masks=kind.fills_masks)
    refuse_scheduler(study.sampling)
    located.refuse(study.sampling, study.compute, by_prompt=kind.stock_call)
    study = pinned(study)
    task = kind.of(study, located)
    known = folder.editions()
    recorded = [edition for _, edition in known]
    wanted = Edition(tuple(grouped(study, as_recorded(recorded, task.prompts()))), tuple(study.every_seed))
    _refuse_cut_sets(study, plan([*as_named(recorded, wanted.prompts), wanted], study.unit), task.together)
    measured, made_from = _measured(study), cause(study, located)
    tables = naming(made_from)
    if known and isinstance(first := known[0][0], dict) and not _differences(folder, study, known[-1][0], made_from):
        tables = naming(first)
    run = DrawnRun(
        study=study,
        folder=folder,
        cause=tables,
        made_from=made_from,
        wanted=wanted,
        units=_units(study, None, recorded, wanted),
        images=Table.of(folder.storage, "images", fingerprint(tables), task.schema),
        subject=study.model.name.rsplit("/", 1)[-1],
        measured=measured,
        located=located,
        task=task,
    )
    if uniform:
        return run
    asked = study.seeds if isinstance(study.seeds, Sweep) else None
    race = race_of(asked, folder.storage, wanted, tables, begun=bool(known), rate=partial(_rate, run))
    return replace(run, race=race, units=_units(study, race, recorded, wanted))


def _rate(run: DrawnRun) -> float | None:
    """Pictures a second of one GPU or worker, as it was measured last; None where it was not."""
    found = last_bench(run)
    return None if found is None else found[1].rate["worker"].median


def _refuse_cut_sets(study: Study, units: Sequence[Unit], together: int) -> None:
    """Refuse seeds that are drawn together, and of which a unit has but some.

    Raises:
        StudyError: the unit is named by its seeds.
    """
    if together > 1 and isinstance(study.seeds, Sweep):
        raise StudyError(
            f"task.{study.task_name}: seeds are drawn in sets of {together}, of which a sweep cannot let some go. Name all "
            "seeds of the study as `seeds`."
        )
    for unit in units if together > 1 else []:
        if len(unit.seeds) % together:
            raise StudyError(
                f"task.{study.task_name}: seeds are drawn in sets of {together}, and the {len(unit.seeds)} seeds "
                f"{', '.join(map(str, unit.seeds[:8]))}{' ...' if len(unit.seeds) > 8 else ''} of one unit of work make no "
                f"whole sets. Let `seeds`, `unit.seeds` and the seeds that are added later each be a multiple of {together}."
            )


def _differences(folder: RunFolder, study: Study, old: Json, new: Json) -> list[str]:
    found = differences(old, new)
    if not found and not knows_configuration(old):
        # Such a cause names the files of every variant, whichever was drawn with.
        before = recorded_study(folder)
        if isinstance(before, Study) and before.model.variant != study.model.variant:
            found = [f"model.variant was {before.model.variant} and is now {study.model.variant}"]
    return found


def _brought_in(study: ImportedStudy, folder: RunFolder) -> BroughtInRun:
    imported = ImportedRun(folder)
    prompts = {prompt.id: prompt for prompt in grouped(study, imported.edition.prompts)}
    return BroughtInRun(
        study=study,
        folder=folder,
        cause=imported.cause,
        wanted=replace(imported.edition, prompts=tuple(prompts.values())),
        units=[
            Unit(unit.name, tuple((prompts[prompt.id], seed) for prompt, seed in unit.cells)) for unit in imported.units
        ],
        images=imported.images,
        subject=study.name,
        measured=_measured(study),
        imported=imported,
    )


def _measured(study: Measured) -> list[Feature]:
    """The features of a study.

    Raises:
        UserError: one does not exist, or cannot do what the study wants of it.
    """
    measured = [feature(choice.name, **choice.options) for choice in study.features]
    for key, name in study.ranking.named:
        if not _ranks(next(item for item in measured if item.name == name)):
            able = ", ".join(item.name for item in measured if _ranks(item)) or "none is measured"
            raise UserError(f"ranking.{key}: {name!r} says nothing about which seeds are good; of these do: {able}.")
    refuse_unknown(study.ranking.distances)
    if study.ranking.distances and not any(item.needs_reference for item in measured):
        raise UserError(
            "ranking.distances: no feature of the study is compared with real pictures; measure one that is, such as "
            "fd_efficientnet_lite0, or leave the distances out."
        )
    return measured


def _ranks(item: Feature) -> bool:
    """Whether seeds can be ranked by a feature: a distance to real pictures, or a number with a good direction."""
    return item.needs_reference or any(item.scalars().values())
