"""Two rankings beside their null: overlap of top lists, rank correlation, and the split that makes them independent."""

from __future__ import annotations

from itertools import permutations
from math import factorial

import numpy as np
import pytest
from made_up_scores import UNEVEN
from scipy import stats

from seedscope.analysis.seeds.chance_overlap import overlap_of, top_seeds
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.scores import StatisticsError
from seedscope.analysis.seeds.scores.split import split_prompts
from seedscope.analysis.seeds.stability import disattenuated, rank_correlation, stability


def pair(rng: np.random.Generator, seeds: int, correlation: float) -> tuple[Array, Array]:
    """Two normal measurements (S,) with a known correlation."""
    first, other = rng.standard_normal((2, seeds))
    return first, correlation * first + np.sqrt(1 - correlation**2) * other


def spearman_of(correlation: float) -> float:
    """Spearman's rho of a bivariate normal distribution."""
    return float(6 / np.pi * np.arcsin(correlation / 2))


def test_the_published_overlaps_are_what_chance_gives() -> None:
    """65 and 67 of 256 out of 1,024: expected 64 with a standard deviation of 6.0."""
    for shared in (65, 67):
        found = overlap_of(np.arange(256), np.arange(256 - shared, 512 - shared), 1024)
        assert found.shared == shared and found.expected == 64.0
        assert found.sd == pytest.approx(6.0, abs=0.01)
        assert found.chance[0] < shared < found.chance[1] and found.p > 0.3


def test_overlaps_of_unrelated_lists() -> None:
    """1,000 pairs: mean, spread, range and p as the hypergeometric law says; p is never too small."""
    rng = np.random.default_rng(1)
    found = [overlap_of(rng.permutation(60)[:15], rng.permutation(60)[:15], 60) for _ in range(1000)]
    shared = np.array([one.shared for one in found])
    assert shared.mean() == pytest.approx(found[0].expected, abs=0.2)
    assert shared.std() == pytest.approx(found[0].sd, rel=0.06)
    assert np.mean((shared >= found[0].chance[0]) & (shared <= found[0].chance[1])) >= 0.94
    assert np.mean([one.p <= 0.05 for one in found]) < 0.06


def test_top_lists_ties_and_gaps() -> None:
    values = [3.0, 1.0, np.nan, 2.0, 2.0, 2.0]
    high, low = top_seeds(values, 2, "higher"), top_seeds(values, 2, "lower")
    assert high.seeds.tolist() == [0, 3] and high.tied == 2
    assert low.seeds.tolist() == [1, 3] and low.tied == 2
    assert top_seeds(values, 5, "higher").tied == 0
    for k in (0, 6):
        with pytest.raises(StatisticsError, match=f"top {k} of 5 seeds"):
            top_seeds(values, k, "higher")
    with pytest.raises(StatisticsError, match="Lists of 3 and 2 out of 5"):
        overlap_of(np.arange(3), np.arange(2), 5)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_intervals_of_rank_correlations_cover(correlation: float) -> None:
    rng, truth = np.random.default_rng(2), spearman_of(correlation)
    found = [rank_correlation(*pair(rng, 40, correlation)) for _ in range(1500)]
    assert 0.93 < np.mean([one.lo <= truth <= one.hi for one in found]) < 0.97  # type: ignore[operator]
    if correlation == 0.0:
        assert stats.kstest([one.p for one in found], "uniform").pvalue > 0.01
        assert np.std([one.rho for one in found]) == pytest.approx(found[0].sd, rel=0.05)


@pytest.mark.parametrize("correlation", [0.0, 0.6, 0.9])
def test_intervals_of_overlaps_cover_the_expected_overlap(correlation: float) -> None:
    """They err on the wide side (counts are coarse, repeated seeds crowd the edge of a list): 95 to 100 % of 200."""
    rng = np.random.default_rng(3)
    every = [pair(rng, 100, correlation) for _ in range(2000)]
    lists = [(top_seeds(a, 25, "higher").seeds, top_seeds(b, 25, "higher").seeds) for a, b in every]
    shared = [len(np.intersect1d(a, b)) for a, b in lists]
    found = [stability(a, b, 25, "higher", rng, resamples=200) for a, b in every[:200]]
    assert np.mean([one.shared_lo <= np.mean(shared) <= one.shared_hi for one in found]) > 0.94
    assert np.mean([one.shared_hi - one.shared_lo for one in found]) < 1.3 * 2 * 1.96 * np.std(shared)


def test_two_equal_rankings_and_direction() -> None:
    values = np.random.default_rng(4).standard_normal(30)
    same = stability(values, values * 2 + 1, 5, "lower", np.random.default_rng(0))
    assert same.rank.rho == pytest.approx(1.0) and same.rank.lo is same.rank.hi is None
    assert same.rank.p == pytest.approx(1 / factorial(30))
    assert (same.top.shared, same.shared_lo, same.shared_hi) == (5, 5.0, 5.0)
    assert same.top.p == pytest.approx(1 / 142506)
    # Two lists of 20 out of 30 share 10 at the least.
    assert stability(values, -values, 20, "higher", np.random.default_rng(0)).top.shared == 10
    again = stability(values, values[::-1], 5, "lower", np.random.default_rng(0))
    assert again == stability(values, values[::-1], 5, "lower", np.random.default_rng(0))


