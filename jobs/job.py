"""A study and its run folder, and the steps from the one to the other."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from seedscope.analysis.features import feature
from seedscope.analysis.features.base import Feature
from seedscope.analysis.features.real_images import RealImages
from seedscope.analysis.features.stage import Features, Generated, Measure, Source, feature_table
from seedscope.pipeline import generate
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.imported.run import ImportedRun
from seedscope.pipeline.inpainting import Inpainting
from seedscope.pipeline.models import Located, locate
from seedscope.pipeline.plan import Edition, Unit, plan
from seedscope.pipeline.prompts import read_prompts
from seedscope.pipeline.run_folder import RunFolder
from seedscope.pipeline.runner import Executor, Outcome, run_stage
from seedscope.pipeline.stage import Stage
from seedscope.pipeline.store import IMAGE_SCHEMA, INPAINT_SCHEMA, Receipt, Table
from seedscope.pipeline.study import ImportedStudy, Json, Measured, Study, fingerprint
from seedscope.pipeline.study_file import load_study

CHECK_WHOLE_UP_TO = 8 * 2**30

Watch = Callable[[str, Sequence[Unit]], Callable[[Unit, Sequence[Receipt]], None]]


@dataclass(frozen=True)
class Step:
    """What became of one stage: how many units and cells there are, were made now, were repaired, or failed.

    `prompts_cut`: prompts of what was made now that are longer than the text encoder takes.
    """

    name: str
    units: int
    made: int
    failed_cells: int
    repaired: tuple[str, ...]
    quarantined: dict[str, str]
    prompts_cut: int = 0


class Job(ABC):
    """A validated study with the folder of its run. `subject` is what titles call the pictures; `unfinished`: prompts that are
    left out because they are not complete yet.

    Raises:
        UserError: everything that is wrong with the study, its model, its prompts or its reference, before work begins.
    """

    def __init__(self, study: Measured, folder: RunFolder, cause: Json, wanted: Edition, subject: str) -> None:
        self.study, self.folder, self.cause, self.wanted, self.subject = study, folder, cause, wanted, subject
        self.unfinished = 0
        self.measured: list[Feature] = [feature(choice.name, **choice.options) for choice in self.study.features]
        for key, name in self.study.ranking.named:
            if not _ranks(self.measured_as(name)):
                able = ", ".join(item.name for item in self.measured if _ranks(item)) or "none is measured"
                raise UserError(
                    f"ranking.{key}: {name!r} says nothing about which seeds are good; of these do: {able}."
                )
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
    def generate(self, executor: Executor, watch: Watch, limit: int | None = None) -> Step:
        """Make the pictures that are not there yet, and those that are damaged; at most `limit` units."""

    @cached_property
    def reference(self) -> RealImages:
        return RealImages.named(self.study.reference)

    @cached_property
    def images(self) -> Table:
        schema = IMAGE_SCHEMA if self.before is None else INPAINT_SCHEMA
        return Table.of(self.folder.path, "images", fingerprint(self.cause), schema)

    @cached_property
    def measures(self) -> list[Measure]:
        """Each feature with its table of the generated pictures."""
        made_from = fingerprint(self.cause)
        return [Measure(item, feature_table(self.folder.path, item.name, item, made_from)) for item in self.measured]

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
        folder = self.folder.path
        return [Measure(item, feature_table(folder, f"{kind}-{item.name}", item, pictures)) for item in measured]

    def compared_with(self) -> list[tuple[str, Source, list[Measure], list[Unit]]]:
        """What is measured beside the pictures of the run: (stage, pictures, features, units)."""
        found: list[tuple[str, Source, list[Measure], list[Unit]]] = []
        if self.reference_measures:
            found.append(("reference features", self.reference, self.reference_measures, self.reference.units()))
        if self.before is not None and self.before_measures:
            found.append(("features before", self.before, self.before_measures, self.before.units()))
        return found

    def features(
        self, executor: Executor, watch: Watch, only: Sequence[str] = (), limit: int | None = None
    ) -> list[Step]:
        """Measure the pictures of the run and those that they are compared with; at most `limit` units of each."""
        device = self.study.compute.device
        steps = []
        work = [*self.compared_with(), ("features", Generated(self.images), self.measures, self._drawn())]
        for name, source, every, units in work:
            measures = [item for item in every if not only or item.feature.name in only]
            if not measures:
                continue
            repaired = [lost for item in measures for lost in self._take_back_damaged(item.table, units)]
            repaired += [lost for item in measures for lost in _take_back_outdated(item.table, source, units)]
            steps.append(self._run(name, Features(source, measures, device), units, executor, watch, repaired, limit))
        return steps

    def _drawn(self) -> list[Unit]:
        """The units whose pictures are committed."""
        done = self.images.committed()
        return [unit for unit in self.units if unit.name in done]

    def _run(
        self,
        name: str,
        stage: Stage,
        units: Sequence[Unit],
        executor: Executor,
        watch: Watch,
        repaired: Sequence[str],
        limit: int | None,
    ) -> Step:
        for table in stage.tables:
            table.clear_scratch()
        done = stage.done()
        todo = [unit for unit in units if unit.name not in done][:limit]
        outcome = run_stage(stage, todo, executor, watch(name, todo)) if todo else Outcome()
        failed = sum(receipt.failed for receipt in outcome.receipts)
        cut = {prompt for receipt in outcome.receipts for prompt in _cut(receipt)}
        made = len(todo) - len(outcome.quarantined)
        return Step(name, len(units), made, failed, tuple(repaired), outcome.quarantined, len(cut))

    def _take_back_damaged(self, table: Table, units: Sequence[Unit], *, deep: bool | None = None) -> list[str]:
        """Revoke every committed unit that is damaged; return what was wrong.

        Without `deep`, every byte is read where that is quick (up to 8 GiB), and sizes and footers are read where not.
        """
        done = table.committed()
        mine = [unit.name for unit in units if unit.name in done]
        if deep is None:
            size = sum(path.stat().st_size for unit in mine if (path := table.shard(unit)).exists())
            deep = size <= CHECK_WHOLE_UP_TO
        found = {unit: reason for unit in mine if (reason := table.damage(unit, deep=deep))}
        for unit in found:
            table.revoke(unit)
        return list(found.values())

    def verify(self, *, deep: bool) -> list[str]:
        """Check every committed shard of the run, take back the damaged ones, and say what was wrong with them."""
        tables = [(self.images, self.units), *((item.table, self.units) for item in self.measures)]
        tables += [(item.table, units) for _, _, measures, units in self.compared_with() for item in measures]
        return [reason for table, units in tables for reason in self._take_back_damaged(table, units, deep=deep)]

    def status(self) -> list[dict[str, Json]]:
        """For each table: its folder, units and cells wanted and done, failed cells, bytes."""
        tables = [("images", self.images, self.units)]
        tables += [(name, item.table, units) for name, _, measures, units in self.compared_with() for item in measures]
        tables += [("features", item.table, self.units) for item in self.measures]
        return [_standing(name, table, units) for name, table, units in tables]


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
        super().__init__(study, folder, generate.cause(study, self.located), wanted, study.model.id.rsplit("/", 1)[-1])

    @property
    def before(self) -> Inpainting | None:
        return self._before

    def _units(self) -> list[Unit]:
        known = [edition for _, edition in self.folder.editions()]
        return plan(known or [self.wanted], self.study.unit)

    def begin(self) -> None:
        self.units = plan(self.folder.grow(self.cause, self.wanted), self.study.unit)

    def generate(self, executor: Executor, watch: Watch, limit: int | None = None) -> Step:
        repaired = self._take_back_damaged(self.images, self.units)
        stage = generate.Generate(self.study, self.located, self.images, self.before)
        return self._run("images", stage, self.units, executor, watch, repaired, limit)


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

    def generate(self, executor: Executor, watch: Watch, limit: int | None = None) -> Step:  # noqa: ARG002
        """Nothing to make: all pictures are there, or an import has to bring them."""
        if missing := len(self.units) - len(self._drawn()):
            raise UserError(
                f"{self.folder.path}: {missing} of {len(self.units)} units have no pictures. "
                f"`seedscope import {self.study.imported} --out {self.folder.path}` brings them in."
            )
        return Step("images", len(self.units), 0, 0, (), {})


def open_job(study_file: Path, out: Path | None = None) -> DrawnJob | ImportedJob:
    """The job of a study file; that of imported pictures lies in their run folder.

    Raises:
        UserError: everything that is wrong with the study, before work begins.
    """
    study = load_study(study_file)
    if isinstance(study, ImportedStudy):
        return ImportedJob(study, RunFolder(out or study_file.parent))
    return DrawnJob(study, RunFolder(out or Path("runs") / study.name))


def _cut(receipt: Receipt) -> list[str]:
    """The ids of a unit's prompts that are longer than the text encoder takes."""
    found = receipt.made.get("prompts_cut", [])
    return [str(prompt) for prompt in found] if isinstance(found, list) else []


