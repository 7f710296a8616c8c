"""Moments: merging is associative, order-free and equal to one pass over all rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedscope.analysis.seeds.distances.moments import Array, Moments, covariance, merge, moments

TOLERANCE = 1e-12
"""Of the largest number that went into a sum: |x| for means, x^2 summed for scatters."""


def gap(a: Moments, b: Moments, rows: Array) -> float:
    """Largest difference of two moments relative to what was summed; infinite for different counts."""
    if a.n != b.n:
        return float("inf")
    size = max(float(np.abs(rows).max(initial=0.0)), 1e-300)
    squares = max(float((rows**2).sum()), 1e-300)
    return max(float(np.abs(a.mean - b.mean).max()) / size, float(np.abs(a.scatter - b.scatter).max()) / squares)


def tables(dimensions: int = 3) -> st.SearchStrategy[Array]:
    numbers = st.floats(-1e3, 1e3, allow_subnormal=False)
    return st.lists(st.lists(numbers, min_size=dimensions, max_size=dimensions), max_size=12).map(
        lambda rows: np.array(rows, dtype=np.float64).reshape(len(rows), dimensions)
    )


@settings(deadline=None, max_examples=60)
@given(tables(), tables(), tables())
def test_merging_is_associative_commutative_and_equal_to_one_pass(x: Array, y: Array, z: Array) -> None:
    rows = np.vstack([x, y, z])
    a, b, c = moments(x), moments(y), moments(z)
    whole = moments(rows)
    for merged in (merge(merge(a, b), c), merge(a, merge(b, c)), merge(merge(c, a), b)):
        assert gap(merged, whole, rows) < TOLERANCE


@settings(deadline=None, max_examples=60)
@given(st.data(), tables())
def test_any_sharding_merged_in_any_order_is_one_pass(data: st.DataObject, x: Array) -> None:
    """Each row falls into any of up to five shards, some of them empty; pairs of states are merged until one is left."""
    shards = data.draw(st.lists(st.integers(0, 4), min_size=len(x), max_size=len(x)))
    states = [moments(x[[shard == one for one in shards]]) for shard in range(5)]
    while len(states) > 1:
        first = states.pop(data.draw(st.integers(0, len(states) - 1)))
        second = states.pop(data.draw(st.integers(0, len(states) - 1)))
        states.append(merge(first, second))
    assert gap(states[0], moments(x), x) < TOLERANCE


@settings(deadline=None, max_examples=30)
@given(tables(), st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(x: Array, random: object) -> None:
    order = list(range(len(x)))
    random.shuffle(order)  # type: ignore[attr-defined]  # hypothesis draws a random.Random
    assert gap(moments(x), moments(x[order]), x) < TOLERANCE


def test_any_sharding_of_features_gives_the_same_moments() -> None:
    rng = np.random.default_rng(0)
    features = rng.gamma(0.5, 1.0, (1000, 16)).astype(np.float32)
    whole = moments(features)
    for cuts in ([1, 2, 3], [500], list(range(0, 1000, 7))):
        total = Moments.empty(16)
        for shard in np.split(features, cuts):
            total = merge(total, moments(shard))
        assert gap(total, whole, features.astype(np.float64)) < TOLERANCE


def test_no_rows_are_the_identity() -> None:
    some = moments(np.arange(12.0).reshape(4, 3))
    for merged in (merge(some, Moments.empty(3)), merge(Moments.empty(3), some)):
        assert merged is some
    assert moments(np.empty((0, 3))).n == 0


def test_covariance_is_numpys() -> None:
    rows = np.random.default_rng(1).standard_normal((50, 4)) @ np.random.default_rng(2).standard_normal((4, 4))
    np.testing.assert_allclose(covariance(moments(rows)), np.cov(rows, rowvar=False), rtol=1e-12, atol=1e-14)


def test_a_large_common_offset_keeps_its_digits() -> None:
    rows = np.random.default_rng(3).standard_normal((400, 5))
    apart = moments(rows)
    shifted = merge(moments(rows[:130] + 1e6), moments(rows[130:] + 1e6))
    np.testing.assert_allclose(shifted.scatter, apart.scatter, rtol=1e-8, atol=1e-6)


def test_not_finite_rows_show() -> None:
    rows = np.ones((3, 2))
    rows[1, 0] = np.nan
    assert np.isnan(moments(rows).mean[0])
    assert np.isnan(merge(moments(rows), moments(np.ones((2, 2)))).scatter[0, 0])


def test_wrong_shapes_and_too_few_rows_are_errors() -> None:
    with pytest.raises(ValueError, match="3 and of 4 dimensions"):
        merge(Moments.empty(3), Moments.empty(4))
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        moments(np.ones(3))
    with pytest.raises(ValueError, match="at least 2 rows, got 1"):
        covariance(moments(np.ones((1, 3))))
