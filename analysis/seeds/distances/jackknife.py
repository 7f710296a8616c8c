"""What each prompt contributes to a seed's Frechet distance: every leave-one-prompt-out distance.

Why not resample the images: a bootstrap sample repeats rows, and a repeated row adds no direction to the covariance. The
distance then shifts up by several standard deviations, and its spread is wrong as well: in simulations with 24 to 200
images in 64 dimensions the bootstrap's standard error was 1.6 to 2.1 times the true one, the jackknife's 0.98 to 1.13
times (tests/analysis/seeds/distances/test_bootstrap.py keeps a part of them). Leaving a prompt out repeats nothing.

Source: Efron, Stein (1981), "The jackknife estimate of variance", eq. 1.2; for clusters, Shao, Tu (1995), "The Jackknife
and Bootstrap", section 2.3 (delete-a-group).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.distances.frechet import Reference, distance_of_centred, distance_of_parts, root_trace
from seedscope.analysis.seeds.distances.moments import Array

STEP = 0.75
"""Between the nodes of integrals over resolvents, in log t."""


@dataclass(frozen=True, eq=False)
class Jackknife:
    """A seed's Frechet distance, or another measure of all its images, and the prompts' share in its error.

    estimate: the distance; None where it is undefined.
    n: number of images.
    clusters: (G,) sorted distinct labels of prompts or prompt groups.
    influence: (G,) float64, sums to 0 up to rounding; the squared standard error is the sum of its squares.
        NaN throughout where fewer than 2 clusters, or fewer than 3 images, leave no error to estimate.
    """

    estimate: float | None
    n: int
    clusters: npt.NDArray[np.generic]
    influence: Array

    @classmethod
    def of(cls, estimate: float, n: int, clusters: npt.NDArray[np.generic], left_out: Array) -> Jackknife:
        """From the estimates that leave one cluster's images out each (G,), G >= 2."""
        groups = len(clusters)
        return cls(estimate, n, clusters, -np.sqrt((groups - 1) / groups) * (left_out - left_out.mean()))

    @classmethod
    def unknown(cls, estimate: float | None, n: int, clusters: npt.NDArray[np.generic]) -> Jackknife:
        """An estimate whose error is unknown."""
        return cls(estimate, n, clusters, np.full(len(clusters), np.nan))


def jackknife(features: npt.ArrayLike, clusters: npt.ArrayLike, reference: Reference) -> Jackknife:
    """Distance of features (n, D) and the influence of each cluster; `clusters` (n,) labels the rows' prompts.

    With one image in each cluster all n leave-one-out distances come from a single eigendecomposition. Larger clusters
    cost one eigendecomposition each: give coarser labels (a few dozen groups) where there are many.
    Raises ValueError where lengths or dimensions differ.
    """
    rows = np.asarray(features)
    labels, member, sizes = np.unique(np.asarray(clusters), return_inverse=True, return_counts=True)
    if len(member) != len(rows):
        raise ValueError(f"{len(rows)} rows of features, but {len(member)} cluster labels")
    centred = reference.centre(rows)
    groups = len(labels)
    if len(rows) < 2 or not np.isfinite(centred).all():
        return Jackknife.unknown(None, len(rows), labels)
    projected = centred @ reference.factor
    estimate = distance_of_centred(centred, projected, reference)
    if groups < 2 or len(rows) - sizes.max() < 2:
        return Jackknife.unknown(estimate, len(rows), labels)
    if groups == len(rows):
        left_out = np.empty(groups)
        left_out[member] = _without_each_row(centred, projected, reference)
    else:
        left_out = _without_each_cluster(centred, projected, member, reference)
    return Jackknife.of(estimate, len(rows), labels, left_out)


