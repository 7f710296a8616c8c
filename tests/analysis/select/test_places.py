"""Layout as vectors: what shards become, Gower's similarity against its definition, the chosen corners, missing objects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.vectors import Grid
from seedscope.analysis.select.diverse import farthest_points
from seedscope.analysis.select.diversity import diversity, similarities
from seedscope.analysis.select.places import read_places, same_place
from seedscope.pipeline.study.plan import Unit
from seedscope.pipeline.study.prompts import Prompt
from seedscope.pipeline.tables.schemas import CELL_FIELDS, STATUS_FIELDS
from seedscope.pipeline.tables.table import Table

CORNERS = [3, 8, 13, 17]


def gower(a: Array, b: Array) -> float:
    scores = [1 - abs(x - y) for x, y in zip(a, b, strict=True) if np.isfinite(x) and np.isfinite(y)]
    return float(np.mean(scores)) if scores else float("nan")


def test_similarity_equals_its_definition() -> None:
    rng = np.random.default_rng(0)
    rows = rng.random((9, 4))
    rows[2], rows[5, 3], rows[6, :2], rows[7, 2:] = np.nan, np.nan, np.nan, np.nan
    expected = [[gower(a, b) for b in rows] for a in rows]
    np.testing.assert_allclose(same_place(rows), expected, rtol=1e-12)
    assert np.isnan(same_place(rows)[6, 7]) and np.isnan(same_place(rows)[2]).all()


def of_seeds(rng: np.random.Generator, prompts: int) -> Array:
    """Places (P, 20, 4): seeds near the middle but for four, whose objects stand near a corner each."""
    middle = np.tile([0.5, 0.5, 0.4, 0.9], (20, 1))
    middle[CORNERS, :2] = [[0.2, 0.2], [0.8, 0.2], [0.2, 0.8], [0.8, 0.8]]
    return np.asarray(np.clip(middle + 0.05 * rng.standard_normal((prompts, 20, 4)), 0, 1))


def test_seeds_with_objects_in_the_corners_are_chosen_and_hold_on_other_prompts() -> None:
    rng = np.random.default_rng(1)
    choosing, other = of_seeds(rng, 30), of_seeds(rng, 30)
    choosing[rng.random((30, 20)) < 0.2] = np.nan
    other[rng.random((30, 20)) < 0.2] = np.nan
    means = Grid([], [], choosing.astype(np.float32)).seed_means(np.ones(30, dtype=np.bool_))
    chosen = farthest_points(means, 4).chosen.tolist()
    assert sorted(chosen) == CORNERS
    found = diversity(
        similarities(other, {"set": chosen, "all": range(20)}, same_place), "set", "all", np.arange(30), rng, draws=999
    )
    assert found.p_value == pytest.approx(0.001) and found.similarity < found.random_range[0]
    assert found.missing > 50 and found.prompts + found.left_out == 30


def test_means_of_seeds_pass_over_what_is_missing() -> None:
    values = np.array([[[1.0], [3.0], [np.nan]], [[2.0], [np.nan], [np.nan]], [[9.0], [9.0], [0.0]]], np.float32)
    means = Grid([], [], values).seed_means(np.array([True, True, False]))
    np.testing.assert_array_equal(means, [[-0.5], [1.0], [np.nan]])


def test_shards_become_places(tmp_path: Path) -> None:
    prompts = tuple(Prompt(id=name, text=name, group=name) for name in ("one", "two"))
    unit = Unit.crossed("000000-aaaaaaaa", prompts, (7, 9))
    columns = [pa.field(name, pa.float32()) for name in ("x", "y", "size")]
    table = Table(tmp_path / "layout-00000000", pa.schema([*CELL_FIELDS, *STATUS_FIELDS, *columns]))
    rows = [
        {"x": 0.25, "y": 0.5, "size": 0.25},
        {"x": None, "y": None, "size": None},
        {"x": 0.75, "y": 0.5, "size": 0.01},
        {"x": 0.5, "y": 0.5, "size": 0.5, "status": "failed", "error": "no picture"},
    ]
    cells = [
        {"prompt_id": prompt.id, "seed": seed, "status": "ok", **row}
        for (prompt, seed), row in zip(unit.cells, rows, strict=True)
    ]
    table.publish(unit, pa.Table.from_pylist(cells, schema=table.schema), {})
    grid = read_places(table, ["x", "y", "size", "confidence"], [unit])
    assert (grid.prompts, grid.seeds) == (["one", "two"], [7, 9])
    nothing = [np.nan] * 3
    expected = [[[0.25, 0.5, 0.5], [0.75, 0.5, 0.1]], [nothing, nothing]]
    np.testing.assert_allclose(grid.values, np.array(expected), rtol=1e-6)
