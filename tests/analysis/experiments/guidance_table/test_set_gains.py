"""Distances to reference pictures: of a way that comes nearer to them, and of one that does nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import small_scores

from seedscope.analysis.experiments.guidance_table.gains import Gain
from seedscope.analysis.experiments.guidance_table.set_gains import Sets, set_gains
from seedscope.analysis.seeds.distances.feature_rows import SeedRows
from seedscope.analysis.seeds.distances.frechet import Reference
from seedscope.analysis.seeds.distances.moments import moments
from seedscope.pipeline.study.plan import Edition, plan
from seedscope.pipeline.study.prompts import prompt
from seedscope.pipeline.study.schema import UnitShape

WIDE, FAR = 4, 1.0
SEEDS, DRAWN, GOLDEN = (3, 5, 8, 13, 21, 34), (3, 8), (55, 89)
PROMPTS = tuple(prompt(f"prompt {i}") for i in range(30))
REFERENCE = Reference.of(moments(np.random.default_rng(0).standard_normal((500, WIDE))))


def rows_of(folder: Path, seeds: tuple[int, ...], rng: int, near: tuple[int, ...] = ()) -> SeedRows:
    """Features FAR from the reference pictures in each direction, but of the seeds `near`, which have those of real ones."""
    table = small_scores.scores(folder, pa.list_(pa.float32(), WIDE))
    units, draw = plan([Edition(PROMPTS, seeds)], UnitShape(prompts=15, seeds=3)), np.random.default_rng(rng)
    for unit in units:
        values = [draw.standard_normal(WIDE) + FAR * (seed not in near) for _, seed in unit.cells]
        small_scores.publish(table, unit, values, set())  # type: ignore[arg-type]  # a vector a cell
    return SeedRows.of(table, "score", units)


def test_what_comes_nearer_gains_and_what_does_nothing_does_not(tmp_path: Path) -> None:
    sets = Sets(
        rows_of(tmp_path / "plain", (*SEEDS, *GOLDEN), 1, near=GOLDEN),
        {"nearer": rows_of(tmp_path / "nearer", DRAWN, 2, near=DRAWN), "same": rows_of(tmp_path / "same", DRAWN, 3)},
        SEEDS,
        GOLDEN,
        DRAWN,
        {item.id: np.random.default_rng(int(item.id, 16)).standard_normal(len(SEEDS)) for item in PROMPTS},
    )
    ids, costs = {item.id for item in PROMPTS}, {"nearer": 2.5, "same": None}
    found, prompts = set_gains(sets, ids, REFERENCE, costs, np.random.default_rng(0))
    assert prompts == 30 and "best of 8" not in found
    for name in ("nearer", "golden seeds"):
        assert side(found[name]) == -1 and found[name].value < found["plain"].value - 1
    assert side(found["same"]) == side(found["best of 4"]) == 0 and found["same"].equal is None
    equal = found["nearer"].equal
    assert equal is not None and equal.hi is not None and equal.hi < 0, "the best of 2.5 is chosen by what says nothing"


def side(gain: Gain) -> int:
    assert gain.less.lo is not None and gain.less.hi is not None
    return int(gain.less.lo > 0) - int(gain.less.hi < 0)
