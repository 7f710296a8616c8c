"""Distances of picture sets whose seeds are drawn: a seed far from the reference pictures shows, equal seeds do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import small_scores

from seedscope.analysis.experiments.golden_table.drawn_sets import any_of, best_by, clusters, drawn_sets
from seedscope.analysis.seeds.distances.feature_rows import SeedRows, TooFewImages
from seedscope.analysis.seeds.distances.frechet import Reference, frechet_distance_of_rows
from seedscope.analysis.seeds.distances.moments import moments
from seedscope.pipeline.study.plan import Edition, plan
from seedscope.pipeline.study.prompts import prompt
from seedscope.pipeline.study.schema import UnitShape

WIDE = 4
SEEDS = (3, 5, 8, 13, 21, 34)
PROMPTS = tuple(prompt(f"prompt {i}", f"group {i // 2}") for i in range(40))
IDS = [item.id for item in PROMPTS]
REFERENCE = Reference.of(moments(np.random.default_rng(0).standard_normal((500, WIDE))))


def rows_of(folder: Path, far: float) -> SeedRows:
    """Features as those of the reference pictures; of the last two seeds `far` away. Of the last prompt one is missing."""
    table = small_scores.scores(folder, pa.list_(pa.float32(), WIDE))
    units, rng = plan([Edition(PROMPTS, SEEDS)], UnitShape(prompts=16, seeds=4)), np.random.default_rng(1)
    for unit in units:
        failed = {row for row, (item, seed) in enumerate(unit.cells) if item is PROMPTS[-1] and seed == 3}
        values = [rng.standard_normal(WIDE) + far * (seed in SEEDS[-2:]) for _, seed in unit.cells]
        small_scores.publish(table, unit, [None if i in failed else v for i, v in enumerate(values)], failed)  # type: ignore[misc]
    return SeedRows.of(table, "score", units)


def test_seeds_far_from_the_real_pictures_show_and_like_seeds_do_not(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    sets = {"near": SEEDS[:2], "others": SEEDS[2:4], "far": SEEDS[-2:]}
    draws = {name: any_of(seeds, rng) for name, seeds in sets.items()}
    found = drawn_sets(rows_of(tmp_path, 1.0), IDS, draws, REFERENCE)
    assert (found.pictures, found.groups, found.draws) == (39, 20, 200)
    far, like = found.of["far"].less(found.of["others"]), found.of["near"].less(found.of["others"])
    assert far.lo is not None and far.lo > 1.0 and far.p is not None and far.p < 1e-3
    assert like.lo is not None and like.hi is not None and like.lo < 0.0 < like.hi
    assert found.of["near"].spread > 0.0


def test_one_seed_has_its_own_distance_in_every_draw(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, 0.0)
    half = IDS[::2]
    found = drawn_sets(rows, half, {8: any_of([8], np.random.default_rng(0))}, REFERENCE)
    features = dict(rows.by_seed())[8][np.isin(rows.prompts, half)]
    alone = frechet_distance_of_rows(features, REFERENCE)
    np.testing.assert_allclose(found.of[8].by_draw, alone, rtol=1e-9)
    assert found.of[8].spread == pytest.approx(0.0, abs=1e-9) and found.pictures == 20


def test_the_best_of_n_is_the_best_of_those_drawn() -> None:
    rng, seeds = np.random.default_rng(3), np.array([7, 9, 11], np.int64)
    good = {"a": np.array([0.0, 2.0, 1.0]), "b": np.array([5.0, 1.0, 2.0])}
    everyone = best_by(good, seeds, 3, rng)(["a", "b"], 50)
    assert (everyone == [9, 7]).all()
    two = best_by(good, seeds, 2, rng)(["a", "b", "without scores"], 3000)
    assert (two[:, 0] == 9).mean() == pytest.approx(2 / 3, abs=0.05) and 7 not in two[:, 0]
    one = best_by(good, seeds, 1, rng)(["a"], 3000)
    assert all((one == seed).mean() == pytest.approx(1 / 3, abs=0.05) for seed in seeds)


def test_too_few_prompts_are_refused_and_very_many_groups_joined(tmp_path: Path) -> None:
    with pytest.raises(TooFewImages, match="2 of 3 prompts have a picture of every seed"):
        drawn_sets(rows_of(tmp_path, 0.0), [IDS[0], IDS[1], IDS[-1]], {}, REFERENCE)
    many = np.repeat([f"{i}" for i in range(200)], 2)
    assert len(np.unique(clusters(many))) == 64 and len(np.unique(clusters(np.unique(many)))) == 200
