"""Means over pairs and seeds are plain means, and their intervals hold for fresh pairs and seeds."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from seedscope.analysis.experiments.negatives.crossed_mean import crossed_mean


def test_where_pairs_alone_differ_it_is_the_t_test_of_their_means() -> None:
    of_pairs = np.array([0.1, 0.4, -0.2, 0.5, 0.3])
    found = crossed_mean(np.repeat(of_pairs[:, None], 6, axis=1), np.arange(5))
    plain = ttest_1samp(of_pairs, 0.0)
    lo, hi = plain.confidence_interval(0.95)
    assert (found.mean, found.lo, found.hi, found.p) == pytest.approx((of_pairs.mean(), lo, hi, plain.pvalue))


def test_order_and_missing_cells_do_not_matter() -> None:
    rng = np.random.default_rng(1)
    values = rng.standard_normal((3, 6, 5))
    groups = np.array(["a", "a", "b", "c", "d", "d"])
    order = rng.permutation(6)
    one, other = crossed_mean(values, groups), crossed_mean(values[:, order][..., ::-1], groups[order])
    np.testing.assert_allclose(one.lo, other.lo)
    gone = values.copy()
    gone[:, :2] = np.nan
    np.testing.assert_allclose(crossed_mean(gone, groups).hi, crossed_mean(values[:, 2:], groups[2:]).hi)
    gone[0] = np.nan
    assert np.isnan(crossed_mean(gone, groups).mean).tolist() == [True, False, False]


def test_one_group_or_one_seed_tells_no_interval_and_nothing_is_zero() -> None:
    rng = np.random.default_rng(2)
    for shape, groups in (((4, 5), ["a"] * 4), ((4, 1), list("abcd"))):
        found = crossed_mean(rng.standard_normal(shape), groups)
        assert np.isfinite(found.mean) and np.isnan(found.lo) and np.isnan(found.p)
    nothing = crossed_mean(np.zeros((4, 5)), list("abcd"))
    assert (nothing.mean, nothing.lo, nothing.hi, nothing.p) == (0, 0, 0, 1)


@pytest.mark.parametrize(("pairs", "seeds"), [(1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.0, 0.0)])
def test_intervals_cover_nothing_and_find_what_is_there(pairs: float, seeds: float) -> None:
    rng = np.random.default_rng(3)
    parts = (pairs * rng.standard_normal((1500, 6, 1)), seeds * rng.standard_normal((1500, 1, 8)))
    values = sum(parts) + 0.5 * rng.standard_normal((1500, 6, 8))
    found = crossed_mean(values, np.arange(6))
    assert 0.92 <= ((found.lo < 0) & (found.hi > 0)).mean() <= 0.985
    assert (crossed_mean(values + 4, np.arange(6)).p < 0.05).all()
