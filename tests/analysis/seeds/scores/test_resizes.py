"""What noise keeps at other sizes is found, and nothing is found where it keeps nothing."""

from __future__ import annotations

import numpy as np
import pytest

from seedscope.analysis.seeds.scores.resizes import Resizes, nearer, resize_distances, resizes
from seedscope.analysis.seeds.scores.scores import StatisticsError

SIZES, PROMPTS, SEEDS, WIDTH = 3, 12, 8, 24


def pictures(
    rng: np.random.Generator, goes: np.ndarray, prompts: int = PROMPTS, of_seed: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Own, resized and plain (T, P, S, D), all alike in their spread: resized ones go a part of the way; 1 keeps nothing.

    of_seed: how much the pictures of a seed at a size are alike for all prompts.
    """

    def fresh() -> np.ndarray:
        alike = rng.standard_normal((SIZES, 1, len(goes), WIDTH))
        return of_seed * alike + rng.standard_normal((SIZES, prompts, len(goes), WIDTH))

    own = np.broadcast_to(fresh()[:1], (SIZES, prompts, len(goes), WIDTH))
    far = (goes[:, None] * np.exp(0.1 * rng.standard_normal((prompts, len(goes), 1)))).clip(0, 1)
    keeps = np.where(goes[:, None] == 1, 0, 1 - far**2)
    return own, keeps * own + np.sqrt(1 - keeps**2) * fresh(), fresh()


def judged(vectors: tuple[np.ndarray, np.ndarray, np.ndarray], rng: np.random.Generator) -> Resizes:
    own, resized, plain = vectors
    groups = np.arange(own.shape[1])
    distances = resize_distances(own, resized), resize_distances(own, plain)
    return resizes(*distances, [False] * SIZES, groups, rng)


def test_distances_are_those_of_each_pair() -> None:
    own, other, _ = pictures(np.random.default_rng(0), np.full(3, 0.5), prompts=2)
    found = resize_distances(own, other)
    for size, prompt, seed, another in np.ndindex(SIZES, 2, 3, 3):
        expected = np.linalg.norm(own[size, prompt, seed] - other[size, prompt, another])
        assert found[size, prompt, seed, another] == pytest.approx(expected)


def test_resized_noise_that_keeps_half_and_plain_noise_that_keeps_nothing() -> None:
    found = judged(pictures(np.random.default_rng(1), np.full(SEEDS, 0.5), prompts=40), np.random.default_rng(2))
    assert np.allclose(found.resized.all.mean, 0.5, atol=0.02)
    assert np.allclose(found.plain.all.mean, 1, atol=0.04)
    assert (found.resized.p < 0.001).all() and (found.plain.p > 0.01).all()
    assert all((kept.spread[:, 0] < 1).all() and (kept.spread[:, 1] > 1).all() for kept in (found.resized, found.plain))


def test_planted_seeds_are_found() -> None:
    goes = np.full(SEEDS, 0.6)
    goes[2], goes[5] = 0.2, 0.95
    found = judged(pictures(np.random.default_rng(3), goes), np.random.default_rng(4))
    assert [found.verdict(seed) for seed in range(SEEDS)] == ["as others"] * 2 + ["stable"] + ["as others"] * 2 + [
        "brittle"
    ] + ["as others"] * 2
    assert found.order[0] == 2 and found.order[-1] == 5 and found.differ < 0.01


def test_p_is_uniform_where_nothing_is_kept_and_each_seed_has_a_look_of_its_own() -> None:
    rng = np.random.default_rng(5)
    p = []
    for _ in range(100):
        own, other, _ = pictures(rng, np.ones(SEEDS), prompts=6, of_seed=2.0)
        p += [nearer(at_size, rng, shuffles=199) for at_size in resize_distances(own[:1], other[:1])]
    assert np.mean(np.array(p) <= 0.05) <= 0.11 and 0.4 < np.mean(p) < 0.6
    assert 0.1 < np.mean(np.array(p) <= 0.25) < 0.4


def test_the_own_size_is_exactly_the_same_and_does_not_count() -> None:
    own, resized, plain = pictures(np.random.default_rng(6), np.full(SEEDS, 0.6))
    resized[1] = plain[1] = own[1]
    distances = resize_distances(own, resized), resize_distances(own, plain)
    rng = np.random.default_rng(7)
    found = resizes(*distances, [False, True, False], np.arange(PROMPTS), rng)
    assert (found.resized.curve.mean[1] == 0).all() and (found.plain.all.mean[1] == 0)
    assert np.allclose(found.area.mean, found.resized.curve.mean[[0, 2]].mean(axis=0))
    with pytest.raises(StatisticsError, match="no size but the seeds' own"):
        resizes(*distances, [True] * SIZES, np.arange(PROMPTS), rng)


def test_a_seed_whose_pictures_are_near_to_all_others_is_not_the_same_picture() -> None:
    rng = np.random.default_rng(12)
    own, resized, plain = pictures(rng, np.ones(SEEDS), prompts=60)
    resized[:, :, 3] *= 0.2
    found = judged((own, resized, plain), rng)
    assert found.verdict(3) == "as others" and found.area.mean[3] == pytest.approx(1, abs=0.06)


def test_failed_cells_are_left_out() -> None:
    own, resized, plain = pictures(np.random.default_rng(8), np.full(SEEDS, 0.6))
    resized[:, 0, 1] = plain[2, 3, 4] = np.nan
    found = judged((own, resized, plain), np.random.default_rng(9))
    assert np.isfinite(found.area.mean).all() and np.isfinite(found.resized.p).all()
    assert np.isfinite(found.plain.p).all() and found.effects.n[1] == PROMPTS - 1


def test_too_little_to_compare() -> None:
    few = pictures(np.random.default_rng(10), np.full(3, 0.6))
    with pytest.raises(StatisticsError, match="take at least 4 seeds and two prompts"):
        judged(few, np.random.default_rng(11))
