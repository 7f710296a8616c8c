"""Whether seeds that are taken for one another begin with noise that is alike where it is coarse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

Matrix = npt.NDArray[np.float64]
COARSE = 4
"""Cells a side of the coarse noise."""


@dataclass(frozen=True)
class Likeness:
    """rho: rank correlation over pairs of seeds. p: of as high a one where seeds' noise is shuffled among them."""

    rho: float
    p: float
    shuffles: int


def coarse_cosines(latents: npt.NDArray[np.float32]) -> Matrix:
    """(S, S) cosines between the means of 4 x 4 blocks of initial latents (S, C, h, w)."""
    found = latents.astype(np.float64)
    for axis in (2, 3):
        size = found.shape[axis]
        count = min(COARSE, size)
        starts = -(-np.arange(count) * size // count)
        lengths = np.diff(np.append(starts, size))
        shape = [1, 1, 1, 1]
        shape[axis] = count
        found = np.add.reduceat(found, starts, axis=axis) / lengths.reshape(shape)
    flat = found.reshape(len(found), -1)
    unit = flat / np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(unit @ unit.T)


def likeness(confused: Matrix, cosines: Matrix, rng: np.random.Generator, shuffles: int = 999) -> Likeness:
    """How the chance that one seed is taken for another goes with the likeness of their noise; both (S, S).

    Source: Mantel 1967, the permutation test of two matrices of distances; Spearman's rank correlation.
    """
    places = np.triu_indices(len(cosines), 1)
    one = _ranks((confused + confused.T)[places])
    ranks = np.zeros_like(cosines)
    ranks[places] = _ranks(cosines[places])
    ranks += ranks.T
    rho = float(np.mean(one * ranks[places]))
    above = 0
    for _ in range(shuffles):
        order = rng.permutation(len(cosines))
        above += float(np.mean(one * ranks[order][:, order][places])) >= rho - 1e-12
    return Likeness(rho, (above + 1) / (shuffles + 1), shuffles)


def _ranks(values: Matrix) -> Matrix:
    """Ranks of mean 0 and variance 1; zeros where all are equal."""
    ranks = rankdata(values)
    spread = ranks.std()
    return np.asarray((ranks - ranks.mean()) / spread if spread else np.zeros_like(ranks))
