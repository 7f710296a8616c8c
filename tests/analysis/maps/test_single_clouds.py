"""Single clouds: curves with the moments that were asked for, those of well-known distributions, and never two humps."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import expon, kstest, kurtosis, norm, skew, t, uniform

from seedscope.analysis.maps.single_clouds import _pearson, single_clouds


def rng() -> np.random.Generator:
    return np.random.default_rng(11)


@pytest.mark.parametrize(
    ("skewness", "kurt", "known"),
    [
        (0.0, 3.0, norm().cdf),
        (0.0, 1.8, uniform(-np.sqrt(3), 2 * np.sqrt(3)).cdf),
        (2.0, 9.0, expon(-1).cdf),
        (0.0, 6.0, t(6, scale=np.sqrt(4 / 6)).cdf),
    ],
)
def test_curves_are_the_distributions_that_have_these_moments(
    skewness: float, kurt: float, known: Callable[[np.ndarray], np.ndarray]
) -> None:
    drawn = _pearson(skewness, kurt, (np.arange(20_000) + 0.5) / 20_000)
    assert kstest(drawn, known).statistic < 0.01


@pytest.mark.parametrize(("skewness", "kurt"), [(0.0, 2.2), (0.7, 3.2), (-1.5, 5.0), (1.0, 4.5), (-0.5, 4.0)])
def test_curves_have_the_moments_that_were_asked_for(skewness: float, kurt: float) -> None:
    drawn = _pearson(skewness, kurt, (np.arange(200_000) + 0.5) / 200_000)
    assert drawn.mean() == pytest.approx(0, abs=0.02) and drawn.std() == pytest.approx(1, abs=0.02)
    assert skew(drawn) == pytest.approx(skewness, abs=0.05) and kurtosis(drawn) + 3 == pytest.approx(kurt, rel=0.05)


@pytest.mark.parametrize(("skewness", "kurt"), [(0.0, 1.0), (0.0, 1.5), (1.0, 2.1), (-1.5, 3.3)])
def test_no_curve_is_highest_at_both_ends(skewness: float, kurt: float) -> None:
    """Two groups have a kurtosis of as little as 1 + skewness^2; the curve in their place rises and falls at most once."""
    counts, _ = np.histogram(_pearson(skewness, kurt, (np.arange(100_000) + 0.5) / 100_000), bins=20)
    rising = np.diff(counts) > 0.02 * counts.max()
    falling = np.diff(counts) < -0.02 * counts.max()
    assert not rising.any() or not falling[: np.flatnonzero(rising).max()].any()


def test_a_cloud_has_the_shape_of_each_component_and_nothing_else() -> None:
    points = np.stack([rng().exponential(size=48), 3 * rng().uniform(size=48), rng().normal(size=48)], axis=1)
    clouds = single_clouds(points, rng(), 39)
    assert clouds.shape == (39, 48, 3)
    np.testing.assert_allclose(clouds.mean(axis=1), np.tile(points.mean(axis=0), (39, 1)), atol=1e-9)
    np.testing.assert_allclose(clouds.std(axis=1), np.tile(points.std(axis=0), (39, 1)), rtol=1e-9)
    np.testing.assert_allclose(skew(clouds, axis=1).mean(axis=0), skew(points, axis=0), atol=0.15)
    np.testing.assert_allclose(kurtosis(clouds, axis=1).mean(axis=0), kurtosis(points, axis=0), atol=0.6)
    together = np.array([np.corrcoef(cloud.T)[np.triu_indices(3, 1)] for cloud in clouds])
    assert np.abs(together.mean(axis=0)).max() < 0.1
    np.testing.assert_array_equal(clouds, single_clouds(points, rng(), 39))


def test_a_component_without_any_difference_is_refused() -> None:
    with pytest.raises(ValueError, match="has no shape"):
        single_clouds(np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]]), rng(), 5)
