"""A study and its run folder, and the steps from the one to the other."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from seedscope.analysis.features import feature
from seedscope.analysis.features.base import Feature
from seedscope.analysis.features.feature_stage import Features, Generated, Measure, Source, feature_table
from seedscope.analysis.features.real_images import RealImages
from seedscope.analysis.seeds.distances.base import refuse_unknown
from seedscope.jobs.work.steps import Pending, Step, carry_out
from seedscope.pipeline.drawing.cause import cause
from seedscope.pipeline.drawing.generate import Generate
from seedscope.pipeline.drawing.tasks.inpainting import Inpainting
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.imported.imported_run import ImportedRun
from seedscope.pipeline.models.locate import Located, locate
from seedscope.pipeline.running.runner import Executor, Watch, Work
from seedscope.pipeline.running.stage import Stage
from seedscope.pipeline.study.file import load_study
from seedscope.pipeline.study.plan import Edition, Unit, plan
from seedscope.pipeline.study.prompts import read_prompts
from seedscope.pipeline.study.schema import ImportedStudy, Json, Measured, Study, fingerprint
from seedscope.pipeline.study.slice import WHOLE
from seedscope.pipeline.tables.parquet import tuples
from seedscope.pipeline.tables.run_folder import RunFolder
from seedscope.pipeline.tables.schemas import IMAGE_SCHEMA, INPAINT_SCHEMA
from seedscope.pipeline.tables.shards import Depth
from seedscope.pipeline.tables.table import Table

CHECK_WHOLE_UP_TO = 8 * 2**30


class Job(ABC):
    """A validated study with the folder of its run. `subject` is what titles call the pictures; `unfinished`: prompts that are
    left out because they are not complete yet.

    Raises:
        UserError: everything that is wrong with the study, its model, its prompts or its reference, before work begins.
    """

    def __init__(self, study: Measured, folder: RunFolder, cause: Json, wanted: Edition, subject: str) -> None:
        self.study, self.folder, self.cause, self.wanted, self.subject = study, folder, cause, wanted, subject
        self.unfinished = 0
        self.part = WHOLE
        self.measured: list[Feature] = [feature(choice.name, **choice.options) for choice in self.study.features]
        for key, name in self.study.ranking.named:
            if not _ranks(self.measured_as(name)):
                able = ", ".join(item.name for item in self.measured if _ranks(item)) or "none is measured"
                raise UserError(
                    f"ranking.{key}: {name!r} says nothing about which seeds are good; of these do: {able}."
                )
        refuse_unknown(self.study.ranking.distances)
        if self.study.ranking.distances and not any(item.needs_reference for item in self.measured):
            raise UserError(
                "ranking.distances: no feature of the study is compared with real pictures; measure one that is, such as "
                "fd_efficientnet_lite0, or leave the distances out."
            )

    def measured_as(self, name: str) -> Feature:
        """The feature of that name."""
        return next(item for item in self.measured if item.name == name)

    @cached_property
    def units(self) -> list[Unit]:
        """The units of the run as it stands, or, before its first one, as it will be."""
        return self._units()

    @abstractmethod
    def _units(self) -> list[Unit]: ...

    @abstractmethod
    def begin(self) -> None:
        """Record what the study wants of the run. For the process that holds the run's lock.

        Raises:
            RunChanged: the folder belongs to another study.
        """

    @abstractmethod
    def _pictures(self, limit: int | None) -> Pending:
        """The pictures that are not there yet, and those that are damaged; at most `limit` units."""

    @cached_property
    def reference(self) -> RealImages:
        return RealImages.named(self.study.reference)

    @cached_property
    def images(self) -> Table:
        schema = IMAGE_SCHEMA if self.before is None else INPAINT_SCHEMA
        return Table.of(self.folder.storage, "images", fingerprint(self.cause), schema)

    @cached_property
    def measures(self) -> list[Measure]:
        """Each feature with its table of the generated pictures."""
        made_from = fingerprint(self.cause)
        return [Measure(item, feature_table(self.folder.storage, item.name, item, made_from)) for item in self.measured]

    @cached_property
    def reference_measures(self) -> list[Measure]:
        """Each feature that compares with real pictures, with its table of these."""
        needing = [item for item in self.measured if item.needs_reference]
        return self._apart("reference", self.reference.fingerprint(), needing) if needing else []

    @property
    def before(self) -> Inpainting | None:
        """The pictures before inpainting; None of a study that does not inpaint."""
        return None

    @cached_property
    def before_measures(self) -> list[Measure]:
        """Each feature that compares with the pictures before inpainting, with its table of these."""
        needing = [item for item in self.measured if item.needs_control]
        return self._apart("before", self.before.fingerprint(), needing) if self.before and needing else []

    def _apart(self, kind: str, pictures: str, measured: Sequence[Feature]) -> list[Measure]:
        """Features of other pictures than the run's own, with their tables; `pictures` is the fingerprint of these."""
        folder = self.folder.storage
        return [Measure(item, feature_table(folder, f"{kind}-{item.name}", item, pictures)) for item in measured]

    def compared_with(self) -> list[tuple[str, Source, list[Measure], list[Unit]]]:
        """What is measured beside the pictures of the run: (stage, pictures, features, units)."""
        found: list[tuple[str, Source, list[Measure], list[Unit]]] = []
        if self.reference_measures:
            found.append(("reference features", self.reference, self.reference_measures, self.reference.units()))
        if self.before is not None and self.before_measures:
            found.append(("features before", self.before, self.before_measures, self.before.units()))
        return found

    def make(
        self,
        executor: Executor,
        watch: Watch,
        *,
        pictures: bool = False,
        features: bool = False,
        only: Sequence[str] = (),
        limit: int | None = None,
    ) -> list[Step]:
        """Make what is not there yet, and what is damaged: pictures, features, or both at once; `limit` units of each at most.

        Args:
            pictures: draw the pictures of the run.
            features: measure the pictures of the run and those that they are compared with.
            only: names of features; none means all.

        Raises:
            UserError: a mishap that trying again would not mend.
        """
        pending = [self._pictures(limit)] if pictures else []
        drawn = [unit for item in pending if item.work is not None for unit in item.work.units]
        measured = {unit for item in self.measures for unit in item.table.committed()} if features and drawn else set()
        again = any(unit.name in measured for unit in drawn)
        pending += self._measurements(only, limit, drawn) if features else []
        alone = self.part == WHOLE
        steps = carry_out(pending, executor, watch, alone=alone)
        if again:  # pictures that were damaged, and measured before that, may have come out otherwise
            steps += [
                step
                for step in carry_out(self._measurements(only, limit), executor, watch, alone=alone)
                if step.repaired
            ]
        return steps

    def _measurements(self, only: Sequence[str], limit: int | None, drawn: Sequence[Unit] = ()) -> list[Pending]:
        """What there is to measure; `drawn` are units whose pictures are drawn in the same go."""
        name, drawn_marks = "features", dict(tuples(self.images.ledger("unit", "sha256")))
        own = [unit for unit in self.part.of(self.units) if unit.name in drawn_marks]
        work = [(kind, source, every, self.part.of(units)) for kind, source, every, units in self.compared_with()]
        found = []
        for stage, source, every, units in [*work, (name, Generated(self.images), self.measures, own)]:
            measures = [item for item in every if not only or item.feature.name in only]
            if not measures:
                continue
            repaired = [lost for item in measures for lost in self._take_back_damaged(item.table, units)]
            marks = {unit.name: drawn_marks[unit.name] if stage == name else source.mark(unit) for unit in units}
            repaired += [lost for item in measures for lost in _take_back_outdated(item.table, marks)]
            coming, after = (drawn, "images") if stage == name else ((), None)
            features = Features(source, measures, self.study.compute.device)
            found.append(_pending(stage, features, [*units, *coming], repaired, limit, after if coming else None))
        return found

    def _drawn(self) -> list[Unit]:
        """The units whose pictures are committed."""
        done = self.images.committed()
        return [unit for unit in self.units if unit.name in done]

    def _take_back_damaged(self, table: Table, units: Sequence[Unit], *, deep: bool | None = None) -> list[str]:
        """Revoke every committed unit that is damaged; return what was wrong.

        Without `deep`, every byte is read where that is quick (up to 8 GiB on this machine), and only sizes where not.
        """
        depth: Depth | int = CHECK_WHOLE_UP_TO if deep is None else "bytes" if deep else "footer"
        found = table.damaged([unit.name for unit in units], depth)
        for unit in found:
            table.revoke(unit)
        return list(found.values())

    def verify(self, *, deep: bool) -> list[str]:
        """Check every committed shard of the run, take back the damaged ones, and say what was wrong with them."""
        tables = self.tables()
        return [reason for _, table, units in tables for reason in self._take_back_damaged(table, units, deep=deep)]

    def tables(self) -> list[tuple[str, Table, list[Unit]]]:
        """Every table of the run: (stage, table, the units that it is to have)."""
        found = [("images", self.images, self.units)]
        found += [(name, item.table, units) for name, _, measures, units in self.compared_with() for item in measures]
        return found + [("features", item.table, self.units) for item in self.measures]


