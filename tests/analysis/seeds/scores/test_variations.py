"""Seeds that bear variations better or worse are found, and none where none does."""

from __future__ import annotations

import numpy as np
import pytest

from seedscope.analysis.seeds.scores.scores import StatisticsError
from seedscope.analysis.seeds.scores.variations import Variations, distances, variations

STRENGTHS = np.array([0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0])
PROMPTS, SEEDS, WIDTH = 16, 10, 24


def pictures(
    rng: np.random.Generator, speed: np.ndarray, prompts: int = PROMPTS, spread: float = 0.3, far: int | None = None
) -> np.ndarray:
    """(T + 1, P, S, D): at strength t a picture has gone t ^ (1 / speed) of the way, give or take, to the prompt's end.

    far: a seed whose own pictures are unlike all others.
    """
    own = rng.standard_normal((prompts, len(speed), WIDTH))
    own[:, far] *= 1 if far is None else 6
    end = rng.standard_normal((prompts, 1, WIDTH))
    cell = speed * np.exp(spread * rng.standard_normal((prompts, len(speed))))
    way = [own + (end - own) * (strength ** (1 / cell))[..., None] for strength in STRENGTHS]
    return np.stack([own, *way]).astype(np.float32)


def judged(vectors: np.ndarray, rng: np.random.Generator, groups: np.ndarray | None = None) -> Variations:
    labels = np.arange(vectors.shape[1]) if groups is None else groups
    return variations(*distances(vectors), STRENGTHS, labels, rng)


def test_distances_are_those_of_each_pair() -> None:
    vectors = np.random.default_rng(0).standard_normal((3, 2, 4, 5))
    varied, between = distances(vectors)
    for prompt in range(2):
        for seed in range(4):
            own = vectors[0, prompt, seed]
            for step in (1, 2):
                assert varied[step - 1, prompt, seed] == pytest.approx(
                    np.linalg.norm(vectors[step, prompt, seed] - own)
                )
            for other in range(4):
                assert between[prompt, seed, other] == pytest.approx(np.linalg.norm(vectors[0, prompt, other] - own))


def test_a_straight_way_has_a_straight_curve() -> None:
    found = judged(
        pictures(np.random.default_rng(1), np.ones(SEEDS), prompts=200, spread=0.0), np.random.default_rng(2)
    )
    assert np.allclose(found.curve.mean, STRENGTHS[:, None], atol=0.03)
    assert np.allclose(found.area.mean, 0.5, atol=0.02) and np.allclose(found.half, 0.5, atol=0.03)
    assert found.spread[0] < 1 < found.spread[1]


def test_planted_seeds_are_found_and_a_far_off_one_is_not_brittle() -> None:
    speed = np.ones(SEEDS)
    speed[3], speed[5] = 0.4, 2.5
    found = judged(pictures(np.random.default_rng(3), speed, far=7), np.random.default_rng(4))
    verdicts = [found.verdict(seed) for seed in range(SEEDS)]
    assert verdicts[3] == "stable" and verdicts[5] == "brittle" and found.differ < 0.01
    assert [verdict for place, verdict in enumerate(verdicts) if place not in (3, 5)] == ["as others"] * 8
    assert found.half[3] > 0.6 and found.half[5] < 0.35


def test_where_seeds_do_not_differ_few_are_called_anything_and_intervals_hold() -> None:
    called, covered, small = 0, [], 0
    for trial in range(40):
        rng = np.random.default_rng(trial)
        found = judged(pictures(rng, np.ones(SEEDS)), rng)
        called += any(found.verdict(seed) != "as others" for seed in range(SEEDS))
        small += found.differ <= 0.05
        covered.append((found.effects.lo <= 0) & (found.effects.hi >= 0))
    assert called <= 8 and small <= 6  # 2 x 5 % of 40 are 4, 5 % are 2
    assert 0.92 < np.mean(covered) < 0.99


def test_intervals_of_means_are_over_groups_of_prompts() -> None:
    rng = np.random.default_rng(7)
    once = pictures(rng, np.ones(SEEDS))
    groups = np.repeat(np.arange(PROMPTS), 4)
    alone, repeated = judged(once, rng), judged(np.repeat(once, 4, axis=1), rng, groups)
    assert np.allclose(alone.area.mean, repeated.area.mean)
    assert np.allclose(alone.area.lo, repeated.area.lo) and np.allclose(alone.curve.hi, repeated.curve.hi)
    assert repeated.groups == PROMPTS and repeated.prompts == 4 * PROMPTS


def test_failed_cells_are_left_out() -> None:
    rng = np.random.default_rng(8)
    vectors = pictures(rng, np.ones(SEEDS))
    vectors[2, 0, 1] = vectors[0, 3, 4] = np.nan
    found = judged(vectors, rng)
    assert np.isfinite(found.area.mean).all() and np.isfinite(found.stable).all()
    assert found.effects.n.tolist() == [16, 15, 16, 16, 15, *[16] * 5]


def test_too_little_to_compare() -> None:
    rng = np.random.default_rng(9)
    with pytest.raises(StatisticsError, match="take at least two of each"):
        judged(pictures(rng, np.ones(1)), rng)
    same = pictures(rng, np.ones(SEEDS))
    same[0] = same[0, :, :1]
    with pytest.raises(StatisticsError, match="the same as all others'"):
        judged(same, rng)
