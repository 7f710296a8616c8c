"""Diversity against random sets: the definition, uniform p-values under exchangeable seeds, a planted set, coverage."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy import stats
from torchmetrics.functional.pairwise import pairwise_cosine_similarity

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.scores import StatisticsError
from seedscope.analysis.select.diverse import farthest_points
from seedscope.analysis.select.diversity import Diversity, diversity, similarities


def grid(rng: np.random.Generator, prompts: int, seeds: Array, own: float = 1.0) -> Array:
    """Features (P, S, D): prompt effect + seed effect `seeds` (S, D) + noise, all of one size where own = 1."""
    shape = (prompts, *seeds.shape)
    return np.asarray(rng.standard_normal((prompts, 1, seeds.shape[1])) + seeds + own * rng.standard_normal(shape))


def compared(features: Array, chosen: list[int], rng: np.random.Generator, draws: int = 199) -> Diversity:
    found = similarities(features, {"set": chosen, "all": list(range(features.shape[1]))})
    return diversity(found, "set", "all", np.arange(len(features)), rng, draws)


def test_equals_the_definition() -> None:
    rng = np.random.default_rng(0)
    features, chosen = grid(rng, 7, rng.standard_normal((9, 5))), [8, 2, 5]

    def cosine(a: Array, b: Array) -> float:
        return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

    def alike(seeds: list[int]) -> float:
        pairs = itertools.combinations(seeds, 2)
        return float(np.mean([np.mean([cosine(prompt[i], prompt[j]) for prompt in features]) for i, j in pairs]))

    found = compared(features, chosen, rng)
    assert found.similarity == pytest.approx(alike(chosen), rel=1e-9)
    every = [alike(list(some)) for some in itertools.combinations(range(9), 3)]
    assert found.random == pytest.approx(np.mean(every), rel=1e-9)
    assert found.difference == pytest.approx(alike(chosen) - np.mean(every), rel=1e-9)
    exact = np.mean([value <= alike(chosen) + 1e-12 for value in every])
    many = compared(features, chosen, rng, draws=4000)
    assert many.p_value == pytest.approx(exact, abs=0.03)
    np.testing.assert_allclose(many.random_range, np.quantile(every, [0.025, 0.975]), atol=0.03)


def test_the_matrix_equals_torchmetrics() -> None:
    features = grid(np.random.default_rng(1), 6, np.zeros((12, 20)))
    theirs = [pairwise_cosine_similarity(torch.from_numpy(prompt), zero_diagonal=False).numpy() for prompt in features]
    ours = similarities(iter(features), {"all": range(12)}).matrix
    np.testing.assert_allclose(ours, np.mean(theirs, axis=0), rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(ours, ours.T, rtol=1e-12)
    order = similarities(features[::-1].astype(np.float32), {"all": range(12)}).matrix
    np.testing.assert_allclose(order, ours, atol=1e-6)


@pytest.mark.parametrize("k", [2, 4])
def test_p_values_are_uniform_where_seeds_are_exchangeable(k: int) -> None:
    """Chosen by farthest points on other prompts, 300 times; chi-square over ten pairs of values, p > 0.001."""
    rng, p_values = np.random.default_rng(2), []
    for _ in range(300):
        choosing, held_out = grid(rng, 4, np.zeros((16, 6))), grid(rng, 4, np.zeros((16, 6)))
        chosen = farthest_points(choosing.mean(axis=0), k).chosen.tolist()
        p_values.append(compared(held_out, chosen, rng, draws=19).p_value)
    counts = np.bincount(np.ceil(np.array(p_values) * 10 - 1e-9).astype(int) - 1, minlength=10)
    assert stats.chisquare(counts).pvalue > 0.001


def test_a_planted_diverse_set_is_found_and_confirmed_on_other_prompts() -> None:
    rng = np.random.default_rng(3)
    seeds = 0.1 * rng.standard_normal((40, 12))
    planted = [4, 11, 23, 38]
    seeds[planted] += 3 * np.eye(12)[:4]
    chosen = farthest_points(grid(rng, 30, seeds).mean(axis=0), 4).chosen.tolist()
    assert sorted(chosen) == planted
    found = compared(grid(rng, 50, seeds), chosen, rng, draws=999)
    assert found.p_value == pytest.approx(0.001)
    assert found.interval is not None
    assert found.interval[0] < found.similarity < found.interval[1] < found.random_range[0]
    assert found.difference_interval is not None
    assert found.difference_interval[0] < found.difference < found.difference_interval[1] < 0
    alike = compared(grid(rng, 50, np.vstack([seeds, np.tile(seeds[4], (4, 1))])), [40, 41, 42, 43], rng, draws=999)
    assert alike.p_value == 1.0
    assert alike.difference_interval is not None
    assert alike.difference_interval[0] > 0


def test_intervals_cover_the_expected_difference_over_prompt_groups() -> None:
    """95 % intervals over 24 groups of two like prompts, 400 replications: coverage between 0.92 and 0.98."""
    rng = np.random.default_rng(4)
    seeds = 0.7 * rng.standard_normal((8, 6))

    def of_groups(count: int) -> Diversity:
        group = rng.standard_normal((count, 1, 6)) * rng.gamma(1.0, 1.0, (count, 1, 1)) + 0.5
        rows = np.repeat(group, 2, axis=0) + seeds + 0.3 * rng.standard_normal((2 * count, 8, 6))
        found = similarities(rows, {"set": [0, 3, 5], "all": range(8)})
        return diversity(found, "set", "all", np.repeat(np.arange(count), 2), rng, draws=1)

    def defined(interval: tuple[float, float] | None) -> tuple[float, float]:
        assert interval is not None
        return interval

    expected = of_groups(5_000)
    found = [of_groups(24) for _ in range(400)]
    for truth, intervals in (
        (expected.similarity, [defined(one.interval) for one in found]),
        (expected.difference, [defined(one.difference_interval) for one in found]),
    ):
        assert 0.92 < np.mean([low <= truth <= high for low, high in intervals]) < 0.98


def test_missing_and_black_pictures_count_in_no_pair_and_are_counted() -> None:
    rng = np.random.default_rng(5)
    features = grid(rng, 8, rng.standard_normal((6, 4)))
    features[2, 1] = np.nan
    features[5, 0] = 0.0
    features[6, 4] = np.inf
    found = similarities(features, {"set": [0, 1], "all": range(6)})
    result = diversity(found, "set", "all", np.arange(8) // 2, rng, draws=9)
    assert (result.prompts, result.left_out, result.clusters, result.missing) == (6, 2, 4, 1)
    whole = similarities(np.delete(features, [2, 5], axis=0), {"set": [0, 1]})
    np.testing.assert_array_equal(found.by_prompt["set"][[0, 1, 3, 4, 6, 7]], whole.by_prompt["set"])
    assert np.isfinite(found.matrix).all() and np.diagonal(found.matrix).tolist() == [1.0] * 6
    features[:, 1] = np.nan
    alone = similarities(features, {"set": [0, 1], "all": range(6)})
    assert np.isnan(alone.matrix[1, [0, 2, 3, 4, 5]]).all()
    with pytest.raises(StatisticsError, match="none of 8 prompts has pictures of two seeds of the set"):
        diversity(alone, "set", "all", np.arange(8), rng)


def test_pairs_that_miss_prompts_are_not_taken_for_diverse() -> None:
    """On half of the prompts all pictures are alike; a pair that has only those is no less diverse than the others."""
    rng = np.random.default_rng(9)
    features = rng.standard_normal((200, 6, 5))
    features[:100] = 4 * features[:100, :1] + features[:100]
    features[100:, :2] = np.nan
    found = similarities(features, {"set": [0, 1], "all": range(6)})
    off = found.matrix[~np.eye(6, dtype=bool)]
    assert np.nanmax(found.by_prompt["set"]) > 0.7 and off.max() - off.min() < 0.15
    assert abs(diversity(found, "set", "all", np.arange(200), rng).difference) < 0.05


def test_equal_pictures_one_prompt_and_a_set_of_all() -> None:
    rng = np.random.default_rng(6)
    same = compared(np.ones((3, 5, 4)), [0, 1], rng, draws=9)
    assert (same.similarity, same.random, same.difference) == pytest.approx((1.0, 1.0, 0.0))
    assert same.p_value == 1.0
    one = compared(grid(rng, 1, np.zeros((5, 4))), [0, 1], rng, draws=9)
    assert one.clusters == 1
    assert one.interval is None
    assert one.difference_interval is None
    every = compared(grid(rng, 5, np.zeros((5, 4))), [4, 3, 2, 1, 0], rng, draws=9)
    assert every.p_value == 1.0
    assert every.difference == pytest.approx(0.0, abs=1e-12)


def test_the_generator_decides_the_draws() -> None:
    features = grid(np.random.default_rng(7), 6, np.zeros((9, 4)))
    one, two = (compared(features, [0, 1, 2], np.random.default_rng(0)) for _ in range(2))
    assert one == two


def test_bad_arguments_are_errors() -> None:
    rng = np.random.default_rng(8)
    features = grid(rng, 4, np.zeros((5, 3)))
    for chosen, message in (
        ([1], "has 1 seeds"),
        ([1, 1], "has 2 seeds, 1 different"),
        ([0, 5], "there are 5 seeds"),
        ([-1, 2], "positions -1 to 2"),
    ):
        with pytest.raises(ValueError, match=message):
            similarities(features, {"set": chosen})
    with pytest.raises(ValueError, match="none of 4 prompts"):
        similarities(np.full((4, 5, 3), np.nan), {"set": [0, 1]})
    with pytest.raises(ValueError, match="none of 0 prompts"):
        similarities([], {"set": [0, 1]})
    with pytest.raises(ValueError, match="prompt 1 has pictures of 4 seeds, those before it of 5"):
        similarities([features[0], features[0, :4]], {"set": [0, 1]})
    with pytest.raises(ValueError, match=r"shape \(5,\)"):
        similarities([np.ones(5)], {"set": [0, 1]})
    found = similarities(features, {"set": [0, 1, 2], "pair": [3, 4]})
    with pytest.raises(ValueError, match=r"\['other'\] missing"):
        diversity(found, "set", "other", np.arange(4), rng)
    with pytest.raises(ValueError, match="the pool 'pair' has 2 seeds: no random sets of 3"):
        diversity(found, "set", "pair", np.arange(4), rng)
    for labels, draws, level in ((np.arange(3), 9, 0.95), (np.arange(4), 0, 0.95), (np.arange(4), 9, 1.0)):
        with pytest.raises(ValueError, match="0 < level < 1"):
            diversity(found, "set", "set", labels, rng, draws, level)
