"""The measurements of a run that sets of pictures are judged by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.experiments.diverse_table.sets import Pictures
from seedscope.analysis.features.feature_stage import Measure
from seedscope.analysis.judging.judge import real_pictures
from seedscope.analysis.judging.map_of_run import projection_of, vector_measure
from seedscope.analysis.judging.measurement import Measurement, good_measurement
from seedscope.analysis.run.run import Run
from seedscope.analysis.seeds.distances.moments import Moments, merge, moments
from seedscope.analysis.seeds.distances.witness import Witness
from seedscope.analysis.seeds.scores.grid import read_grid
from seedscope.analysis.seeds.scores.vectors import Vectors, read_cells
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.tables.table import Table


@dataclass(frozen=True)
class Judges:
    """By what pictures are alike (`alike`, a feature, in the run's principal components), by what they are good (`good`), and
    the feature of the distance to the reference pictures, if one is measured."""

    alike: str
    project: Callable[[Vectors], Vectors]
    width: int
    good: Measurement
    real: str | None

    @property
    def features(self) -> list[str]:
        """The features that have to be measured."""
        return list(dict.fromkeys([self.alike, self.good.feature, *([self.real] if self.real else [])]))


def judges_of(run: Run, by: str | None, quality: str | None) -> Judges:
    """The measurements of a study by these names, or the first that serve.

    Raises:
        UserError: it measures none that serves, or not all of it is measured.
    """
    alike = vector_measure(run, by)
    good = good_measurement(run.measured, quality, "--quality")
    real = next((item.feature.name for item in run.measures if item.feature.needs_reference), None)
    for name in (alike.feature.name, good.feature, *([real] if real else [])):
        table = _measure(run, name).table
        if missing := len({unit.name for unit in run.units} - table.committed()):
            raise UserError(
                f"{run.folder.path}: {missing} of {len(run.units)} units have no {name} yet. `seedscope run` makes them."
            )
    _, projection = projection_of(run, alike)
    return Judges(alike.feature.name, projection, projection.width, good, real)


def witness_of(run: Run, judges: Judges) -> Witness | None:
    """What scores pictures by what they add to the distance from the real ones; None where no distance is measured."""
    if judges.real is None:
        return None
    measure, everything = _measure(run, judges.real), None
    for cells in read_cells(measure.table, judges.real, run.units):
        found = moments(cells.vectors)
        everything = found if everything is None else merge(everything, found)
    if everything is None:
        everything = Moments.empty(measure.feature.fields()[0].type.list_size)
    return Witness.of(everything, real_pictures(run)[judges.real])


def read_pictures(run: Run, judges: Judges, prompts: Sequence[Prompt], seeds: Sequence[int]) -> Pictures:
    """Measurements of the pictures of some prompts and seeds; prompts of which a picture has none are left out.

    Raises:
        CorruptShard: a shard cannot be read.
    """
    wanted = {prompt.id for prompt in prompts}
    units = [unit for unit in run.units if wanted & {prompt.id for prompt in unit.prompts}]
    ids = [prompt.id for prompt in prompts]
    vectors = _vectors(_measure(run, judges.alike).table, judges.alike, units, ids, seeds, judges.project, judges.width)
    embedded = None
    if judges.real is not None:
        measure = _measure(run, judges.real)
        width = measure.feature.fields()[0].type.list_size
        embedded = _vectors(measure.table, judges.real, units, ids, seeds, lambda rows: rows, width)
    grid = read_grid(_measure(run, judges.good.feature).table, judges.good.column, units)
    row = {prompt: number for number, prompt in enumerate(grid.prompts.tolist())}
    place = {seed: number for number, seed in enumerate(grid.seeds.tolist())}
    scores = grid.values[np.ix_([row[each] for each in ids], [place[seed] for seed in seeds])].astype(np.float64)
    whole = np.isfinite(scores).all(axis=1) & np.isfinite(vectors).all(axis=(1, 2))
    whole &= np.linalg.norm(vectors, axis=2).all(axis=1)
    if embedded is not None:
        whole &= np.isfinite(embedded).all(axis=(1, 2))
    if whole.all():
        return Pictures(list(ids), list(seeds), vectors, scores, embedded)
    kept = [each for each, good in zip(ids, whole.tolist(), strict=True) if good]
    return Pictures(kept, list(seeds), vectors[whole], scores[whole], None if embedded is None else embedded[whole])


def _vectors(
    table: Table,
    column: str,
    units: Sequence[Unit],
    prompts: Sequence[str],
    seeds: Sequence[int],
    project: Callable[[Vectors], Vectors],
    width: int,
) -> npt.NDArray[np.float32]:
    """(P, S, width), NaN where a picture has no vector."""
    row = {prompt: number for number, prompt in enumerate(prompts)}
    place = {seed: number for number, seed in enumerate(seeds)}
    found = np.full((len(row), len(place), width), np.nan, np.float32)
    for cells in read_cells(table, column, units):
        kept = [prompt in row and seed in place for prompt, seed in zip(cells.prompts, cells.seeds, strict=True)]
        mine = cells.where(np.array(kept, dtype=np.bool_))
        found[[row[each] for each in mine.prompts], [place[seed] for seed in mine.seeds]] = project(mine.vectors)
    return found


def _measure(run: Run, feature: str) -> Measure:
    return next(item for item in run.measures if item.feature.name == feature)