def _ranks(item: Feature) -> bool:
    """Whether seeds can be ranked by a feature: a distance to real pictures, or a number with a good direction."""
    return item.needs_reference or any(item.scalars().values())


def _take_back_outdated(table: Table, source: Source, units: Sequence[Unit]) -> list[str]:
    """Revoke measurements of pictures that have since been made again with other bytes, as another machine may do."""
    done = table.committed()
    mine = [unit for unit in units if unit.name in done]
    outdated = [unit for unit in mine if table.receipt(unit.name).made["source"] != source.mark(unit)]
    for unit in outdated:
        table.revoke(unit.name)
    return [f"{table.shard(unit.name)}: its pictures have changed since they were measured" for unit in outdated]


def _standing(name: str, table: Table, units: Sequence[Unit]) -> dict[str, Json]:
    committed = table.committed()
    done = [unit for unit in units if unit.name in committed]
    receipts = [table.receipt(unit.name) for unit in done]
    return {
        "stage": name,
        "table": table.folder.name,
        "units": len(units),
        "units_done": len(done),
        "cells": sum(map(len, units)),
        "cells_done": sum(receipt.rows for receipt in receipts),
        "cells_failed": sum(receipt.failed for receipt in receipts),
        "bytes": sum(receipt.bytes for receipt in receipts),
    }