def _without_each_cluster(
    centred: Array, projected: Array, member: npt.NDArray[np.intp], reference: Reference
) -> Array:
    """The G distances that leave one cluster's rows out; rows as in `distance_of_centred`, `member` (n,) in 0 .. G-1."""
    gap, lengths = centred.sum(axis=0), np.einsum("ij,ij->i", centred, centred)
    around = projected - projected.mean(axis=0)
    if around.shape[0] < around.shape[1]:
        # Turned into as many dimensions as there are rows: lengths and angles stay, the work shrinks.
        around = np.asarray(np.linalg.qr(around.T, mode="r"), dtype=np.float64).T
    gram = around.T @ around
    distances = []
    for cluster in range(int(member.max()) + 1):
        out = member == cluster
        n = len(member) - int(out.sum())
        mean = (gap - centred[out].sum(axis=0)) / n
        rest = around[out].sum(axis=0)
        scatter = gram - around[out].T @ around[out] - np.outer(rest, rest) / n
        spread = float(lengths[~out].sum()) - n * float(mean @ mean)
        distances.append(float(distance_of_parts(mean @ mean, spread, root_trace(scatter, n), n, reference)))
    return np.array(distances)


def _without_each_row(centred: Array, projected: Array, reference: Reference) -> Array:
    """The n distances that leave one row out; rows as in `distance_of_centred`, n >= 3."""
    n = len(centred)
    gap = centred.mean(axis=0)
    around = centred - gap
    lengths = np.einsum("ij,ij->i", around, around)
    gaps = gap @ gap - 2.0 * (around @ gap) / (n - 1) + lengths / (n - 1) ** 2
    scatter = lengths.sum() - lengths * n / (n - 1)
    spectrum, leverage = spectrum_and_leverage(projected - projected.mean(axis=0))
    root = np.sqrt(spectrum).sum() - _root_trace_lost(spectrum, leverage * n / (n - 1))
    return distance_of_parts(gaps, scatter, root, n - 1, reference)


def spectrum_and_leverage(around: Array) -> tuple[Array, Array]:
    """Non-zero eigenvalues (m,) of A^T A for A (n, r), and its left singular vectors' squared entries (n, m).

    Directions with less than 1e-12 of the largest eigenvalue are left out: from A^T A they come too inexact for a
    leverage, and they hold less than 1e-6 of the largest root each.
    """
    if around.shape[0] <= around.shape[1]:
        triangle = np.asarray(np.linalg.qr(around.T, mode="r"), dtype=np.float64)
        left, singular, _ = np.linalg.svd(triangle.T)
        spectrum, leverage = singular**2, left**2
    else:
        _, directions = np.linalg.eigh(around.T @ around)
        leverage = (around @ directions) ** 2
        spectrum = leverage.sum(axis=0)
        leverage /= np.maximum(spectrum, np.finfo(np.float64).tiny)
    kept = spectrum > 1e-12 * spectrum.max(initial=0.0)
    return spectrum[kept], leverage[:, kept]


def _root_trace_lost(spectrum: Array, leverage: Array) -> Array:
    """tr C^1/2 - tr (C - a a^T)^1/2 for each row, from C's eigenvalues and the row's a_k^2 / eigenvalue_k (n, m).

    With x^1/2 = 1/pi * integral of t^-1/2 x / (x + t) dt it is 1/pi * integral of t^1/2 g(t) dt, g as in `resolvent_gained`.
    In log t the integrand is analytic in a strip of half-width pi and falls off like e^(-|log t|/2), so that the trapezoid
    rule with step 0.75 is exact to 1e-9, tails included.
    """
    if len(spectrum) == 0:
        return np.zeros(len(leverage))
    t, gained = resolvent_gained(spectrum, leverage)
    return np.asarray(gained @ t**1.5 * (STEP / np.pi))


def resolvent_gained(spectrum: Array, leverage: Array) -> tuple[Array, Array]:
    """Nodes t (T,), evenly spaced in log t by STEP, and tr (C - a a^T + t)^-1 - tr (C + t)^-1 there for each row (n, T).

    By the rank-one formula (Sherman, Morrison) it is q(t) / s(t),  q = a^T (C + t)^-2 a,  s = 1 - a^T (C + t)^-1 a.
    """
    t = np.exp(np.arange(np.log(spectrum.min()) - 40.0, np.log(spectrum.max()) + 40.0, STEP))
    shifted = spectrum[:, None] + t
    q = leverage @ (spectrum[:, None] / shifted**2)
    s = np.clip(1.0 - leverage.sum(axis=1, keepdims=True), 0.0, None) + leverage @ (t / shifted)
    return t, q / s
