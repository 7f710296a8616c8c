"""Seeds that go out of a race by their witness: what is then said of those and of the ones that stayed, beside the truth."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from seedscope.analysis.seeds.distances.frechet import Reference
from seedscope.analysis.seeds.distances.moments import Array, moments
from seedscope.analysis.seeds.distances.witness import uneven_witness_grid
from seedscope.analysis.seeds.race.effects_after import RaceEffects, effects_after
from seedscope.analysis.select.racing import Rules, kept, schedule
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.prompts import prompt
from seedscope.pipeline.tables.schemas import CELL_FIELDS, STATUS_FIELDS
from seedscope.pipeline.tables.table import Table

D, SEEDS, GAP, STUDIES = 12, 64, 2.0, 8
ROUNDS = schedule(Rules(SEEDS, 4, 1_600, 1_000))
SCHEMA = pa.schema([*CELL_FIELDS, *STATUS_FIELDS, pa.field("fd", pa.list_(pa.float32(), D))])


@dataclass(frozen=True)
class Study:
    """truth: (S,) effects over the median seed, higher is better. stayed: (S,) who was in the last round."""

    truth: Array
    found: RaceEffects
    stayed: npt.NDArray[np.bool_]

    @property
    def holds(self) -> npt.NDArray[np.bool_]:
        return np.asarray((self.found.lo <= self.truth) & (self.truth <= self.found.hi))


def raced(folder: Path, off: float, skewed: bool, number: int) -> Study:
    """A race of seeds that lie so far off the real pictures, beside GAP that all do; half of what pictures vary by is the
    prompt's. skewed: features that are never below a bound, and seldom far above."""
    rng = np.random.default_rng([5, number])
    reference = Reference.of(moments(1.5 * rng.standard_normal((2000, D))))
    seeds, one = off * rng.standard_normal(SEEDS), np.ones(D) / np.sqrt(D)
    table, units, rows = Table.of(folder, "fd", f"{number:08d}", SCHEMA), list[Unit](), 0
    still_in, scores = np.ones(SEEDS, np.bool_), np.empty((0, SEEDS))
    for block, keep in zip(ROUNDS, [*(later.seeds for later in ROUNDS[1:]), 4], strict=True):
        stayed = still_in
        prompts = [prompt(f"prompt {rows + i}") for i in range(block.prompts)]
        named = np.flatnonzero(still_in).tolist()
        features = rng.standard_normal((block.prompts, 1, D)) + rng.standard_normal((block.prompts, len(named), D))
        if skewed:
            features = (np.exp(0.7 * features) - np.exp(0.49)) / 0.7
        features += (GAP + seeds[named])[None, :, None] * one
        unit = Unit.crossed(f"{len(units):06d}-00000000", prompts, named)
        place = {each.id: i for i, each in enumerate(prompts)}, {seed: i for i, seed in enumerate(named)}
        vectors = [features[place[0][each.id], place[1][seed]].astype(np.float32) for each, seed in unit.cells]
        cells = [[each.id for each, _ in unit.cells], [seed for _, seed in unit.cells], ["ok"] * len(unit)]
        values = pa.array(vectors, SCHEMA.field("fd").type)
        table.publish(unit, pa.table([*cells, pa.nulls(len(unit), pa.string()), values], SCHEMA), {})
        units.append(unit)
        rows += block.prompts
        grid = uneven_witness_grid(table, "fd", units, reference)
        scores = -grid.values[:, np.argsort(grid.seeds)].astype(np.float64)
        still_in = kept(scores, still_in, keep)
    truth = -((GAP + seeds) ** 2)
    return Study(truth - np.median(truth), effects_after(scores), stayed)


@pytest.mark.parametrize("skewed", [False, True])
def test_seeds_that_differ_are_told_by_no_more_than_they_do(skewed: bool, tmp_path: Path) -> None:
    """With each pair of a seed's pictures in both scores, expected effects varied by more than true ones do."""
    studies = [raced(tmp_path, 0.3, skewed, number) for number in range(STUDIES)]
    spread = [each.found.mean.std() / each.truth.std() for each in studies]
    bias = [(each.found.effect - each.truth)[each.stayed].mean() / each.truth.std() for each in studies]
    holds = [each.holds[each.stayed].mean() for each in studies]
    assert np.mean(spread) < 1.0 and np.mean(bias) < 0.5, (spread, bias)
    assert np.mean([each.holds.mean() for each in studies]) > 0.9 and np.mean(holds) > 0.85, holds


@pytest.mark.parametrize("skewed", [False, True])
def test_where_nothing_is_there_intervals_say_so_of_those_that_stayed_too(skewed: bool, tmp_path: Path) -> None:
    studies = [raced(tmp_path, 0.0, skewed, number) for number in range(STUDIES)]
    assert np.mean([each.holds[each.stayed].mean() for each in studies]) > 0.95
    assert np.mean([each.holds.mean() for each in studies]) > 0.97
