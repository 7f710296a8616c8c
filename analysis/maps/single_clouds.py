"""Clouds of seeds without clusters that are as skewed, as flat and as long-tailed as the seeds that were measured.

Where seeds differ by degrees, they need not do so normally: most may be alike and some far out, or all may be spread evenly.
k-means cuts such a cloud better than a normal one, so that its clusters have to be held against a cloud of that shape.
Each component of a cloud is drawn from Pearson's curve with the skewness and the kurtosis of that component, which is normal,
uniform, exponential or Student's t where these are, and anything between; of many draws those are taken whose own skewness
and kurtosis are nearest to the component's. A curve that is highest at both ends is a single cloud no more: the flattest one
of that skewness takes its place, and of its draws no kurtosis is wanted that less than a tenth of them fall below, so that two
clusters do not become their own chance.
Of single clouds of 32 seeds in two components, clusters are declared in 3 to 6 % (normal, exponential, Student's t of 5
degrees of freedom) and in 8 % (uniform); against normal clouds in 6, 63, 6 and 22 %. Of 64 in three it is 3 to 5 % and
9 %. Two clusters are found in 92 % where they are five standard deviations apart, and in 98 % where they are six (98 and
100 %).
Components are drawn as if they had nothing to do with each other. Where they are mixtures of skewed ones, more is declared: 9
and 21 % of exponential clouds, each in its own principal components (65 and 88 % against normal clouds).
Source: Pearson (1895, 1916), "Contributions to the Mathematical Theory of Evolution", as Stuart, Ord (1994), "Kendall's
Advanced Theory of Statistics" I, sections 6.2-6.12; for simulated clouds as the null of clusters, Liu et al. (2008), JASA 103,
1281-1293 (SigClust).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

DRAWS = 20
"""So many draws of a component, of which the nearest one is taken."""
LEAST_KURTOSIS = 0.1
"""Quantile of the kurtosis of draws below which none is wanted."""
FAR, CELLS = 20.0, 8_000
"""Standard deviations at which a curve without end is cut off, and the steps in which it is summed."""
Array = npt.NDArray[np.float64]


def single_clouds(points: Array, rng: np.random.Generator, clouds: int) -> Array:
    """Clouds (B, S, c) like the points (S, c), components being independent. Raises ValueError for a component that is flat."""
    if np.ptp(points, axis=0).min() == 0:
        raise ValueError("all points are the same in a component: it has no shape")
    return np.stack([_drawn_like(component, rng, clouds) for component in points.T], axis=2)


def _drawn_like(component: Array, rng: np.random.Generator, clouds: int) -> Array:
    """(B, S) draws with the mean, the standard deviation and about the skewness and kurtosis of a component (S,)."""
    mean, spread = component.mean(), component.std()
    wanted = _shape((component - mean) / spread)
    drawn = _pearson(float(wanted[0]), float(np.exp(wanted[1])), rng.random((DRAWS * clouds, len(component))))
    drawn = (drawn - drawn.mean(axis=1, keepdims=True)) / drawn.std(axis=1, keepdims=True)
    shapes = _shape(drawn)
    wanted[1] = max(wanted[1], np.quantile(shapes[1], LEAST_KURTOSIS))
    far = (shapes - wanted[:, None]) / shapes.std(axis=1, keepdims=True)
    nearest = rng.permutation(np.argsort((far**2).sum(axis=0), kind="stable")[:clouds])
    return np.asarray(mean + spread * drawn[nearest])


def _shape(standardised: Array) -> Array:
    """Skewness and the logarithm of the kurtosis (2, ...), of values (..., S) with mean 0 and variance 1.

    The logarithm, since the kurtosis of long tails spreads over orders of magnitude.
    """
    return np.stack([(standardised**3).mean(axis=-1), np.log((standardised**4).mean(axis=-1))])


def _pearson(skewness: float, kurtosis: float, uniform: Array) -> Array:
    """Values, with mean 0 and variance 1, below which Pearson's curve has the shares `uniform` (...), each in 0..1.

    d log f / dx = -(d x + b) / (a + b x + c x^2), between the roots of the denominator around 0. d < 0 would make the
    extremum of the curve, at -b / d, its lowest point, which the least kurtosis, 1.8 + 1.2 skewness^2, leaves out.
    """
    kurtosis = max(kurtosis, 1.8 + 1.2 * skewness**2)
    d = 10 * kurtosis - 12 * skewness**2 - 18
    a, b, c = 4 * kurtosis - 3 * skewness**2, skewness * (kurtosis + 3), 2 * kurtosis - 3 * skewness**2 - 6
    roots = np.roots([c, b, a])
    ends = np.concatenate([roots[np.isreal(roots)].real, [-FAR, FAR]])
    edges = np.linspace(ends[ends < 0].max(), ends[ends > 0].min(), CELLS + 1)
    inner = edges[1:-1]
    slope = -(d * inner + b) / (a + b * inner + c * inner**2)
    log_density = np.concatenate([[0.0], np.cumsum(slope) * (edges[1] - edges[0])])
    share = np.concatenate([[0.0], np.cumsum(np.exp(log_density - log_density.max()))])
    return np.asarray(np.interp(uniform, share / share[-1], edges))
