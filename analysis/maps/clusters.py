"""Clusters of seeds, where there are any: apart from each other more than chance makes a single cloud look."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.maps.single_clouds import single_clouds

MOST = 10
SMALLEST = 3
FEWEST_SEEDS = 8
CLOUDS = 39
LEVEL = 0.05
Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Clusters:
    """Which seed belongs to which cluster.

    labels: (S,) from 1, the largest cluster first; 0 throughout where there are no clusters.
    silhouettes: (S,) in -1 .. 1, of the best partition, taken or not. Empty where none was tried.
    p_value: for "one cloud, without clusters", counted over so many `clouds`; None where none was tried.
    """

    labels: npt.NDArray[np.int64]
    silhouettes: Array
    p_value: float | None
    clouds: int

    @property
    def count(self) -> int:
        return int(self.labels.max(initial=0))

    @property
    def silhouette(self) -> float | None:
        """Mean of the silhouettes; None where no partition was tried."""
        return float(self.silhouettes.mean()) if len(self.silhouettes) else None


def find_clusters(points: Array, rng: np.random.Generator, clouds: int = CLOUDS) -> Clusters:
    """Clusters of points (S, c), principal components with variances that differ; none for c = 0 or S < 8.

    k-means for k = 2 to 10 (at least four seeds a cluster on average, three in the smallest); the k with the largest mean
    silhouette. Clusters count as there where that silhouette is among the largest 5 % of `single_clouds` of as many points,
    treated the same way: k-means cuts any cloud, and its silhouette is never 0.

    Source: Rousseeuw (1987), J. Computational and Applied Mathematics 20, 53-65 (silhouette, and k by it); for the null,
    Liu et al. (2008), JASA 103, 1281-1293 (SigClust). Deviations: their statistic is the 2-means index, for two clusters;
    their cloud is normal, and cuts an exponential one in most cases.
    """
    count, width = points.shape
    labels = np.zeros(count, np.int64)
    if width == 0 or count < FEWEST_SEEDS:
        return Clusters(labels, np.empty(0), None, clouds)
    state = int(rng.integers(2**31))
    partition, silhouettes = _best_partition(points, state)
    if not len(silhouettes):
        return Clusters(labels, silhouettes, None, clouds)
    chance = [_best_partition(cloud, state)[1] for cloud in single_clouds(points, rng, clouds)]
    beyond = sum(len(cloud) > 0 and cloud.mean() >= silhouettes.mean() for cloud in chance)
    p_value = float((beyond + 1) / (clouds + 1))
    return Clusters(_by_size(partition) if p_value <= LEVEL else labels, silhouettes, p_value, clouds)


def central(points: Array, members: npt.NDArray[np.bool_], most: int) -> list[int]:
    """The members (S,) nearest to their mean, nearest first: those that show best what a cluster is."""
    at = np.flatnonzero(members)
    far = np.linalg.norm(points[at] - points[at].mean(axis=0), axis=1)
    return [int(at[i]) for i in np.argsort(far, kind="stable")[:most]]


def _best_partition(points: Array, state: int) -> tuple[npt.NDArray[np.int64], Array]:
    """Labels and silhouettes of the k with the largest mean silhouette; empty where every k leaves a cluster too small."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_samples

    best: tuple[npt.NDArray[np.int64], Array] = (np.empty(0, np.int64), np.empty(0))
    for k in range(2, min(MOST, len(points) // 4) + 1):
        labels = KMeans(k, n_init=5, random_state=state).fit_predict(points)
        if np.bincount(labels, minlength=k).min() < SMALLEST:
            continue
        silhouettes = silhouette_samples(points, labels)
        if not len(best[1]) or silhouettes.mean() > best[1].mean():
            best = (labels, silhouettes)
    return best


def _by_size(labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The same clusters numbered from 1, the largest first; of two as large, the one with the first seed."""
    names, first, sizes = np.unique(labels, return_index=True, return_counts=True)
    order = sorted(range(len(names)), key=lambda i: (-sizes[i], first[i]))
    number = {int(names[i]): place for place, i in enumerate(order, 1)}
    return np.array([number[int(label)] for label in labels], np.int64)