@pytest.mark.parametrize("first", [[1, 2, 3], [1, 2, 2, 3], [1, 2, 3, 4, 5], [1, 1, 2, 3, 3]])
def test_p_of_few_seeds_keeps_its_level_in_every_order_of_them(first: list[float]) -> None:
    """Exactly: of all orders no more than a share p have so small a p; the best one has the least that there can be."""
    p = np.array([rank_correlation(first, order).p for order in permutations(first)], np.float64)
    assert all((p <= level).mean() == pytest.approx(level) for level in set(p.tolist()))
    assert p.min() == rank_correlation(first, first).p == (p == p.min()).mean() >= 1 / factorial(len(first))


def test_p_of_nine_seeds_is_exact_and_of_ten_near_it() -> None:
    rng = np.random.default_rng(11)
    a, b = pair(rng, 9, 0.6)
    exact = stats.permutation_test(
        (a,), lambda x: stats.spearmanr(x, b)[0], permutation_type="pairings", n_resamples=999
    )
    assert rank_correlation(a, b).p == pytest.approx(exact.pvalue / 2, abs=0.05)
    assert rank_correlation(a, a).p == 1 / factorial(9)
    assert rank_correlation(range(10), range(10)).p == pytest.approx(1 / factorial(10))


def test_what_top_lists_share_is_not_told_where_seeds_tie_at_their_end() -> None:
    """13 of 32 seeds have the same value, by chance: lists of the first 8 of them would share 8."""
    rng = np.random.default_rng(12)
    tied = np.r_[np.zeros(13), np.ones(19)]
    for first, second in ((tied, tied), (tied, rng.standard_normal(32)), (rng.standard_normal(32), tied)):
        found = stability(first, second, 8, "lower", rng)
        assert any(found.tied) and found.top.shared is found.top.p is found.shared_lo is found.shared_hi is None
        assert found.top.expected == 2.0 and found.rank.p is not None
    clear = stability(np.r_[np.zeros(8), np.ones(24)], rng.standard_normal(32), 8, "lower", rng)
    assert clear.tied == (0, 0) and clear.top.shared is not None


def test_attenuation_by_noise_is_undone() -> None:
    """Pearson's correlation of noisy measurements of one thing, corrected with their reliabilities, is 1."""
    rng = np.random.default_rng(5)
    true = rng.standard_normal(20_000)
    noisy = [true + spread * rng.standard_normal(20_000) for spread in (0.5, 1.0)]
    found = disattenuated(float(np.corrcoef(noisy)[0, 1]), 1 / 1.25, 1 / 2)
    assert found == pytest.approx(1.0, abs=0.03)
    assert disattenuated(0.3, 0.0, 0.5) is None and disattenuated(0.9, 0.5, 0.5) == 1.0


def test_undefined_rank_correlations() -> None:
    assert rank_correlation([1.0, 2.0], [2.0, 1.0]).rho is None
    assert rank_correlation([1.0, 1.0, 1.0, 1.0], [1.0, 2.0, 3.0, 4.0]).p is None
    three = rank_correlation([1.0, 2.0, 3.0, np.nan], [1.0, 3.0, 2.0, 5.0])
    assert (three.n, three.lo) == (3, None) and three.rho == pytest.approx(0.5)
    with pytest.raises(StatisticsError, match="one value a seed in both"):
        rank_correlation([1.0, 2.0], [1.0])
    with pytest.raises(StatisticsError, match="0 resamples"):
        stability([1.0, 2.0], [1.0, 2.0], 1, "higher", np.random.default_rng(0), resamples=0)
    with pytest.raises(StatisticsError, match="top 3 of 2"):
        stability([1.0, 2.0], [1.0, 2.0], 3, "higher", np.random.default_rng(0))


@pytest.mark.parametrize("sizes", [(1,) * 41, (22,) * 40, UNEVEN, (50, 1, 1, 1), (3, 3)])
def test_a_split_is_even_whole_and_never_empty(sizes: tuple[int, ...]) -> None:
    groups, rng = np.repeat([f"g{i}" for i in range(len(sizes))], sizes), np.random.default_rng(6)
    for _ in range(50):
        ranking = split_prompts(groups, rng)
        assert ranking.any() and not ranking.all()
        assert not set(groups[ranking]) & set(groups[~ranking])
        assert abs(int(ranking.sum()) - int((~ranking).sum())) <= max(sizes)


def test_a_split_is_random_fair_and_independent_of_the_order_of_prompts() -> None:
    groups, order = np.repeat(np.arange(30), UNEVEN), np.random.default_rng(7).permutation(165)
    one = split_prompts(groups, np.random.default_rng(8))
    np.testing.assert_array_equal(split_prompts(groups[order], np.random.default_rng(8)), one[order])
    rng = np.random.default_rng(9)
    share = np.mean([split_prompts(groups, rng) for _ in range(2000)], axis=0)
    assert np.abs(share - 0.5).max() < 0.06
    with pytest.raises(StatisticsError, match="4 prompt.s. in 1 group.s.: one part of the split would be empty"):
        split_prompts(["dog"] * 4, rng)
