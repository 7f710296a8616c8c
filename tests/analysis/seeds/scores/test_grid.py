"""The grid of a run's shards: each value in its cell, however the run was cut into units; what is not known is NaN."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_scores import PROMPTS, SEEDS, UNITS, publish, scores

from seedscope.analysis.seeds.scores.grid import grid_of, read_grid
from seedscope.pipeline.errors import CorruptShard
from seedscope.pipeline.study.plan import Edition, Unit, plan
from seedscope.pipeline.study.schema import UnitShape

TRUE = {(prompt.id, seed): 100.0 * row + seed for row, prompt in enumerate(PROMPTS) for seed in SEEDS}
HOLES = (
    Unit("000000-0000000a", tuple((PROMPTS[p], SEEDS[s]) for p, s in [(2, 0), (0, 1), (2, 1), (1, 2)])),
    Unit("000001-0000000b", tuple((PROMPTS[p], SEEDS[s]) for p, s in [(0, 0), (5, 3)])),
)
"""Cells of a run of pictures made elsewhere: not all of a block, and prompts not in the order of the seeds."""


def true_of(unit: Unit) -> list[float]:
    return [TRUE[prompt.id, seed] for prompt, seed in unit.cells]


def expected(units: list[Unit], prompts: npt.NDArray[np.str_], seeds: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    cells = {(prompt.id, seed) for unit in units for prompt, seed in unit.cells}
    rows = [
        [TRUE[key] if (key := (each, seed)) in cells else np.nan for seed in seeds.tolist()]
        for each in prompts.tolist()
    ]
    return np.array(rows, np.float32)


@pytest.mark.parametrize("units", [UNITS, UNITS[::-1], UNITS[1:], list(HOLES), [*UNITS[2:], HOLES[0]]])
def test_every_value_is_in_its_cell(units: list[Unit], tmp_path: Path) -> None:
    table = scores(tmp_path)
    for unit in units:
        publish(table, unit, true_of(unit))
    grid = read_grid(table, "score", units)
    assert grid.prompts.tolist() == list(dict.fromkeys(prompt.id for unit in units for prompt in unit.prompts))
    assert grid.seeds.tolist() == list(dict.fromkeys(seed for unit in units for seed in unit.seeds))
    np.testing.assert_array_equal(grid.values, expected(units, grid.prompts, grid.seeds))
    assert grid.groups.tolist() == [prompt.group for each in grid.prompts for prompt in PROMPTS if prompt.id == each]


@settings(deadline=None)
@given(
    steps=st.lists(st.tuples(st.integers(1, 7), st.integers(1, 4)), min_size=1, max_size=3),
    shape=st.builds(UnitShape, prompts=st.integers(1, 5), seeds=st.integers(1, 5)),
)
def test_a_run_that_grew_has_the_grid_of_one_that_did_not(steps: list[tuple[int, int]], shape: UnitShape) -> None:
    most = np.maximum.accumulate(np.array(steps))
    units = plan([Edition(PROMPTS[:prompts], SEEDS[:seeds]) for prompts, seeds in most], shape)
    grid = grid_of(units, ((unit, true_of(unit)) for unit in units))
    assert grid.values.shape == tuple(most[-1])
    np.testing.assert_array_equal(grid.values, expected(units, grid.prompts, grid.seeds))
    assert not np.isnan(grid.values).any()


def test_what_is_not_known_is_nan(tmp_path: Path) -> None:
    table = scores(tmp_path)
    publish(table, UNITS[0], [*true_of(UNITS[0])[:-1], None], failed=[0, 4])  # one failed, another has no number
    publish(table, UNITS[2], true_of(UNITS[2]))  # the units 1 and 3 are not made
    grid = read_grid(table, "score", UNITS)
    wanted = expected([UNITS[0], UNITS[2]], grid.prompts, grid.seeds)
    cells = list(UNITS[0].cells)
    for prompt, seed in (cells[0], cells[4], cells[-1]):
        wanted[grid.prompts.tolist().index(prompt.id), grid.seeds.tolist().index(seed)] = np.nan
    assert np.isnan(wanted).sum() == 3 + len(UNITS[1]) + len(UNITS[3])
    np.testing.assert_array_equal(grid.values, wanted)


@pytest.mark.parametrize(("kind", "given"), [(pa.bool_(), [True, False, None]), (pa.float64(), [1.0, 0.0, None])])
def test_yes_and_no_are_1_and_0(kind: pa.DataType, given: list[float | None], tmp_path: Path) -> None:
    table, unit = scores(tmp_path, kind), Unit.crossed("000000-0000000c", PROMPTS[:3], SEEDS[:1])
    publish(table, unit, given)
    np.testing.assert_array_equal(read_grid(table, "score", [unit]).values[:, 0], np.array([1, 0, np.nan], np.float32))


def test_a_damaged_shard_is_told(tmp_path: Path) -> None:
    table = scores(tmp_path)
    for unit in UNITS:
        publish(table, unit, true_of(unit))
    path = Path(table.shard(UNITS[2].name))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(CorruptShard, match=UNITS[2].name):
        read_grid(table, "score", UNITS)
    assert read_grid(table, "score", UNITS[:2]).values.shape == (4, 4)
