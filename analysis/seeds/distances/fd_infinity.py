"""The Frechet distance that a seed would have with endlessly many images, extrapolated from its distances at several n.

The distance of n images lies above its limit by about c / n, and c differs between seeds. A line through the distances
over 1 / n is followed to 1 / n = 0. The reference set keeps its size, and so its own share of the bias, the same for all seeds.

Source: Chong, Forsyth (2020), "Effectively Unbiased FID and Inception Score", arXiv 1911.07023, section 4 (line through 15
distances, n evenly from 5,000 to 50,000 in their code, mchong6/FID_IS_infinity: `PUBLISHED`).
Deviation: where several disjoint subsets of one size fit into the images, their distances are averaged; with published
fractions that lowers the spread by a fifth or more. Images are not Sobol draws: their noise is the seed's. By default there
are two sizes, all and halves: 15 sizes down to a tenth leave a bias several times as large in the simulations below.

When to trust it: the law c / n holds from about 2 images a dimension in the *smallest* subset on (`trustworthy`). Simulated
with normal features, default fractions, seeds of 4 / 8 / 16 images a dimension:
                                    64 equal dimensions (the worst case)    32 dimensions, variances 1, 1/2, 1/3 ...
    bias of the plain distance      +4.53 / +2.20 / +1.11                   +0.214 / +0.106 / +0.052
    bias of the limit               -0.33 / -0.08 / -0.002                  -0.014 / -0.003 / -0.001
    standard error, jackknife       0.35 / 0.19 / 0.11                      0.051 / 0.030 / 0.018
    standard error, true            0.24 / 0.16 / 0.10                      0.043 / 0.025 / 0.016
With fewer images than dimensions the limit is closer than the plain distance, but it keeps a quarter to a half of the bias:
read no size off it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.distances.frechet import Reference
from seedscope.analysis.seeds.distances.jackknife import Jackknife, jackknife
from seedscope.analysis.seeds.distances.moments import Array

Sizes = npt.NDArray[np.intp]

HALVES = (0.5, 1.0)
PUBLISHED = tuple(float(fraction) for fraction in np.linspace(0.1, 1.0, 15))


@dataclass(frozen=True, eq=False)
class Extrapolation:
    """A line through distances over 1 / n.

    limit: its value at 1 / n = 0 (may be below 0) and the prompts' share in its error; estimate None where undefined.
    slope: its slope, NaN where undefined: the plain distance of n images is too large by about slope / n.
    sizes: (K,) ascending numbers of images. distances: (K,) float64, mean distance of the disjoint subsets of each size.
    trustworthy: there are `enough_images`.
    """

    limit: Jackknife
    slope: float
    sizes: Sizes
    distances: Array
    trustworthy: bool


def fd_infinity(
    features: npt.ArrayLike,
    clusters: npt.ArrayLike,
    reference: Reference,
    rng: np.random.Generator,
    fractions: Sequence[float] = HALVES,
) -> Extrapolation:
    """Extrapolate the distance of features (n, D) whose rows belong to the prompts `clusters` (n,).

    Args:
        rng: draws the subsets, without repetition (`jackknife` says why); the same state gives the same result.
        fractions: sizes of the subsets over n, in (0, 1].

    The limit is a weighted sum of distances of fixed subsets: an image's influence is the same sum of its leave-one-out
    influences there. Influences of a cluster's images are added, which is a delete-a-group jackknife to first order.
    Subsets are of images, whatever their cluster: the limit is for endlessly many images that differ as these do among
    themselves. What few clusters of like images add to the distance stays in it.
    Undefined: a feature is not finite, or the sizes come to fewer than two different ones, or to one below 3.
    Raises ValueError where lengths or dimensions differ, or for fractions outside (0, 1].
    """
    rows = np.asarray(features)
    labels, member = np.unique(np.asarray(clusters), return_inverse=True)
    if len(member) != len(rows):
        raise ValueError(f"{len(rows)} rows of features, but {len(member)} cluster labels")
    if not all(0.0 < fraction <= 1.0 for fraction in fractions):
        raise ValueError(f"fractions {tuple(fractions)}: each must lie in (0, 1]")
    finite = bool(np.isfinite(reference.centre(rows)).all())
    n, groups = len(rows), len(labels)
    sizes = subset_sizes(n, fractions)
    trustworthy = enough_images(sizes, reference)
    if not finite or not make_a_line(sizes):
        undefined = Jackknife(None, n, labels, np.full(groups, np.nan))
        return Extrapolation(undefined, float("nan"), sizes, np.full(len(sizes), np.nan), trustworthy)

    slope, intercept = line(1.0 / sizes)
    distances, influence = np.empty(len(sizes)), np.zeros(n)
    for k, parts in enumerate(subsets(n, sizes, rng)):
        distances[k], of_image = _mean_distance(rows, parts, reference)
        influence += intercept[k] * of_image
    correction = np.sqrt(groups * (n - 1) / ((groups - 1) * n)) if groups > 1 else np.nan
    by_cluster = np.asarray(np.bincount(member, influence, groups) * correction, dtype=np.float64)
    limit = Jackknife(float(intercept @ distances), n, labels, by_cluster)
    return Extrapolation(limit, float(slope @ distances), sizes, distances, trustworthy)


def subset_sizes(n: int, fractions: Sequence[float] = HALVES) -> Sizes:
    """(K,) ascending distinct numbers of images that are these fractions of n."""
    return np.unique(np.rint(np.asarray(fractions, dtype=np.float64) * n).astype(np.intp))


def make_a_line(sizes: Sizes) -> bool:
    """Whether a limit is defined: two sizes or more, none below 3 images."""
    return bool(len(sizes) >= 2 and sizes[0] >= 3)


def enough_images(sizes: Sizes, reference: Reference) -> bool:
    """Whether the smallest subset has at least 2 images for each dimension in which the reference varies."""
    return bool(len(sizes) and sizes[0] >= 2 * reference.factor.shape[1])


def subsets(n: int, sizes: Sizes, rng: np.random.Generator) -> Iterator[npt.NDArray[np.intp]]:
    """For each size, as many disjoint subsets of n images as fit: (subsets, size) indices."""
    for size in sizes.tolist():
        parts = n // size
        yield rng.permutation(n)[: parts * size].reshape(parts, size)


def line(x: Array) -> tuple[Array, Array]:
    """Weights (K,) that make slope and intercept of the least-squares line out of the values at x (K,)."""
    around = x - x.mean()
    slope = around / (around @ around)
    return slope, 1.0 / len(x) - x.mean() * slope


def _mean_distance(
    rows: npt.NDArray[np.generic], parts: npt.NDArray[np.intp], reference: Reference
) -> tuple[float, Array]:
    """Mean distance of the disjoint subsets `parts` (subsets, size) of rows, and the influence (n,) of each row on it."""
    distance, influence = 0.0, np.zeros(len(rows))
    for part in parts:
        found = jackknife(rows[part], np.arange(len(part)), reference)
        assert found.estimate is not None  # 3 finite rows or more
        distance += found.estimate / len(parts)
        influence[part] = found.influence / len(parts)
    return distance, influence
