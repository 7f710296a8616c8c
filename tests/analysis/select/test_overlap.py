"""The published rule: the seeds in both top lists, beside what the same pictures give when they are shuffled between seeds."""

from __future__ import annotations

import numpy as np
import pytest

from seedscope.analysis.direction import Better
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.scores import Scores, StatisticsError
from seedscope.analysis.select.overlap import OverlapRule, overlap_rule

PROMPTS = 20


def rule(
    first: Array, second: Array, k: int, ways: tuple[Better, Better] = ("higher", "higher"), shuffles: int = 200
) -> OverlapRule:
    rng = (np.random.default_rng(0), np.random.default_rng(0))
    one, other = (Scores.of(values, np.arange(len(values))) for values in (first, second))
    return overlap_rule(one, other, k, *ways, rng, shuffles)


@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_measures_of_one_picture_share_seeds_without_any_effect(correlation: float) -> None:
    """80 studies: p <= 0.05 in about 5 %, where unrelated rankings would be beyond 5 % in nearly all at 0.6."""
    rng, p, shared = np.random.default_rng(1), [], []
    for _ in range(80):
        first, own = rng.standard_normal((2, PROMPTS, 64))
        found = rule(first, correlation * first + np.sqrt(1 - correlation**2) * own, 16)
        p.append(found.overlap.p)
        shared.append((found.overlap.shared, found.overlap.expected))
    assert np.mean(np.array(p) <= 0.05) < 0.13
    seen, expected = np.mean(shared, axis=0)
    assert seen == pytest.approx(expected, abs=0.8)
    assert expected > 7.5 if correlation else expected == pytest.approx(4.0, abs=0.3)


def test_seeds_that_are_good_in_both_are_found() -> None:
    rng, effect = np.random.default_rng(2), np.r_[2.0, 2.0, 2.0, np.zeros(37)]
    first, second = rng.standard_normal((2, PROMPTS, 40)) + effect
    found = rule(first, -second, 4, ("higher", "lower"))
    assert set(found.seeds) >= {0, 1, 2} and found.overlap.p < 0.05 and found.tied is None
    low, high = found.overlap.span
    assert low <= found.overlap.expected <= high < 3


def test_lists_that_ties_would_fill_at_random_are_refused() -> None:
    rng = np.random.default_rng(3)
    rare = np.zeros((PROMPTS, 12))
    rare[0, 1] = rare[3, 7] = 1.0
    other = rng.standard_normal((PROMPTS, 12))
    assert (
        rule(rare, other, 4, ("lower", "higher")).tied == "first"
        and rule(rare, other, 4, ("lower", "higher")).seeds == ()
    )
    assert rule(other, np.ones((PROMPTS, 12)), 4).tied == "second"
    assert rule(rare, other, 2).tied is None


def test_a_cell_counts_where_both_have_it() -> None:
    rng = np.random.default_rng(4)
    first, second = rng.standard_normal((2, PROMPTS, 6))
    first[:, 2], second[:3, 0] = np.nan, np.nan
    found = rule(first, second, 2)
    assert 2 not in found.seeds
    with pytest.raises(StatisticsError, match="top 6 of 5"):
        rule(first, second, 6)
    with pytest.raises(StatisticsError, match="same prompts and seeds"):
        rule(first, second[:, :4], 2)
