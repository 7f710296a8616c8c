"""Real pictures and their neighbours: distances as written out, whatever the blocks; ties that rounding does not decide."""

from __future__ import annotations

import numpy as np
import pytest

from seedscope.analysis.seeds.distances import neighbours
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.distances.neighbours import K, RealNeighbours, nearest, squared_distances


def written_out(a: Array, b: Array) -> Array:
    return np.asarray(((a[:, None] - b) ** 2).sum(axis=2))


def real(rows: Array) -> RealNeighbours:
    return RealNeighbours.of(rows, np.random.default_rng(0))


def test_squared_distances_are_those_of_the_differences_and_0_between_equal_rows() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(5.0, 1.0, (40, 300)), rng.normal(5.0, 1.0, (30, 300))
    b[3] = a[7]
    found = squared_distances(a, b)
    np.testing.assert_allclose(found, written_out(a, b), rtol=1e-10)
    assert found[7, 3] == 0.0 and (np.diagonal(squared_distances(a, a)) == 0.0).all()


@pytest.mark.parametrize("block", [1, 130, 2**22])
def test_neighbours_are_the_nearest_others_whatever_the_blocks(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "BLOCK", block)
    rows = np.random.default_rng(2).normal(size=(60, 7))
    apart = written_out(rows, rows)
    np.fill_diagonal(apart, np.inf)
    gaps, places = nearest(rows, 9)
    np.testing.assert_array_equal(places, apart.argsort(axis=1)[:, :9])
    np.testing.assert_allclose(gaps, np.sort(apart, axis=1)[:, :9], rtol=1e-12)
    found = real(rows)
    np.testing.assert_allclose(found.nearest, np.sort(apart, axis=1)[:, 0], rtol=1e-12)
    np.testing.assert_allclose(found.radius, np.sort(apart, axis=1)[:, K - 1], rtol=1e-8)
    others = np.random.default_rng(3).normal(size=(5, 7))
    blocks = list(found.gaps(others))
    np.testing.assert_allclose(
        np.concatenate([gap for _, gap in blocks], axis=1), written_out(others, rows), rtol=1e-10
    )
    assert [slot.start for slot, _ in blocks] == list(range(0, 60, max(block // 5, 1)))


def test_a_ball_ends_before_its_edge() -> None:
    """The K-th neighbour itself stands on the edge: outside, as in the open balls of the sources, in float32 as well."""
    rows = np.random.default_rng(4).normal(3.0, 1.0, (80, 400)).astype(np.float32)
    found = real(rows)
    gaps = squared_distances(found.features, found.features)
    np.testing.assert_array_equal((gaps < found.radius[:, None]).sum(axis=1), K)  # the picture itself and K - 1 others
    twice = real(np.repeat(rows, K + 1, axis=0))
    assert (twice.radius == 0.0).all() and (twice.nearest == 0.0).all()


def test_of_too_many_real_pictures_some_are_drawn_the_same_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.random.default_rng(5).normal(size=(90, 3))
    assert real(rows).there == len(real(rows).features) == 90
    monkeypatch.setattr(neighbours, "MOST_REAL", 50)
    one, same = real(rows), real(rows)
    other = RealNeighbours.of(rows, np.random.default_rng(1))
    assert one.there == 90 and one.features.shape == (50, 3)
    assert len(np.unique(one.features, axis=0)) == 50 and {*map(tuple, one.features)} <= {*map(tuple, rows)}
    np.testing.assert_array_equal(one.features, same.features)
    assert not np.array_equal(one.features, other.features)
    drawn = real(one.features)
    np.testing.assert_array_equal(one.radius, drawn.radius)


def test_too_few_real_pictures_and_unreadable_ones_are_errors() -> None:
    assert len(real(np.random.default_rng(6).normal(size=(K + 1, 2))).radius) == K + 1
    with pytest.raises(ValueError, match=r"shape \(5, 2\); 5 neighbours want 6 pictures or more"):
        real(np.zeros((K, 2)))
    with pytest.raises(ValueError, match="not finite"):
        real(np.array([[0.0, np.nan]] * 8))
