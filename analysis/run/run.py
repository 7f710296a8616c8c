"""A study and what there is of it: its units and tables, its features, and what their measurements are compared with."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

from seedscope.analysis.features.base import Feature
from seedscope.analysis.features.feature_stage import Measure, Source, feature_table
from seedscope.analysis.features.real_images import RealImages
from seedscope.analysis.run.measured import named_reference
from seedscope.analysis.run.race import Race
from seedscope.analysis.run.recorded_study import differences_of
from seedscope.pipeline.drawing.cause import naming_of_any
from seedscope.pipeline.drawing.tasks.base import Control, Task
from seedscope.pipeline.drawing.tasks.early_pictures import EarlyPictures
from seedscope.pipeline.imported.imported_run import ImportedRun
from seedscope.pipeline.models.locate import Located
from seedscope.pipeline.study.plan import Edition, Unit, cut
from seedscope.pipeline.study.schema import ImportedStudy, Json, Measured, Study, fingerprint
from seedscope.pipeline.tables.agreement import Agreement
from seedscope.pipeline.tables.run_folder import RunFolder
from seedscope.pipeline.tables.table import Table


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

    @cached_property
    def outside(self) -> frozenset[int]:
        """Seeds that have pictures in its units and are not of it, by which none of the others is to be judged: of the
        confirmation of a sweep those that went out of its rounds when some of their part in it was drawn already."""
        if self.race is None:
            return frozenset()
        return frozenset(seed for unit in self.units for seed in unit.seeds) - {*self.wanted.seeds}

    def measured_as(self, name: str) -> Feature:
        """The feature of that name."""
        return next(item for item in self.measured if item.name == name)

    @cached_property
    def reference(self) -> RealImages:
        """The reference pictures that seeds are compared with; asked for where some feature needs them."""
        return RealImages.named(str(named_reference(self.study)))

    @cached_property
    def measures(self) -> list[Measure]:
        """Each feature with its table of the generated pictures."""
        made_from = fingerprint(self.cause)
        return [Measure(item, feature_table(self.folder.storage, item.name, item, made_from)) for item in self.measured]

    @cached_property
    def reference_measures(self) -> list[Measure]:
        """Each feature that compares with reference pictures, with its table of these.

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
    def is_early(self) -> bool:
        """Whether its pictures are early ones."""
        return isinstance(self.task, EarlyPictures)

    @cached_property
    def early(self) -> "DrawnRun | None":
        """The early pictures of a sweep that asks for them, with what is measured on them, in tables of their own."""
        if self.race is None or self.race.trial is None or self.is_early:
            return None
        task, cause = EarlyPictures.of(self.study, self.located), self.cause
        if isinstance(cause, dict):
            cause = {**cause, "early": task.count}
        table = Table.of(self.folder.storage, "early", fingerprint(cause), self.task.schema)
        units = cut(self.race.blocks(early=True), self.study.unit)
        return replace(self, task=task, cause=cause, images=table, units=units)

    def tables(self) -> list[tuple[str, Table, Sequence[Unit]]]:
        early = [] if self.early is None else self.early.tables()
        own = [(f"early {stage}", table, units) for stage, table, units in early if stage in ("images", "features")]
        return [*super().tables(), *own]

    @property
    def control(self) -> Control | None:
        return self.task.control

    @property
    def agreement(self) -> Agreement:
        """Whether pictures of a recorded cause and those of this study may lie in one run."""
        return Agreement(partial(differences_of, self.folder, self.study, self.located.pipeline), naming_of_any)


@dataclass(frozen=True, kw_only=True)
class BroughtInRun(Run):
    """A run of pictures that `seedscope import` brought in."""

    study: ImportedStudy
    imported: ImportedRun


AnyRun = DrawnRun | BroughtInRun
