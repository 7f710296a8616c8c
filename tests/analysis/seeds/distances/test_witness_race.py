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
from seedscope.pipeline.study.prompts import Prompt, prompt
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


def published(table: Table, number: int, prompts: list[Prompt], seeds: list[int], features: Array) -> Unit:
    """A unit of prompts x seeds with features (P, S, D)."""
    unit = Unit.crossed(f"{number:06d}-00000000", prompts, seeds)
    of_prompt, of_seed = ({each: i for i, each in enumerate(some)} for some in (prompts, seeds))
    vectors = [features[of_prompt[each], of_seed[seed]].astype(np.float32) for each, seed in unit.cells]
    cells = [[each.id for each, _ in unit.cells], [seed for _, seed in unit.cells], ["ok"] * len(unit)]
    values = pa.array(vectors, SCHEMA.field("fd").type)
    table.publish(unit, pa.table([*cells, pa.nulls(len(unit), pa.string()), values], SCHEMA), {})
    return unit


def raced(folder: Path, off: float, skewed: bool, number: int) -> Study:
    """A race of seeds that lie so far off the real pictures, beside GAP that all do; half of what pictures vary by is the
    prompt's. skewed: what pictures have for themselves is never below a bound, and seldom far above."""
    rng = np.random.default_rng([5, number])
    reference = Reference.of(moments(1.5 * rng.standard_normal((2000, D))))
    seeds, one = off * rng.standard_normal(SEEDS), np.ones(D) / np.sqrt(D)
    table, units, rows = Table.of(folder, "fd", f"{number:08d}", SCHEMA), list[Unit](), 0
    still_in, scores = np.ones(SEEDS, np.bool_), np.empty((0, SEEDS))
    for block, keep in zip(ROUNDS, [*(later.seeds for later in ROUNDS[1:]), 4], strict=True):
        stayed = still_in
        prompts = [prompt(f"prompt {rows + i}") for i in range(block.prompts)]
        named = np.flatnonzero(still_in).tolist()
        own = rng.standard_normal((block.prompts, len(named), D))
        if skewed:
            own = 2 * (np.exp(own / 2) - np.exp(1 / 8))
        features = rng.standard_normal((block.prompts, 1, D)) + own
        features += (GAP + seeds[named])[None, :, None] * one
        units.append(published(table, len(units), prompts, named, features))
        rows += block.prompts
        grid = uneven_witness_grid(table, "fd", units, reference)
        scores = -grid.values[:, np.argsort(grid.seeds)].astype(np.float64)
        still_in = kept(scores, still_in, keep)
    truth = -((GAP + seeds) ** 2)
    return Study(truth - np.median(truth), effects_after(scores), stayed)


@pytest.mark.parametrize("skewed", [False, True])
def test_of_seeds_that_differ_intervals_hold_for_those_that_stayed(skewed: bool, tmp_path: Path) -> None:
    """Around those that stayed, and with each pair of a seed's pictures in both scores, they seemed better by 0.7 s.d. of the
    effects than they were, and 80 % of their intervals held."""
    studies = [raced(tmp_path, 0.3, skewed, number) for number in range(STUDIES)]
    bias = [(each.found.effect - each.truth)[each.stayed].mean() / each.truth.std() for each in studies]
    assert np.mean(bias) < 0.5, bias
    assert np.mean([each.holds.mean() for each in studies]) > 0.9
    assert np.mean([each.holds[each.stayed].mean() for each in studies]) > 0.9


def test_where_nothing_is_there_intervals_say_so_of_skewed_features_too(tmp_path: Path) -> None:
    studies = [raced(tmp_path, 0.0, True, number) for number in range(STUDIES)]
    assert np.mean([each.holds.mean() for each in studies]) > 0.98
    assert np.mean([each.holds[each.stayed].mean() for each in studies]) > 0.93


@pytest.mark.parametrize("prompts", [2, 3, 5])
def test_scores_of_a_seed_like_all_others_are_not_correlated(prompts: int, tmp_path: Path) -> None:
    """Where each pair of its pictures was in the scores of both, these had a covariance of tr (T C)^2 / (n - 1)^2, which passes
    for an effect of seeds."""
    rng = np.random.default_rng(8)
    reference = Reference.of(moments(1.5 * rng.standard_normal((2000, D))))
    features = rng.standard_normal((prompts, 1, D)) + rng.standard_normal((prompts, 400, D))
    table, named = Table.of(tmp_path, "fd", "0" * 8, SCHEMA), [prompt(f"prompt {i}") for i in range(prompts)]
    units = [published(table, 0, named, [*range(400)], features)]
    found = uneven_witness_grid(table, "fd", units, reference).values.astype(np.float64)  # (P, S)
    centred = found - found.mean(axis=1, keepdims=True)
    products = np.stack([centred[i] * centred[j] for i in range(prompts) for j in range(i)]).mean(axis=0)  # (S,)
    assert abs(products.mean()) < 3 * products.std() / np.sqrt(len(products))
