"""The scores by which a sweep decides: one of every picture, comparable between seeds that have the same prompts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.direction import Better
from seedscope.analysis.judging.measurement import Measurement, quality, witness
from seedscope.analysis.run.parts import raced, scored
from seedscope.analysis.run.run import DrawnRun
from seedscope.analysis.seeds.distances.feature_rows import reference_of
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.distances.witness import uneven_witness_grid
from seedscope.analysis.seeds.scores.grid import Grid, read_grid
from seedscope.analysis.seeds.scores.scores import sign
from seedscope.pipeline.study.schema import Json, fingerprint
from seedscope.pipeline.tables.parquet import tuples
from seedscope.pipeline.tables.rounds import Round
from seedscope.pipeline.tables.table import Table

WITNESS = "witness"
"""Of the `why` of a round that is decided by a distance: how the witness was computed then."""

_WITNESS = 2
"""As it is computed now. Older versions, which record none, had each pair of a seed's pictures in the scores of both."""


@dataclass(frozen=True, eq=False)
class RaceScores:
    """What is known after the last round that was drawn.

    measure: its name. better: which values are good. grid: (P, S) of all prompts and seeds of the rounds, NaN where nothing
    was drawn. still_in: (S,) true for the seeds that have all P prompts. digest: sha256 (hex) of what the scores are made of.
    """

    measure: str
    better: Better
    grid: Grid
    still_in: npt.NDArray[np.bool_]
    digest: str

    @property
    def signed(self) -> Array:
        """(P, S) float64, higher is better."""
        return sign(self.better) * self.grid.values.astype(np.float64)

    def named(self, seeds: npt.NDArray[np.bool_]) -> tuple[int, ...]:
        """The numbers of some seeds (S,), in the order of the study."""
        return tuple(self.grid.seeds[seeds].tolist())


def race_scores(run: DrawnRun) -> RaceScores:
    """The scores of a sweep whose rounds, but perhaps for its confirmation, are drawn and measured.

    Raises:
        CorruptShard: a shard is damaged, or missing.
    """
    run = scored(run)
    drawn = raced(run)
    grid = score_grid(run, drawn)
    measured = _measured(run)
    better = measured.better or "higher"
    return RaceScores(measured.name, better, grid, np.isin(grid.seeds, drawn.wanted.seeds), digest(run))


def by_which(run: DrawnRun) -> dict[str, Json]:
    """What a round that is decided now says of its scores, beside what they are made of; nothing of scores that are stored."""
    return {WITNESS: _WITNESS} if _is_distance(run) else {}


def scored_otherwise(run: DrawnRun, told: Round) -> bool:
    """Whether a round was decided by scores that were computed otherwise, from the same pictures, than they are now."""
    return _is_distance(run) and told.why.get(WITNESS) != _WITNESS


def _is_distance(run: DrawnRun) -> bool:
    measured = _measured(run)
    return measured == witness(measured.feature)


def score_grid(run: DrawnRun, part: DrawnRun) -> Grid:
    """(P, S) scores of the pictures of a part of a run.

    Raises:
        CorruptShard: a shard is damaged, or missing.
    """
    measured = _measured(run)
    if _is_distance(run):
        real = next(item for item in run.reference_measures if item.feature.name == measured.feature)
        reference = reference_of(real.table, measured.feature, run.reference.units())
        return uneven_witness_grid(_table(run), measured.feature, part.units, reference)
    return read_grid(_table(run), measured.column, part.units)


def digest(run: DrawnRun) -> str:
    """sha256 (hex) of what the scores are made of: of the bytes of the shards of the rounds, and of those of the real pictures
    that they are compared with, as receipts have it. A sweep that was begun before its rules named these leaves them out."""
    run = scored(run)
    return digest_of(run, raced(run))


def digest_of(run: DrawnRun, part: DrawnRun) -> str:
    """As `digest`, of a part of a run."""
    marks = _marks(_table(run), {unit.name for unit in part.units})
    if not _names_reference(run):
        return fingerprint(marks)
    real = next(item.table for item in run.reference_measures if item.feature.name == _measured(run).feature)
    return fingerprint([marks, _marks(real, {unit.name for unit in run.reference.units()})])


def _names_reference(run: DrawnRun) -> bool:
    """Whether the rules of a sweep name the real pictures; before its first round is recorded, whether they will."""
    if run.race is None:
        return False
    if run.race.trying:
        return run.measured_as(_measured(run).feature).needs_reference
    return "reference" in run.race.rounds[0].why


def _marks(table: Table, units: Collection[str]) -> list[Json]:
    return [[unit, mark] for unit, mark in sorted(tuples(table.ledger("unit", "sha256"))) if unit in units]


def _measured(run: DrawnRun) -> Measurement:
    (_, by), *_ = run.study.ranked.named
    return quality(run.measured_as(by))


def _table(run: DrawnRun) -> Table:
    return next(item.table for item in run.measures if item.feature.name == _measured(run).feature)
