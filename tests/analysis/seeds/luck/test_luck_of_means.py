"""The luck of seeds in a mean score: closed forms, missing cells, coverage, differences that are luck and that are found."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.luck.estimate import Estimate
from seedscope.analysis.seeds.luck.luck import luck, of_one, of_two
from seedscope.analysis.seeds.luck.redrawn import redrawn
from seedscope.analysis.seeds.luck.spread import difference, spread
from seedscope.analysis.seeds.scores.scores import Scores, StatisticsError


def grid(rng: np.random.Generator, prompts: int, seeds: int, of_seed: float) -> Array:
    """Scores with a rest of variance 1."""
    means, effects = 10 + rng.standard_normal((prompts, 1)), np.sqrt(of_seed) * rng.standard_normal(seeds)
    return means + effects + rng.standard_normal((prompts, seeds))


def scores(values: Array) -> Scores:
    return Scores.of(values, np.arange(len(values)))


def test_variances_of_a_complete_grid_are_those_of_the_textbook() -> None:
    values = grid(np.random.default_rng(0), 7, 12, 0.3)
    found = spread(scores(values))
    assert found.score == pytest.approx(values.mean())
    assert found.common.variance == pytest.approx(values.mean(axis=0).var(ddof=1))
    assert found.own.variance == pytest.approx(values.var(axis=1, ddof=1).mean() / 7)
    rest = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()
    error = (rest**2).sum() / (6 * 11)
    assert found.of_rest == pytest.approx(error)
    assert found.of_seed == pytest.approx(values.mean(axis=0).var(ddof=1) - error / 7)
    half = stats.t.ppf(0.975, found.common.freedom) * np.sqrt(values.mean(axis=0).var(ddof=1) * (1 / 4 + 1 / 12))
    assert found.half(4, common=True) == pytest.approx(half)


def test_neither_order_nor_a_prompts_own_level_counts() -> None:
    rng = np.random.default_rng(1)
    values = grid(rng, 6, 9, 0.2)
    moved = values[rng.permutation(6)][:, rng.permutation(9)] + rng.standard_normal((6, 1))
    first, other = spread(scores(values)), spread(scores(moved))
    for name in ("common", "own"):
        one, two = getattr(first, name), getattr(other, name)
        assert (one.variance, one.freedom) == pytest.approx((two.variance, two.freedom))


def test_missing_cells_leave_variances_without_bias() -> None:
    rng, found = np.random.default_rng(2), []
    for _ in range(200):
        values = grid(rng, 8, 16, 0.1)
        values[rng.random(values.shape) < 0.3] = np.nan
        told = spread(scores(values))
        found.append((told.common.variance, told.own.variance))
    truth, error = np.array([0.1 + 1 / 8, 1.1 / 8]), np.std(found, axis=0) / np.sqrt(200)
    assert (np.abs(np.mean(found, axis=0) - truth) < 3 * error + 0.01 * truth).all()


def test_one_prompt_and_a_score_that_does_not_vary() -> None:
    one = spread(scores(grid(np.random.default_rng(3), 1, 10, 0.5)))
    assert one.common.variance == pytest.approx(one.own.variance) and one.of_seed == 0.0
    none = spread(scores(np.ones((4, 8))))
    assert (none.common.variance, none.own.variance, none.half(4, common=True)) == (0.0, 0.0, 0.0)
    assert none.common.times(2).needed(0.1).n == 1


@pytest.mark.parametrize("seeds", [2, 3])
def test_too_few_seeds_are_a_sentence(seeds: int) -> None:
    with pytest.raises(StatisticsError, match=f"{seeds} seeds have scores"):
        spread(scores(np.random.default_rng(4).standard_normal((5, seeds))))


@pytest.mark.parametrize("skewed", [False, True])
@pytest.mark.parametrize("of_seed", [0.0, 0.5])
def test_another_draw_is_held_and_luck_is_seldom_taken_for_a_difference(of_seed: float, *, skewed: bool) -> None:
    """300 studies of 16 seeds, 16 fresh draws each of n = 1 and 4; of skewed effects 6.3 % are claimed to be false."""
    rng, hits = np.random.default_rng(5), []

    def effects(*shape: int) -> Array:
        return rng.standard_exponential(shape) - 1 if skewed else rng.standard_normal(shape)

    for _ in range(300):
        told = spread(scores(np.sqrt(of_seed) * effects(16) + effects(6, 16)))
        for n in (1, 4):
            common = np.sqrt(of_seed) * effects(16, 1, n) + effects(16, 6, n)
            own = np.sqrt(of_seed) * effects(16, 6, n) + effects(16, 6, n)
            for draws, estimate, half in (
                (common.mean(axis=(1, 2)), told.common, told.half(n, common=True)),
                (own.mean(axis=(1, 2)), told.own, told.half(n, common=False)),
            ):
                apart, bound = draws[::2] - draws[1::2], estimate.times(2).by_luck(n)
                found = apart + estimate.times(2).found(n)
                hits.append((np.abs(draws - told.score) <= half, np.abs(apart) > bound, found > bound))
    held, false, power = (float(np.mean([row[place] for row in hits])) for place in range(3))
    assert 0.93 < held < 0.97
    assert false < (0.068 if skewed else 0.06)
    assert 0.77 < power < 0.83


def test_seeds_that_are_needed_follow_from_what_is_found() -> None:
    apart = Estimate(0.4, 20.0)
    wanted = apart.found(25)
    needed = apart.needed(wanted)
    assert needed.n == 25 and needed.lo < 25 and needed.hi is not None and needed.hi > 25
    assert apart.needed(wanted / 2).n == pytest.approx(100, abs=1)
    lo, hi = apart.interval()
    assert (lo, hi) == pytest.approx((0.4 * 20 / stats.chi2.ppf(0.975, 20), 0.4 * 20 / stats.chi2.ppf(0.025, 20)))
    with pytest.raises(StatisticsError, match="lies above 0"):
        apart.needed(0.0)


def test_drawing_again_agrees_with_variances() -> None:
    told = spread(scores(grid(np.random.default_rng(6), 10, 64, 0.2)))
    for n in (1, 4, 16, 32):
        for common in (True, False):
            drawn = redrawn(told, n, np.random.default_rng(n), common=common, draws=4000)
            half = told.half(n, common=common)
            lo, hi = drawn.interval(told.common.variance / told.of(common=common).variance)
            assert (hi - lo) / 2 == pytest.approx(half, rel=0.12)
            assert drawn.estimate.variance == pytest.approx(told.of(common=common).variance, rel=0.1)
            assert drawn.twice().by_luck() == pytest.approx(told.of(common=common).times(2).by_luck(n), rel=0.12)


def test_drawing_again_of_what_misses_cells() -> None:
    values = grid(np.random.default_rng(7), 12, 40, 0.2)
    values[np.random.default_rng(8).random(values.shape) < 0.2] = np.nan
    told = spread(scores(values))
    drawn = redrawn(told, 8, np.random.default_rng(9), common=True)
    assert drawn.mean == pytest.approx(np.nanmean(values, axis=1).mean(), abs=0.02)
    assert drawn.mean == pytest.approx(told.score, abs=0.05)
    assert drawn.estimate.variance == pytest.approx(told.common.variance, rel=0.3)


def test_the_same_seeds_for_two_models_take_their_common_part_away() -> None:
    rng = np.random.default_rng(10)
    shared = rng.standard_normal(48)
    one, other = (scores(shared + 0.3 * rng.standard_normal((8, 48))) for _ in range(2))
    apart, each = difference(one, other), (spread(one), spread(other))
    assert apart.common.variance < 0.1 * each[0].common.plus(each[1].common).variance

    a, b = (redrawn(model, 4, np.random.default_rng(4), common=True) for model in each)
    pairs = {4: (a, b)}
    found = luck("x", apart, of_two(*each, apart, pairs, {}), [4], asked=4, difference=0.1)
    paired, unpaired = found.by_n[4]["paired common"], found.by_n[4]["unpaired common"]
    assert paired.drawn is not None and unpaired.drawn is not None
    assert paired.drawn.sd == pytest.approx(paired.analytic.sd, rel=0.15)
    assert unpaired.drawn.sd == pytest.approx(unpaired.analytic.sd, rel=0.15)
    assert found.needed["paired common"].n < 0.1 * found.needed["unpaired common"].n


def test_skew_shows_where_both_ways_do_not_agree() -> None:
    values = np.zeros((5, 64))
    values[:, 0] = 1.0
    told = spread(scores(values + 0.01 * np.random.default_rng(11).standard_normal(values.shape)))
    drawn = {1: redrawn(told, 1, np.random.default_rng(0), common=True)}
    found = luck("rare", told, of_one(told, drawn, {}), [1, 2], asked=1, difference=None)
    assert not found.by_n[1]["common"].agree and found.by_n[2]["common"].drawn is None
    assert found.by_n[1]["common"].moves is found.by_n[1]["common"].analytic
