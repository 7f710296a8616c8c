"""Kernel distances between a seed's images and a reference set: the squared maximum mean discrepancy (MMD).

    mean k(x, x') - 2 mean k(x, y) + mean k(y, y')        x, x' of the seed, y, y' of the reference

The mean of k(x, y) over the reference is one number for each image, its witness: the costly part, and done once. Pairs of
images of one seed that lie in different shards meet only when the shards are merged, so a state keeps its images' rows.

Source: Gretton et al. (2012), "A Kernel Two-Sample Test", JMLR 13, eq. 3 (unbiased) and eq. 5 (biased). The reference set is
taken as given: errors are those of the seed's images.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.distances.jackknife import Jackknife
from seedscope.analysis.seeds.distances.moments import Array

BLOCK = 1024
"""Rows of one side of a block of kernel values: 8 MB of them, beside two blocks of rows."""


@dataclass(frozen=True)
class Kernel:
    """A kernel of inner products and how its discrepancy is taken. The instances are `kid.KID` and those of `cmmd`.

    name: of the distance.
    of_products: inner products (any shape), dimensions D -> kernel values of the same shape; it may overwrite its input. A
        constant may be left out of k: it drops out of every discrepancy.
    unit_length: rows are divided by their length first; a row of zeros, or one too long to measure, becomes NaN.
    unbiased: pairs of an image with itself are left out (the distance may then be below 0) or kept (it may not).
    scale: factor of the reported distance.
    """

    name: str
    of_products: Callable[[Array, int], Array]
    unit_length: bool = False
    unbiased: bool = True
    scale: float = 1.0

    @property
    def fewest(self) -> int:
        """Images below which a mean over pairs is undefined."""
        return 2 if self.unbiased else 1

    def prepare(self, features: npt.NDArray[np.generic]) -> Array:
        """Features (n, D) as float64 rows whose inner products the kernel takes."""
        rows = np.asarray(features, dtype=np.float64)
        if not self.unit_length:
            return rows
        with np.errstate(invalid="ignore", over="ignore"):
            lengths = np.linalg.norm(rows, axis=1, keepdims=True)
            return np.asarray(rows / np.where(np.isinf(lengths), np.nan, lengths), dtype=np.float64)

    def values(self, a: Array, b: Array) -> Array:
        """Kernel values (n, m) of prepared rows (n, D) and (m, D)."""
        with np.errstate(invalid="ignore", over="ignore"):
            return self.of_products(a @ b.T, a.shape[1])


@dataclass(frozen=True, eq=False)
class KernelReference:
    """The reference set, prepared once for all seeds.

    features: (m, D), as given; they are turned to float64 a block at a time.
    within: mean of k(y, y') over pairs of reference images, with or without y = y' as the kernel says.
    """

    kernel: Kernel
    features: npt.NDArray[np.generic]
    within: float

    @classmethod
    def of(cls, features: npt.ArrayLike, kernel: Kernel) -> KernelReference:
        """Prepare a reference from its features (m, D): O(m^2 D), memory for a few blocks beside the features.

        Raises ValueError where it has too few images, or one with features that are not finite or, for a kernel of unit
        lengths, all zero.
        """
        rows = np.asarray(features)
        if rows.ndim != 2 or len(rows) < kernel.fewest:
            raise ValueError(
                f"reference features have shape {rows.shape}; {kernel.name} needs {kernel.fewest} rows or more"
            )
        if not all(np.isfinite(kernel.prepare(block)).all() for block in _blocks(rows)):
            raise ValueError(
                "the reference set has features that are not finite, or a row of zeros that has no direction"
            )
        return cls(kernel, rows, _mean_of_pairs(rows, kernel))

    @property
    def dimensions(self) -> int:
        return int(self.features.shape[1])

    def witness(self, features: npt.ArrayLike) -> Array:
        """(n,) float64, mean of k(x_i, y) over the reference for features (n, D); NaN where a row is not finite.

        O(n m D) time. An image's value depends on no other image. Raises ValueError where D is not the reference's.
        """
        rows = np.asarray(features)
        if rows.ndim != 2 or rows.shape[1] != self.dimensions:
            raise ValueError(f"features have shape {rows.shape}; the reference has {self.dimensions} dimensions")
        total = np.zeros(len(rows))
        for start, block in zip(range(0, len(rows), BLOCK), _blocks(rows), strict=True):
            images = self.kernel.prepare(block)
            for others in _blocks(self.features):
                total[start : start + BLOCK] += self.kernel.values(images, self.kernel.prepare(others)).sum(axis=1)
        return np.asarray(total / len(self.features))


@dataclass(frozen=True, eq=False)
class KernelState:
    """Images of one seed. Merging concatenates, so any sharding gives the same distance up to rounding.

    features: (n, D), as given. clusters: (n,) labels of the images' prompts or prompt groups. witness: (n,) float64.
    """

    features: npt.NDArray[np.generic]
    clusters: npt.NDArray[np.generic]
    witness: Array


def kernel_state(features: npt.ArrayLike, clusters: npt.ArrayLike, reference: KernelReference) -> KernelState:
    """State of features (n, D) whose rows belong to the prompts `clusters` (n,). Raises ValueError where lengths differ."""
    rows, labels = np.asarray(features), np.asarray(clusters)
    if labels.shape != rows.shape[:1]:
        raise ValueError(f"{len(rows)} rows of features, but {len(labels)} cluster labels")
    return KernelState(rows, labels, reference.witness(rows))


def merge(a: KernelState, b: KernelState) -> KernelState:
    """State of the images of `a` and `b` together. Raises ValueError where the dimensions differ."""
    if a.features.shape[1] != b.features.shape[1]:
        raise ValueError(f"states of {a.features.shape[1]} and of {b.features.shape[1]} dimensions cannot be merged")
    if not len(a.features) or not len(b.features):
        return a if len(a.features) else b
    return KernelState(
        np.concatenate([a.features, b.features]),
        np.concatenate([a.clusters, b.clusters]),
        np.concatenate([a.witness, b.witness]),
    )


def kernel_jackknife(state: KernelState, reference: KernelReference) -> Jackknife:
    """Distance of a seed's images and the influence of each cluster: all leave-one-cluster-out distances from one pass.

    The estimate is None where there are fewer images than the kernel needs, or a feature is not finite (or overflows).
    O(n^2 D) time, 32 MB beside the rows.

    Source: Shao, Tu (1995), "The Jackknife and Bootstrap", section 2.3 (delete-a-group); the sums without a group follow
    by subtraction. Where a distance or difference is near 0 it is quadratic in the images, and the errors come out up to the
    root of 2 too wide (Efron, Stein 1981): in test_kernel.py 1.2 to 1.4 times for CMMD, 1.0 to 1.2 for KID.
    """
    kernel, n = reference.kernel, len(state.features)
    labels, member, sizes = np.unique(state.clusters, return_inverse=True, return_counts=True)
    groups, unknown = len(labels), np.full(len(labels), np.nan)
    rows = kernel.prepare(state.features)
    if n < kernel.fewest or not np.isfinite(rows).all():
        return Jackknife(None, n, labels, unknown)
    each = np.stack([*_pair_sums(rows, member, kernel), state.witness])
    if not np.isfinite(each).all():
        return Jackknife(None, n, labels, unknown)
    pairs, same, itself, witness = (np.bincount(member, weights, groups) for weights in each)
    estimate = float(discrepancy(pairs.sum(), itself.sum(), witness.sum(), n, reference))
    if groups < 2 or n - sizes.max() < kernel.fewest:
        return Jackknife(estimate, n, labels, unknown)
    left_out = discrepancy(
        pairs.sum() - 2.0 * pairs + same,
        itself.sum() - itself,
        witness.sum() - witness,
        n - sizes,
        reference,
    )
    influence = -np.sqrt((groups - 1) / groups) * (left_out - left_out.mean())
    return Jackknife(estimate, n, labels, influence)


def discrepancy(
    pairs: npt.ArrayLike, itself: npt.ArrayLike, witness: npt.ArrayLike, n: npt.ArrayLike, reference: KernelReference
) -> Array:
    """The distance from sums over n images: k of all n^2 pairs, k of each with itself, and witnesses; any one shape."""
    kernel, count = reference.kernel, np.asarray(n, dtype=np.float64)
    if kernel.unbiased:
        within = (np.asarray(pairs) - np.asarray(itself)) / (count * (count - 1))
    else:
        within = np.asarray(pairs) / count**2
    return np.asarray(kernel.scale * (within - 2.0 * np.asarray(witness) / count + reference.within), dtype=np.float64)


def _pair_sums(rows: Array, member: npt.NDArray[np.intp], kernel: Kernel) -> tuple[Array, Array, Array]:
    """For each prepared row (n, D): its k summed over all rows, over the rows of its own cluster, and with itself; (n,)."""
    n = len(rows)
    pairs, same, itself = np.empty(n), np.empty(n), np.empty(n)
    step = max(BLOCK**2 // n, 1)
    for start in range(0, n, step):
        some = slice(start, start + step)
        values = kernel.values(rows[some], rows)
        pairs[some] = values.sum(axis=1)
        same[some] = np.where(member[some, None] == member, values, 0.0).sum(axis=1)
        itself[some] = np.diagonal(values, offset=start)
    return pairs, same, itself


def _mean_of_pairs(features: npt.NDArray[np.generic], kernel: Kernel) -> float:
    """Mean of k over the pairs of rows (m, D), each block of pairs taken once."""
    total = itself = 0.0
    starts = range(0, len(features), BLOCK)
    for i in starts:
        block = kernel.prepare(features[i : i + BLOCK])
        for j in starts:
            if j < i:
                continue
            values = kernel.values(block, kernel.prepare(features[j : j + BLOCK]))
            total += float(values.sum()) * (1 if i == j else 2)
            itself += float(np.trace(values)) if i == j else 0.0
    m = len(features)
    return (total - itself) / (m * (m - 1)) if kernel.unbiased else total / m**2


def _blocks(rows: npt.NDArray[np.generic]) -> list[npt.NDArray[np.generic]]:
    return [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
