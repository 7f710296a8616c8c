"""Vendi score: how many pictures of different kinds a seed's pictures are worth: 1 where all are the same, n where no two of n
are alike. It compares them with each other alone, not with real ones: noise is diverse.

    exp(- sum p log p),  p the eigenvalues of K / n,  K the cosines of all pairs of pictures

Source: Friedman, Dieng (2023), "The Vendi Score", arXiv 2210.02410, section 3, with cosines as in dgm-eval.
The scores that leave one picture out come from a single eigendecomposition. With x log x the integral of
x / (1 + t) - x / (x + t) over t > 0, and C = sum a a^T of unit rows a, C' that without one,

    tr C log C - tr C' log C' = integral of 1 / (1 + t) - t g(t),  g as in `jackknife.resolvent_gained`

In log t it falls off like e^-|log t|, and the trapezoid rule is as exact as there. Errors come out 1.3 to 1.4 times too wide
(Efron, Stein 1981), in simulations of 24 to 200 pictures, of which test_measures.py keeps a part.
"""

from __future__ import annotations

import numpy as np
from scipy.special import entr

from seedscope.analysis.seeds.distances.base import Distance, Labels, RealFeatures, Rows
from seedscope.analysis.seeds.distances.frechet import one_thread_each
from seedscope.analysis.seeds.distances.jackknife import STEP, Jackknife, resolvent_gained, spectrum_and_leverage
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.distances.neighbours import Places
from seedscope.analysis.seeds.distances.null import (
    LARGEST_GRAM,
    Cells,
    Measure,
    ShuffleNull,
    images_and_cells,
    refuse_incomplete,
    shuffle_null,
)


class Vendi(Distance):
    """The measure `vendi`, 1 to the number of pictures; None where features are not finite, or all zero: no direction."""

    name, better, floor = "vendi", "higher", 1.0

    def __init__(self, real: RealFeatures) -> None:
        self.real_images, self.dimensions = None, real.reference.dimensions

    def of_seed(self, rows: Rows, clusters: Labels) -> Jackknife:
        """With one picture in each cluster one eigendecomposition; larger clusters cost one each."""
        labels, member = np.unique(clusters, return_inverse=True)
        unit = directions(rows)
        if not np.isfinite(unit).all():
            return Jackknife.unknown(None, len(unit), labels)
        with one_thread_each():
            estimate = float(of_gram(smaller_gram(unit), len(unit)))
            if len(labels) < 2:
                return Jackknife.unknown(estimate, len(unit), labels)
            if len(labels) < len(unit):
                left_out = _without_each_cluster(unit, member)
            else:
                left_out = np.empty(len(unit))
                left_out[member] = _without_each_row(unit)
        return Jackknife.of(estimate, len(unit), labels, left_out)

    def null(self, grid: Rows, rng: np.random.Generator, shuffles: int, groups: Labels) -> ShuffleNull:
        images, cells = images_and_cells(grid)
        unit = directions(images)
        refuse_incomplete(unit)
        small = len(cells) <= unit.shape[1] and cells.size <= LARGEST_GRAM
        measure = _from_gram(unit) if small else _from_rows(unit)
        return shuffle_null(measure, cells, rng, shuffles, groups, self.better)

    @classmethod
    def title(cls, feature: str) -> str:  # noqa: ARG003  (for those that a feature defines)
        return "Vendi score"


def directions(rows: Rows) -> Array:
    """Rows (n, D) float64 of length 1; NaN for a row of zeros."""
    own = np.asarray(rows, dtype=np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(own / np.linalg.norm(own, axis=1, keepdims=True), dtype=np.float64)


def smaller_gram(unit: Array) -> Array:
    """Rows (n, D) as the smaller of their two Gram matrices, which have the same non-zero eigenvalues."""
    return unit @ unit.T if unit.shape[0] <= unit.shape[1] else unit.T @ unit


def of_gram(gram: Array, n: int) -> Array:
    """The score of n unit rows from their Gram matrix (..., m, m)."""
    shares = np.clip(np.linalg.eigvalsh(gram) / n, 0.0, None)
    return np.asarray(np.exp(entr(shares).sum(axis=-1)))


def _without_each_cluster(unit: Array, member: Places) -> Array:
    """The G scores that leave one cluster's rows out; unit (n, D), member (n,) in 0 .. G-1."""
    kept = [unit[member != cluster] for cluster in range(int(member.max()) + 1)]
    return np.array([of_gram(smaller_gram(rows), len(rows)) for rows in kept])


def _without_each_row(unit: Array) -> Array:
    """The n scores that leave one row out; unit (n, D), n >= 2."""
    n = len(unit)
    spectrum, leverage = spectrum_and_leverage(unit)
    t, gained = resolvent_gained(spectrum, leverage)
    lost = (1.0 / (1.0 + t) - t * gained) @ t * STEP
    return np.asarray((n - 1) * np.exp((lost - spectrum @ np.log(spectrum)) / (n - 1)))


def _from_gram(unit: Array) -> Measure:
    """Measures all seeds at once from the cosines of all pairs of pictures."""
    gram = unit @ unit.T

    def measure(cells: Cells) -> Array:
        of_seed = cells.T
        return of_gram(gram[of_seed[:, :, None], of_seed[:, None, :]], len(cells))

    return measure


def _from_rows(unit: Array) -> Measure:
    """Measures each seed from its rows."""

    def measure(cells: Cells) -> Array:
        return np.array([of_gram(smaller_gram(unit[of_seed]), len(cells)) for of_seed in cells.T])

    return measure
