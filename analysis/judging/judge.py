"""From measurements to what is known of the seeds: the ranking, every scalar measurement, and text rates by task."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from seedscope.analysis.direction import Better
from seedscope.analysis.features.base import Feature
from seedscope.analysis.judging.by_distance import RankedByDistance, distances_table, ranked_by_distance
from seedscope.analysis.judging.measures_table import measures_table
from seedscope.analysis.judging.text_rates import text_rates
from seedscope.analysis.run.run import Job
from seedscope.analysis.seeds.distances.feature_rows import reference_of
from seedscope.analysis.seeds.distances.frechet import Reference
from seedscope.analysis.seeds.distances.witness import witness_grid
from seedscope.analysis.seeds.ranking import Ranking
from seedscope.analysis.seeds.scores.combined import COMBINED, Part, Term, combined
from seedscope.analysis.seeds.scores.grid import Grid, read_grid
from seedscope.analysis.seeds.scores.scalar import Scalar, columns, rank_by, scalar
from seedscope.analysis.seeds.scores.scores import StatisticsError
from seedscope.analysis.seeds.scores.split import split_prompts
from seedscope.pipeline.errors import UserError
from seedscope.pipeline.storage.local import replacing
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.schema import Json, fingerprint
from seedscope.pipeline.tables.table import Table

MEASURED = "seedscope_measured"
"""Key of the metadata of seeds.parquet that says what was measured: fingerprint of each feature, the table of the real
pictures (whose name has the hash of its cause) of each that needs them, number of prompts, how many golden seeds were
asked for, by which measurements seeds are better than average, and the weights of those that are combined."""


@dataclass(frozen=True)
class Judged:
    """What is known of the seeds of a run.

    ranking: by the study's measure. scalars: every scalar measurement by name; silent: those that say nothing of the seeds,
    and why. by_task: `text_rates` of a study that inpaints. combined: what the combined score is made of; empty where the
    study does not ask for one. distances: the seeds by each distance, of a study that asks for
    others than the Frechet distance.
    """

    ranking: Ranking
    scalars: Mapping[str, Scalar]
    silent: Mapping[str, str]
    by_task: pa.Table | None
    combined: Sequence[Part] = ()
    distances: Sequence[RankedByDistance] = ()

    def scores(self, name: str) -> Scalar:
        """A scalar measurement by its name.

        Raises:
            UserError: it says nothing of the seeds.
        """
        return _speaking(name, self.scalars, self.silent)


def judge(job: Job) -> Judged:
    """Judge the seeds of a measured run by everything that is measured; write what is found into the run folder.

    `seeds.parquet`: a row a seed, best first. `measures.parquet`: a row a scalar measurement. `text_rates.parquet`, of a
    study that inpaints: a row a seed and task. `distances.parquet`, of a study with `ranking.distances`: a row a distance.

    Raises:
        UserError: pictures or measurements are missing, or the ranking's measure says nothing of the seeds.
    """
    _refuse_unfinished(job)
    references = {
        item.feature.name: reference_of(item.table, item.feature.name, job.reference.units())
        for item in job.reference_measures
    }
    scalars, silent, parts = _scalars(job, references)
    first = job.measured_as(job.study.ranking.named[0][1])
    by = first.name if first.needs_reference and not _weights(job) else None
    distances = ranked_by_distance(job, references, by, partial(_rng, job))
    ranking = rank_by(_speaking(decisive(job)[0], scalars, silent)) if by is None else distances[by].ranking
    others = list(distances.values()) if job.study.ranking.distances else []
    judged = Judged(ranking, scalars, silent, text_rates(job), parts, others)
    _write(job, judged)
    return judged


def decisive(job: Job) -> list[str]:
    """The measurements by which the study's rule chooses seeds, in its order: the combined score, or one a feature."""
    return [COMBINED] if _weights(job) else [quality(job.measured_as(name)) for _, name in job.study.ranking.named]


def _weights(job: Job) -> dict[str, float]:
    """Measurement -> its weight in the combined score; empty where the study does not ask for one."""
    by = job.study.ranking.by
    return {quality(job.measured_as(name)): weight for name, weight in by.items()} if isinstance(by, dict) else {}


def quality(feature: Feature) -> str:
    """The name of the measurement by which a feature says which seeds are good."""
    if feature.needs_reference:
        return f"{feature.name}_witness"
    return measurement(feature, next(column for column, better in feature.scalars().items() if better))


def measurement(feature: Feature, column: str) -> str:
    """What a column of a feature is called among the measurements of a run: `looks_brightness`, `clip_score`."""
    return column if column.startswith(feature.name) else f"{feature.name}_{column}"


def _speaking(name: str, scalars: Mapping[str, Scalar], silent: Mapping[str, str]) -> Scalar:
    if name in silent:
        raise UserError(f"{name} says nothing of the seeds. {silent[name]}")
    return scalars[name]


