"""The luck of seeds in a Frechet distance: influences as derivatives, and draws beside variances and beside fresh pictures."""

from __future__ import annotations

import numpy as np
import pytest

from seedscope.analysis.seeds.distances.frechet import Reference, frechet_distance, frechet_distance_of_rows
from seedscope.analysis.seeds.distances.moments import Array, Moments, moments
from seedscope.analysis.seeds.luck.influence import influences
from seedscope.analysis.seeds.luck.redrawn import Redrawn
from seedscope.analysis.seeds.luck.redrawn_distance import drawn_cells, draws_for, redrawn_distances
from seedscope.analysis.seeds.luck.spread import spread
from seedscope.analysis.seeds.scores.scores import Scores

WIDE, PROMPTS, SEEDS = 6, 20, 40


class Rows:
    """Features (P, S, D) as a run's rows give them."""

    def __init__(self, features: Array) -> None:
        self.features = features

    def by_seed(self) -> list[tuple[int, Array]]:
        return [(seed, self.features[:, seed]) for seed in range(self.features.shape[1])]


@pytest.fixture(scope="module")
def reference() -> Reference:
    rows = np.random.default_rng(0).standard_normal((2000, WIDE)) * np.linspace(0.5, 2, WIDE)
    return Reference.of(moments(rows))


def features(rng: np.random.Generator, seeds: int, of_seed: float = 0.3) -> Array:
    prompts = np.random.default_rng(1).standard_normal((PROMPTS, 1, WIDE))
    effects = of_seed * rng.standard_normal((1, seeds, WIDE))
    return 0.5 + prompts + effects + rng.standard_normal((PROMPTS, seeds, WIDE))


def test_an_influence_is_the_derivative_of_the_distance(reference: Reference) -> None:
    run = features(np.random.default_rng(2), SEEDS)
    found = influences(Rows(run), reference)  # type: ignore[arg-type]  # what it reads of rows
    rows = run.reshape(-1, WIDE)
    assert found.distance == pytest.approx(frechet_distance(moments(rows), reference))
    n = len(rows)
    for prompt, seed in ((0, 0), (7, 3), (19, 39)):
        change = 1e-4
        weights = np.full(n, (1 - change) / n)
        weights[prompt * SEEDS + seed] += change
        mean = weights @ rows
        scatter = n * ((rows - mean) * weights[:, None]).T @ (rows - mean)
        moved = frechet_distance(Moments(n, mean, scatter), reference)
        assert moved is not None
        assert (moved - found.distance) / change == pytest.approx(found.values[prompt, seed], rel=0.02, abs=0.02)


@pytest.mark.parametrize("cells", ["common", "own"])
def test_draws_agree_with_variances_where_pictures_are_many(cells: str, reference: Reference) -> None:
    run = features(np.random.default_rng(3), SEEDS)
    told = spread(Scores.of(influences(Rows(run), reference).values, np.arange(PROMPTS)))  # type: ignore[arg-type]
    draws = drawn_cells(cells, PROMPTS, SEEDS, 8, 150, np.random.default_rng(4))  # type: ignore[arg-type]
    drawn = Redrawn(redrawn_distances(run, draws, reference), 8, SEEDS, SEEDS - 1.0)
    assert drawn.estimate.spread(8) == pytest.approx(told.of(common=cells == "common").spread(8), rel=0.25)
    own = drawn_cells("own", PROMPTS, SEEDS, 8, 1, np.random.default_rng(5))[0]
    assert len({*map(tuple, own)}) > 1 and all(len({*row}) == 8 for row in own.tolist())


def test_fresh_pictures_lie_in_the_interval(reference: Reference) -> None:
    """12 runs, 12 fresh draws of 4 seeds each: nine in ten and more of 144 (95 % claimed)."""
    rng, held = np.random.default_rng(6), []
    for _ in range(12):
        run = features(rng, SEEDS)
        draws = drawn_cells("common", PROMPTS, SEEDS, 4, 100, rng)
        lo, hi = Redrawn(redrawn_distances(run, draws, reference), 4, SEEDS, SEEDS - 1.0).interval()
        for _ in range(12):
            fresh = frechet_distance_of_rows(features(rng, 4).reshape(-1, WIDE), reference)
            held.append(fresh is not None and lo <= fresh <= hi)
    assert np.mean(held) > 0.9


def test_the_bias_of_few_pictures_is_no_luck(reference: Reference) -> None:
    run = features(np.random.default_rng(7), SEEDS)
    draws = drawn_cells("common", PROMPTS, SEEDS, 1, 60, np.random.default_rng(8))
    drawn = Redrawn(redrawn_distances(run, draws, reference), 1, SEEDS, SEEDS - 1.0)
    lo, hi = drawn.interval()
    assert lo < drawn.mean < hi and drawn.mean > influences(Rows(run), reference).distance  # type: ignore[arg-type]


def test_many_pictures_are_drawn_fewer_times(reference: Reference) -> None:
    assert draws_for(100, reference) == 200
    assert draws_for(10**10, reference) == 50
