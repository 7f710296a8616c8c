"""Sets of seeds against each other: a planted difference is found, and none where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from seedscope.analysis.experiments.golden_table.sets import Against, against, paired
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.scores import Scores

GROUPS = np.repeat(np.arange(12), 2)
GOLDEN, RANDOM = np.arange(4), np.arange(4, 20)


def made(rng: np.random.Generator, better: float = 0.0, own: float = 0.0) -> Scores:
    """24 prompts x 20 seeds; golden seeds are `better`, seeds have effects of their own of s.d. `own`."""
    values = 3.0 + rng.standard_normal((24, 1)) + own * rng.standard_normal(20) + rng.standard_normal((24, 20))
    values[:, GOLDEN] += better
    return Scores.of(values, GROUPS)


def found(scores: Scores, seed: int = 0, good: float = 1.0, population: int | None = None) -> Against:
    return against(scores, GOLDEN, RANDOM, good, np.random.default_rng(seed), population)


def test_a_planted_difference_is_found_with_its_size() -> None:
    scores = made(np.random.default_rng(1), better=0.5)
    result = found(scores)
    values = scores.values
    assert result.mean == pytest.approx(values[:, GOLDEN].mean())
    assert result.less.mean == pytest.approx(values[:, GOLDEN].mean() - values[:, RANDOM].mean())
    assert result.less.lo is not None and result.less.hi is not None and result.less.p is not None
    assert 0.0 < result.less.lo < 0.5 < result.less.hi and result.less.p < 0.01 and result.as_good < 0.01
    assert found(scores, good=-1.0).as_good > 0.99


def test_where_nothing_is_planted_p_is_uniform_and_the_interval_holds_0() -> None:
    rng = np.random.default_rng(2)
    results = [found(made(rng), seed) for seed in range(150)]
    p = np.array([result.less.p for result in results])
    as_good = np.array([result.as_good for result in results])
    held = np.mean([result.less.lo <= 0.0 <= result.less.hi for result in results])  # type: ignore[operator]
    for values in (p, as_good):
        assert 0.4 < values.mean() < 0.6 and 0.01 < (values <= 0.1).mean() < 0.2
    assert held > 0.89


def test_any_set_differs_where_seeds_do_and_random_sets_tell() -> None:
    rng = np.random.default_rng(3)
    results = [found(made(rng, own=1.5), seed) for seed in range(60)]
    assert np.mean([result.less.p < 0.05 for result in results]) > 0.5  # type: ignore[operator]
    assert np.mean([result.as_good <= 0.05 for result in results]) < 0.2


def test_p_does_not_take_a_group_for_many_prompts() -> None:
    rng = np.random.default_rng(4)
    groups = np.repeat(np.arange(4), 25)

    def alike() -> Scores:
        return Scores.of(rng.standard_normal((4, 20))[groups] + 0.1 * rng.standard_normal((100, 20)), groups)

    p = np.array([found(alike(), seed).less.p for seed in range(60)])
    assert (p <= 0.05).mean() < 0.2


def test_seeds_that_stand_for_more_widen_the_interval() -> None:
    scores = made(np.random.default_rng(5), own=0.5)

    def width(population: int | None) -> float:
        less = found(scores, population=population).less
        assert less.lo is not None and less.hi is not None
        return less.hi - less.lo

    assert width(None) == pytest.approx(width(16)) and width(None) < width(32) < width(1024)


def test_the_order_of_prompts_says_nothing() -> None:
    scores, order = made(np.random.default_rng(6), better=0.2), np.random.default_rng(7).permutation(24)
    other = Scores.of(scores.values[order], GROUPS[order])
    a, b = found(scores), found(other)
    assert (a.less.mean, a.less.lo, a.less.p) == pytest.approx((b.less.mean, b.less.lo, b.less.p))


@pytest.mark.parametrize(("a", "b"), [(np.ones(8), np.zeros(8)), (np.zeros(8), np.zeros(8))])
def test_what_does_not_vary_has_no_interval(a: Array, b: Array) -> None:
    result = paired(a, b, np.arange(8) // 2)
    assert result.mean == a[0] - b[0] and result.lo is None and result.p is None


def test_pairs_are_as_the_t_test_of_groups_of_one() -> None:
    from scipy.stats import ttest_rel

    rng = np.random.default_rng(8)
    a, b = rng.standard_normal((2, 15))
    outside, result = ttest_rel(a, b), paired(a, b, np.arange(15))
    low, high = outside.confidence_interval(0.95)
    assert (result.lo, result.hi, result.p) == pytest.approx((low, high, outside.pvalue), abs=1e-9)