class DrawnJob(Job):
    """A study whose pictures a model draws."""

    study: Study

    def __init__(self, study: Study, folder: RunFolder) -> None:
        self.located: Located = locate(study.model, inpaint=study.inpaint is not None)
        self._before: Inpainting | None = None
        if study.inpaint is not None:
            self._before = Inpainting.named(study.inpaint, self.located.size(study.sampling))
        prompts = read_prompts(study.prompts) if self._before is None else self._before.prompts()
        wanted = Edition(tuple(prompts), tuple(study.seeds))
        super().__init__(study, folder, cause(study, self.located), wanted, study.model.id.rsplit("/", 1)[-1])

    @property
    def before(self) -> Inpainting | None:
        return self._before

    def _units(self) -> list[Unit]:
        known = [edition for _, edition in self.folder.editions()]
        return plan(known or [self.wanted], self.study.unit)

    def begin(self) -> None:
        self.units = plan(self.folder.grow(self.cause, self.wanted), self.study.unit)

    def _pictures(self, limit: int | None) -> Pending:
        units = self.part.of(self.units)
        repaired = self._take_back_damaged(self.images, units)
        stage = Generate(self.study, self.located, self.images, self.before)
        return _pending("images", stage, units, repaired, limit)


class ImportedJob(Job):
    """A study of pictures that `seedscope import` brought in."""

    study: ImportedStudy

    def __init__(self, study: ImportedStudy, folder: RunFolder) -> None:
        self.run = ImportedRun(folder)
        self.images = self.run.images
        super().__init__(study, folder, self.run.cause, self.run.edition, study.name)

    def _units(self) -> list[Unit]:
        return self.run.units

    def begin(self) -> None:
        """Nothing to record: an import has done so."""

    def _pictures(self, limit: int | None) -> Pending:  # noqa: ARG002
        """Nothing to make: all pictures are there, or an import has to bring them."""
        if missing := len(self.units) - len(self._drawn()):
            raise UserError(
                f"{self.folder.storage.url}: {missing} of {len(self.units)} units have no pictures. "
                f"`seedscope import {self.study.imported} --out {self.folder.storage.url}` brings them in."
            )
        return Pending("images", len(self.units))