def _refuse_unfinished(job: Job) -> None:
    needed: list[tuple[Sequence[Unit], Table, str]] = [(job.units, job.images, "pictures")]
    needed += [(job.units, item.table, f"measurements of {item.feature.name}") for item in job.measures]
    needed += [
        (units, item.table, f"measurements of {item.feature.name} ({stage})")
        for stage, _, measures, units in job.compared_with()
        for item in measures
    ]
    for units, table, what in needed:
        if missing := len({unit.name for unit in units} - table.committed()):
            raise UserError(
                f"{job.folder.path}: {missing} of {len(units)} units have no {what} yet. `seedscope run` makes them; "
                "`seedscope seeds` and `seedscope report` judge what there is with --complete-prompts."
            )


def _rng(job: Job, what: str) -> np.random.Generator:
    """Randomness of its own for each thing that is judged, so that none depends on what else is measured."""
    return np.random.default_rng(int(fingerprint({"cause": job.cause, "for": what})[:16], 16))


def _scalars(
    job: Job, references: Mapping[str, Reference]
) -> tuple[dict[str, Scalar], dict[str, str], tuple[Part, ...]]:
    """Every scalar measurement of the run by name, the reasons of those that say nothing of the seeds, and what the combined
    score, which is the last of them, is made of."""
    found: dict[str, Scalar] = {}
    silent: dict[str, str] = {}
    parts: tuple[Part, ...] = ()
    weights, terms = _weights(job), {}
    for name, better, is_rate, grid in _grids(job, references):
        try:
            found[name] = _scalar(job, name, better, grid, is_rate=is_rate)
        except StatisticsError as reason:
            silent[name] = str(reason)
        if name in weights and better is not None:
            terms[name] = Term(name, better, weights[name], grid)
    if terms:
        try:
            grid, parts = combined([terms[name] for name in weights], split(job, grid))
            found[COMBINED] = _scalar(job, COMBINED, "higher", grid, is_rate=False)
        except StatisticsError as reason:
            silent[COMBINED] = str(reason)
    return found, silent, parts


def _scalar(job: Job, name: str, better: Better | None, grid: Grid, *, is_rate: bool) -> Scalar:
    return scalar(
        grid,
        name,
        better,
        is_rate=is_rate,
        ranking=split(job, grid),
        k=job.study.ranking.golden,
        shuffles=job.study.ranking.shuffles,
        rng=_rng(job, name),
    )


def _grids(job: Job, references: Mapping[str, Reference]) -> Iterator[tuple[str, Better | None, bool, Grid]]:
    """(name, which values are good, whether it is yes or no, the grid) of every scalar measurement."""
    for measure in job.measures:
        feature = measure.feature
        if feature.needs_reference:
            grid = witness_grid(measure.table, feature.name, job.units, references[feature.name])
            yield quality(feature), "lower", False, grid
        booleans = {item.name for item in feature.fields() if pa.types.is_boolean(item.type)}
        for column, better in feature.scalars().items():
            grid = read_grid(measure.table, column, job.units)
            yield measurement(feature, column), better, column in booleans, grid


def split(job: Job, grid: Grid) -> npt.NDArray[np.bool_] | None:
    """(P,) true for the prompts to rank on, false for those to confirm on: the same for every measurement of a run.

    None where all prompts are of one group.
    """
    try:
        return split_prompts(grid.groups, _rng(job, "split"))
    except StatisticsError:
        return None


def _write(job: Job, judged: Judged) -> None:
    seeds = _beside(judged)
    tables = {
        "seeds": seeds.replace_schema_metadata({**seeds.schema.metadata, MEASURED: json.dumps(_measured(job, judged))}),
        "measures": measures_table(judged.scalars.values()),
    }
    if judged.by_task is not None:
        tables["text_rates"] = judged.by_task
    if judged.distances:
        tables["distances"] = distances_table(judged.distances)
    else:
        (job.folder.path / "distances.parquet").unlink(missing_ok=True)  # of an earlier wording of the study
    for name, table in tables.items():
        with replacing(job.folder.path / f"{name}.parquet") as scratch:
            pq.write_table(table, scratch)


def _measured(job: Job, judged: Judged) -> Json:
    """What must be alike in two runs whose seeds are compared: by what was measured, and against which real pictures."""
    return {
        "features": {item.name: item.fingerprint() for item in job.measured},
        "reference": {item.feature.name: item.table.name for item in job.reference_measures},
        "prompts": len(job.wanted.prompts),
        "golden": job.study.ranking.golden,
        "golden_by": [*decisive(job)[: None if job.study.ranking.rule == "pareto" else 1]],
        "combined": {part.measure: part.weight for part in judged.combined},
    }


def _beside(judged: Judged) -> pa.Table:
    """The ranking's table with the columns of all other measurements beside it."""
    table = judged.ranking.with_metadata()
    beside = {found.name: (found.seeds.tolist(), columns(found)) for found in judged.scalars.values()}
    beside |= {item.ranking.measure: (item.seeds, item.columns()) for item in judged.distances}
    for name, (seeds, arrays) in beside.items():
        if name == judged.ranking.measure:
            continue
        place = {seed: i for i, seed in enumerate(seeds)}
        order = pa.array([place.get(seed) for seed in table["seed"].to_pylist()], pa.int64())
        for column, array in arrays.items():
            table = table.append_column(column, array.take(order))
    return table
