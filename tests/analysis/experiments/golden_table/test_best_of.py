"""Best-of-N: the estimator against every subset, and N against what theory has for a seed that is better by so much."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from seedscope.analysis.experiments.golden_table.best_of import BestOf, best_of, expected_best, kept, shares
from seedscope.analysis.experiments.golden_table.sets import against
from seedscope.analysis.seeds.scores.scores import Scores


def test_the_expected_best_is_the_mean_over_all_subsets() -> None:
    rng = np.random.default_rng(1)
    values, others = rng.integers(0, 4, (3, 6)).astype(float), rng.standard_normal((3, 6))
    curve = expected_best(values)
    for n in range(1, 7):
        subsets = [list(some) for some in combinations(range(6), n)]
        best = np.mean([values[:, some].max(axis=1) for some in subsets], axis=0)
        np.testing.assert_allclose(curve[:, n - 1], best, atol=1e-12)
        for row in range(3):
            ties = [np.array(some)[values[row, some] == values[row, some].max()] for some in subsets]
            of_best = np.mean([others[row, some].mean() for some in ties])
            assert kept(values, others, n)[row] == pytest.approx(of_best, abs=1e-12)
    np.testing.assert_allclose(shares(300).sum(axis=0), 1.0, atol=1e-9)


def test_of_equal_values_any_may_be_kept() -> None:
    values, others = np.zeros((2, 5)), np.arange(10.0).reshape(2, 5)
    for n in (1, 3, 5):
        np.testing.assert_allclose(kept(values, others, n), [2.0, 7.0])


def found(better: float, rng: np.random.Generator, prompts: int = 300, good: float = 1.0, golden: int = 3) -> BestOf:
    """Of seeds that are `better` by so many standard deviations within prompts, against 24 random ones."""
    values = rng.standard_normal((prompts, 1)) + rng.standard_normal((prompts, golden + 24))
    values[:, :golden] += better
    scores = Scores.of(good * values, np.arange(prompts))
    return best_of(scores, np.arange(golden), np.arange(golden, golden + 24), good)


# The expected best of 1, 2, 3, ... normal numbers: 0, 0.564, 0.846, 1.029, 1.163, 1.267 standard deviations.
@pytest.mark.parametrize(("better", "n"), [(-0.5, 1), (0.35, 2), (0.7, 3), (0.95, 4), (1.1, 5)])
@pytest.mark.parametrize("good", [1.0, -1.0])
def test_n_is_what_order_statistics_of_normal_numbers_have(better: float, n: int, good: float) -> None:
    results = [found(better, np.random.default_rng(seed), good=good) for seed in range(5)]
    assert all(result.lo <= result.n <= result.hi for result in results)
    assert sum(result.lo <= n <= result.hi for result in results) >= 4
    assert np.median([result.n for result in results]) == n
    assert (np.diff(good * results[0].curve) > 0).all()


def test_half_a_standard_deviation_is_bought_by_two() -> None:
    result = found(0.5, np.random.default_rng(11), prompts=2000)
    assert (result.n, result.lo, result.hi) == (2, 2, 2) and result.is_bought
    assert result.written() == "2 (2 to 2)"


def test_where_no_seed_is_golden_one_random_seed_does() -> None:
    results = [found(0.0, np.random.default_rng(100 + seed), prompts=60) for seed in range(60)]
    assert np.mean([result.lo == 1 for result in results]) > 0.9
    assert 0.3 < np.mean([result.n == 1 for result in results]) < 0.7  # by half a coin, one or two
    assert max(result.n for result in results) == 2


def test_a_seed_that_beats_all_of_them_is_said_to() -> None:
    result = found(9.0, np.random.default_rng(5))
    assert result.n == 25 and not result.is_known and not result.is_bought
    assert result.written() == "over 24 (over 24 to over 24)"


def test_its_low_end_is_1_just_where_golden_seeds_are_not_surely_better() -> None:
    rng = np.random.default_rng(6)
    for better in (0.0, 0.2, 0.3, 0.4):
        values = rng.standard_normal((30, 20))
        values[:, :2] += better
        scores, golden, random = Scores.of(values, np.arange(30) // 2), np.arange(2), np.arange(2, 20)
        for population in (None, 500):
            less = against(scores, golden, random, 1.0, rng, population).less
            assert less.lo is not None
            assert (best_of(scores, golden, random, 1.0, population).lo == 1) == (less.lo <= 0.0)