def open_job(study_file: Path, out: Path | str | None = None) -> DrawnJob | ImportedJob:
    """The job of a study file; that of imported pictures lies in their run folder.

    Args:
        out: the run folder, or its URL.

    Raises:
        UserError: everything that is wrong with the study, before work begins.
    """
    study = load_study(study_file)
    if isinstance(study, ImportedStudy):
        return ImportedJob(study, RunFolder(out or study_file.parent))
    return DrawnJob(study, RunFolder(out or Path("runs") / study.name))


def _pending(
    name: str, stage: Stage, units: Sequence[Unit], repaired: Sequence[str], limit: int | None, after: str | None = None
) -> Pending:
    """A stage, with those of its units that are not done, `limit` at most."""
    done = stage.done()
    todo = [unit for unit in units if unit.name not in done][:limit]
    return Pending(name, len(units), tuple(repaired), Work(name, stage, todo, after))


def _ranks(item: Feature) -> bool:
    """Whether seeds can be ranked by a feature: a distance to real pictures, or a number with a good direction."""
    return item.needs_reference or any(item.scalars().values())


def _take_back_outdated(table: Table, marks: Mapping[str, str]) -> list[str]:
    """Revoke measurements of pictures that have since been made again with other bytes, as another machine may do.

    Args:
        marks: what the pictures of each unit are now, by unit.
    """
    outdated = [
        unit for unit, source in tuples(table.ledger("unit", "source")) if unit in marks and source != marks[unit]
    ]
    for unit in outdated:
        table.revoke(unit)
    return [f"{table.shard(unit)}: its pictures have changed since they were measured" for unit in outdated]
