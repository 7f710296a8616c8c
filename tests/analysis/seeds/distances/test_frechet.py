"""Frechet distances: identity, symmetry, closed forms, outside implementations, order and sharding."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.image.fid import FrechetInceptionDistance

from seedscope.analysis.seeds.distances.frechet import Reference, frechet_distance, frechet_distance_of_rows
from seedscope.analysis.seeds.distances.moments import Array, Moments, merge, moments


def features(seed: int, n: int, dimensions: int, shift: float = 0.0) -> Array:
    """Correlated, skewed, float32-valued rows whose variances span four decades, as a network's do."""
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((dimensions, dimensions)) * np.geomspace(1.0, 1e-2, dimensions)
    rows = rng.gamma(2.0, 1.0, (n, dimensions)) @ mixing + shift
    return rows.astype(np.float32).astype(np.float64)


def defined(value: float | None) -> float:
    assert value is not None
    return value


class Handed(torch.nn.Module):
    """An extractor that hands on the features it is given."""

    def __init__(self, dimensions: int) -> None:
        super().__init__()
        self.num_features = dimensions

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return rows


def torchmetrics_distance(seed: Array, reference: Array) -> float:
    metric = FrechetInceptionDistance(feature=Handed(seed.shape[1]))
    metric.update(torch.from_numpy(reference), real=True)
    metric.update(torch.from_numpy(seed), real=False)
    return float(metric.compute())


def exact_distance(seed: Array, reference: Array, digits: int = 60) -> float:
    """The textbook formula with eigenvalues of the unsymmetric product, in 60 digits."""
    with mpmath.workdps(digits):
        parts = []
        for rows in (seed, reference):
            table = mpmath.matrix(rows.tolist())
            mean = [mpmath.fsum(table[:, j]) / table.rows for j in range(table.cols)]
            centred = mpmath.matrix(table.rows, table.cols)
            for i in range(table.rows):
                for j in range(table.cols):
                    centred[i, j] = table[i, j] - mean[j]
            parts.append((mean, centred.T * centred / (table.rows - 1)))
        (m1, s1), (m2, s2) = parts
        values = mpmath.eig(s1 * s2, left=False, right=False)
        root = mpmath.fsum(mpmath.re(mpmath.sqrt(value)) for value in values)
        means = mpmath.fsum((a - b) ** 2 for a, b in zip(m1, m2, strict=True))
        trace = mpmath.fsum(s1[i, i] + s2[i, i] for i in range(s1.rows))
        return float(means + trace - 2 * root)


def test_identity() -> None:
    state = moments(features(0, 200, 32))
    reference = Reference.of(state)
    assert defined(frechet_distance(state, reference)) <= 1e-12 * reference.trace


@pytest.mark.parametrize(("n", "m"), [(300, 200), (20, 200), (300, 20), (20, 15)])
def test_symmetry(n: int, m: int) -> None:
    a, b = moments(features(1, n, 32)), moments(features(2, m, 32, shift=0.3))
    forth, back = frechet_distance(a, Reference.of(b)), frechet_distance(b, Reference.of(a))
    assert defined(forth) == pytest.approx(defined(back), rel=1e-10)


def test_closed_form_of_commuting_covariances() -> None:
    rng = np.random.default_rng(3)
    axes = np.linalg.qr(rng.standard_normal((24, 24)))[0]
    one, two = rng.gamma(1.0, 1.0, 24), rng.gamma(1.0, 1.0, 24)
    mean_one, mean_two = rng.standard_normal(24), rng.standard_normal(24)
    a = Moments(1000, mean_one, 999 * (axes * one) @ axes.T)
    b = Moments(500, mean_two, 499 * (axes * two) @ axes.T)
    truth = ((mean_one - mean_two) ** 2).sum() + ((np.sqrt(one) - np.sqrt(two)) ** 2).sum()
    assert defined(frechet_distance(a, Reference.of(b))) == pytest.approx(truth, rel=1e-12)


def test_a_shift_costs_its_square() -> None:
    rows = features(4, 100, 16)
    assert defined(frechet_distance_of_rows(rows + 0.5, Reference.of(moments(rows)))) == pytest.approx(4.0, rel=1e-9)


@pytest.mark.parametrize("n", [2, 3, 24, 63, 64, 65, 66, 300])
@pytest.mark.parametrize("references", [500, 40])
def test_low_rank_form_equals_the_covariance_form(n: int, references: int) -> None:
    reference = Reference.of(moments(features(5, references, 64)))
    assert reference.factor.shape == (64, min(64, references - 1))
    seed = features(6, n, 64, shift=0.1)
    direct = frechet_distance(moments(seed), reference)
    assert defined(frechet_distance_of_rows(seed, reference)) == pytest.approx(defined(direct), rel=1e-9)


def test_equals_torchmetrics_at_full_rank() -> None:
    seed, real = features(7, 700, 96, shift=0.05), features(8, 900, 96)
    ours = frechet_distance_of_rows(seed, Reference.of(moments(real)))
    assert defined(ours) == pytest.approx(torchmetrics_distance(seed, real), rel=1e-6)
    assert defined(ours) == pytest.approx(torchmetrics_distance(seed, real), rel=1e-9)


