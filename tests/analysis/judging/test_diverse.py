"""Farthest-point sampling: hand-made points, the guarantee, candidates, degenerate input."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.select.diverse import farthest_points

# One line: 0 and 10 are farthest apart, then 5 (5 from both), then 2 (2 from 0), then 9 and 4 (1 away from 10 and from 5).
LINE = np.array([[4.0], [0.0], [9.0], [2.0], [10.0], [5.0]])


def smallest_distance(rows: Array) -> float:
    return min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(rows, 2))


def test_points_on_a_line() -> None:
    found = farthest_points(LINE, 6)
    np.testing.assert_array_equal(found.chosen, [1, 4, 5, 3, 0, 2])
    np.testing.assert_allclose(found.distance, [10, 10, 5, 2, 1, 1], rtol=1e-12)


def test_corners_before_the_middle() -> None:
    square = np.array([[0.5, 0.5], [0, 0], [1, 0], [0, 1], [1, 1], [0.4, 0.6]])
    assert set(farthest_points(square, 4).chosen) == {1, 2, 3, 4}
    assert farthest_points(square, 5).chosen[4] == 0


def test_candidates_alone_are_chosen() -> None:
    golden = np.array([True, False, True, True, False, True])
    found = farthest_points(LINE, 3, golden)
    np.testing.assert_array_equal(found.chosen, [2, 3, 5])
    np.testing.assert_allclose(found.distance, [7, 7, 3], rtol=1e-12)
    strange = LINE.copy()
    strange[1] = np.nan
    np.testing.assert_array_equal(farthest_points(strange, 3, golden).chosen, [2, 3, 5])


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=4, max_size=8, unique=True), st.integers(2, 4)
)
def test_at_least_half_of_the_best_spread_and_nested(points: list[tuple[int, int]], k: int) -> None:
    rows = np.array(points, dtype=np.float64)
    found = farthest_points(rows, k)
    best = max(smallest_distance(rows[list(some)]) for some in itertools.combinations(range(len(rows)), k))
    assert smallest_distance(rows[found.chosen]) == pytest.approx(found.distance[-1])
    assert found.distance[-1] >= best / 2 - 1e-9
    assert (np.diff(found.distance) <= 1e-9).all()
    whole = farthest_points(rows, len(rows))
    assert sorted(whole.chosen) == list(range(len(rows)))
    np.testing.assert_array_equal(whole.chosen[:k], found.chosen)


def test_turning_and_shifting_the_space_change_nothing() -> None:
    rng = np.random.default_rng(0)
    rows, turn = rng.standard_normal((60, 12)), np.linalg.qr(rng.standard_normal((12, 12)))[0]
    plain, turned = farthest_points(rows, 10), farthest_points(rows @ turn + 100, 10)
    np.testing.assert_array_equal(turned.chosen, plain.chosen)
    np.testing.assert_allclose(turned.distance, plain.distance, rtol=1e-9)


def test_equal_seeds_are_at_distance_0_and_still_different_seeds() -> None:
    found = farthest_points(np.full((5, 3), 0.1), 4)
    assert len(set(found.chosen)) == 4
    np.testing.assert_array_equal(found.distance, np.zeros(4))
    pairs = farthest_points(np.repeat(LINE[:3] / 3, 2, axis=0), 5)
    assert len(set(pairs.chosen)) == 5
    np.testing.assert_array_equal(pairs.distance > 0, [True, True, True, False, False])


def test_bad_arguments_are_errors() -> None:
    for k in (1, 7):
        with pytest.raises(ValueError, match=f"set of {k} seeds out of 6 candidates"):
            farthest_points(LINE, k)
    with pytest.raises(ValueError, match="set of 2 seeds out of 1 candidates"):
        farthest_points(LINE, 2, np.arange(6) == 3)
    with pytest.raises(ValueError, match="6 booleans are needed"):
        farthest_points(LINE, 2, np.arange(6))
    with pytest.raises(ValueError, match=r"shape \(6,\)"):
        farthest_points(np.arange(6.0), 2)
    strange = LINE.copy()
    strange[[2, 4], 0] = np.nan, np.inf
    with pytest.raises(ValueError, match=r"2 candidates \(the first at 2\)"):
        farthest_points(strange, 2)
