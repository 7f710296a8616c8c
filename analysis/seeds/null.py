"""What chance alone does: the best, the worst and the spread of seeds whose images were shuffled between seeds.

A best and a worst of many seeds always differ, even where no seed matters. Within a prompt the images of seeds that do
not matter are exchangeable, so that shuffling them within each prompt shows what to expect of them.
Source: Phipson, Smyth (2010), "Permutation P-values Should Never Be Zero", for the p-value (b + 1) / (m + 1); Good (2005),
"Permutation, Parametric and Bootstrap Tests of Hypotheses", for permutation within blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.frechet import Reference, distance_of_centred, distance_of_parts
from seedscope.analysis.seeds.moments import Array

Measure = Callable[[npt.NDArray[np.intp]], Array]
"""(S,) distances of the seeds whose images are the columns of the given cells (P, S), indices into all images."""

LARGEST_GRAM = 4096
"""Images up to which two Gram matrices are kept (134 MB each): shuffles then cost milliseconds."""


@dataclass(frozen=True, eq=False)
class Spread:
    """The smallest, the largest and the standard deviation of the seeds' distances: floats, or (B,) over B shuffles."""

    best: Array
    worst: Array
    deviation: Array


@dataclass(frozen=True, eq=False)
class ShuffleNull:
    """observed: of the seeds as they are (0-d arrays). chance: of B shuffles (B,). p_value: in [1 / (B + 1), 1].

    The p-value is for "the seeds do not differ at all": the share of shuffles whose standard deviation over seeds is at
    least the observed one, the observed one counted in.
    """

    observed: Spread
    chance: Spread
    p_value: float


def shuffle_null(
    features: npt.ArrayLike, reference: Reference, rng: np.random.Generator, shuffles: int = 200
) -> ShuffleNull:
    """Shuffle images between seeds within each prompt; features (P, S, D), a complete finite grid, P >= 2, S >= 2.

    Raises ValueError for another shape, for features that are not finite (leave out prompts with a failed cell first), or
    for fewer than 1 shuffle.
    """
    grid = np.asarray(features, dtype=np.float64)
    if grid.ndim != 3 or grid.shape[0] < 2 or grid.shape[1] < 2 or shuffles < 1:
        raise ValueError(f"features of shape {grid.shape} and {shuffles} shuffles: need (P >= 2, S >= 2, D) and >= 1")
    if not np.isfinite(grid).all():
        raise ValueError("a shuffle needs a complete grid: leave out prompts with a failed cell first")
    prompts, seeds, dimensions = grid.shape
    centred = reference.centre(grid.reshape(-1, dimensions))
    projected = centred @ reference.factor
    cells = np.arange(prompts * seeds).reshape(prompts, seeds)
    small = prompts <= projected.shape[1] and prompts * seeds <= LARGEST_GRAM
    measure = _from_grams(centred, projected, reference) if small else _from_rows(centred, projected, reference)

    observed = measure(cells)
    chance = np.array([measure(rng.permuted(cells, axis=1)) for _ in range(shuffles)])
    beyond = (chance.std(axis=1) >= observed.std() * (1 - 1e-9)).sum()
    return ShuffleNull(_spread(observed), _spread(chance), float((beyond + 1) / (shuffles + 1)))


def _from_rows(centred: Array, projected: Array, reference: Reference) -> Measure:
    """Measures each seed from its rows."""

    def measure(cells: npt.NDArray[np.intp]) -> Array:
        return np.array([distance_of_centred(centred[rows], projected[rows], reference) for rows in cells.T])

    return measure


def _from_grams(centred: Array, projected: Array, reference: Reference) -> Measure:
    """Measures all seeds at once from blocks of two Gram matrices of all images, for seeds of no more than r images."""
    gram, inner = projected @ projected.T, centred @ centred.T
    lengths = np.diagonal(inner)

    def measure(cells: npt.NDArray[np.intp]) -> Array:
        rows = cells.T
        n = rows.shape[1]
        block = gram[rows[:, :, None], rows[:, None, :]]
        block -= block.mean(axis=1, keepdims=True)
        block -= block.mean(axis=2, keepdims=True)
        # The smallest eigenvalue is the direction that centring removed.
        eigenvalues = np.linalg.eigvalsh(block)[:, 1:]
        root = np.sqrt(np.clip(eigenvalues, 0.0, None)).sum(axis=1)
        gap = inner[rows[:, :, None], rows[:, None, :]].mean(axis=(1, 2))
        return distance_of_parts(gap, lengths[rows].sum(axis=1) - n * gap, root, n, reference)

    return measure


def _spread(distances: Array) -> Spread:
    return Spread(distances.min(axis=-1), distances.max(axis=-1), distances.std(axis=-1))