def test_equals_torchmetrics_where_rank_is_deficient() -> None:
    """Both within 1e-6, though torchmetrics sums roots of null eigenvalues, about 1e-8 of the largest root each."""
    seed, real = features(7, 24, 96, shift=0.05), features(8, 900, 96)
    ours = frechet_distance_of_rows(seed, Reference.of(moments(real)))
    assert defined(ours) == pytest.approx(torchmetrics_distance(seed, real), rel=1e-6)


@pytest.mark.parametrize(("n", "m"), [(20, 20), (5, 20), (5, 6)])
def test_equals_the_formula_in_sixty_digits(n: int, m: int) -> None:
    seed, real = features(9, n, 8, shift=0.2), features(10, m, 8)
    ours = frechet_distance_of_rows(seed, Reference.of(moments(real)))
    assert defined(ours) == pytest.approx(exact_distance(seed, real), rel=1e-10)


def test_order_and_sharding_do_not_matter() -> None:
    """To 1e-10: the root of a small eigenvalue shows more of the rounding than the eigenvalue itself."""
    seed, reference = features(11, 120, 48), Reference.of(moments(features(12, 300, 48)))
    whole = defined(frechet_distance(moments(seed), reference))
    order = np.random.default_rng(0).permutation(120)
    assert defined(frechet_distance_of_rows(seed[order], reference)) == pytest.approx(whole, rel=1e-10)
    merged = Moments.empty(48)
    for shard in np.split(seed[order], [10, 11, 77]):
        merged = merge(moments(shard), merged)
    assert defined(frechet_distance(merged, reference)) == pytest.approx(whole, rel=1e-10)


@settings(deadline=None, max_examples=25)
@given(st.data(), st.sampled_from([3, 12, 40]))
def test_a_distance_and_a_reference_do_not_know_their_shards(data: st.DataObject, n: int) -> None:
    """Any sharding of both sides, merged in any order: the states to 1e-12, the distance to 1e-10."""
    seed, real = features(20, n, 16), features(21, 60, 16)

    def merged(rows: Array) -> Moments:
        shards = np.array(data.draw(st.lists(st.integers(0, 4), min_size=len(rows), max_size=len(rows))))
        states = [moments(rows[shards == shard]) for shard in range(5)]
        while len(states) > 1:
            first = states.pop(data.draw(st.integers(0, len(states) - 1)))
            states.append(merge(first, states.pop(data.draw(st.integers(0, len(states) - 1)))))
        whole = moments(rows)
        np.testing.assert_allclose(states[0].scatter, whole.scatter, rtol=0, atol=1e-12 * np.abs(whole.scatter).max())
        return states[0]

    whole = defined(frechet_distance_of_rows(seed, Reference.of(moments(real))))
    assert defined(frechet_distance(merged(seed), Reference.of(merged(real)))) == pytest.approx(whole, rel=1e-10)


@pytest.mark.parametrize("n", [10, 200])
def test_rotating_everything_changes_nothing(n: int) -> None:
    seed, real = features(13, n, 32), features(14, 200, 32)
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((32, 32)))[0]
    plain = frechet_distance_of_rows(seed, Reference.of(moments(real)))
    turned = frechet_distance_of_rows(seed @ turn, Reference.of(moments(real @ turn)))
    assert defined(plain) == pytest.approx(defined(turned), rel=1e-10)


def test_dimensions_that_never_vary_do_no_harm() -> None:
    seed, real = features(15, 100, 16), features(16, 100, 16)
    wide = [np.hstack([rows, np.full((100, 3), 2.0)]) for rows in (seed, real)]
    plain = frechet_distance_of_rows(seed, Reference.of(moments(real)))
    assert defined(frechet_distance_of_rows(wide[0], Reference.of(moments(wide[1])))) == pytest.approx(
        defined(plain), rel=1e-10
    )


@pytest.mark.parametrize("rows", [np.empty((0, 4)), np.ones((1, 4)), np.array([[0, 1, 2, np.nan]] * 3)])
def test_undefined_is_none(rows: Array) -> None:
    reference = Reference.of(moments(features(17, 20, 4)))
    assert frechet_distance_of_rows(rows, reference) is None
    assert frechet_distance(moments(rows), reference) is None
    assert frechet_distance(moments(np.full((30, 4), np.inf)), reference) is None


def test_identical_images_have_a_distance() -> None:
    reference = Reference.of(moments(features(18, 50, 4)))
    rows = np.tile(reference.mean, (5, 1))
    assert defined(frechet_distance_of_rows(rows, reference)) == pytest.approx(reference.trace, rel=1e-12)


def test_references_and_dimensions_are_checked() -> None:
    with pytest.raises(ValueError, match=r"has 1 image\(s\)"):
        Reference.of(moments(np.ones((1, 4))))
    with pytest.raises(ValueError, match="not finite"):
        Reference.of(moments(np.full((3, 4), np.nan)))
    reference = Reference.of(moments(features(19, 50, 4)))
    with pytest.raises(ValueError, match="5 dimensions, the reference 4"):
        frechet_distance(moments(np.ones((3, 5))), reference)
    with pytest.raises(ValueError, match="reference has 4 dimensions"):
        frechet_distance_of_rows(np.ones((3, 5)), reference)
