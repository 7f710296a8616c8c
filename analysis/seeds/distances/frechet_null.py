"""What chance alone does to Frechet distances: seeds whose images were shuffled between seeds within each prompt or group.

Source: as in `null`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.distances.frechet import Reference, distance_of_centred, distance_of_parts
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.distances.null import (
    LARGEST_GRAM,
    Cells,
    Measure,
    ShuffleNull,
    images_and_cells,
    refuse_incomplete,
    shuffle_null,
)


def frechet_shuffle_null(
    features: npt.ArrayLike,
    reference: Reference,
    rng: np.random.Generator,
    shuffles: int = 200,
    groups: npt.ArrayLike | None = None,
) -> ShuffleNull:
    """Shuffle images between seeds; features (P, S, D), a complete finite grid, P >= 2, S >= 2; `groups` as in `null`.

    Raises ValueError for another shape, for features that are not finite, and as `null.shuffle_null` does.
    """
    rows, cells = images_and_cells(features)
    return shuffle_null(frechet_measure(rows, cells, reference), cells, rng, shuffles, groups)


def frechet_measure(rows: npt.NDArray[np.generic], cells: Cells, reference: Reference) -> Measure:
    """Measures seeds of as many images as the cells (P, S) have, or fewer, out of all images, rows (P * S, D).

    Raises ValueError where the dimensions differ, or a feature is not finite.
    """
    centred = reference.centre(rows)
    refuse_incomplete(centred)
    projected = centred @ reference.factor
    small = len(cells) <= projected.shape[1] and cells.size <= LARGEST_GRAM
    return _from_grams(centred, projected, reference) if small else _from_rows(centred, projected, reference)


def _from_rows(centred: Array, projected: Array, reference: Reference) -> Measure:
    """Measures each seed from its rows."""

    def measure(cells: Cells) -> Array:
        return np.array([distance_of_centred(centred[rows], projected[rows], reference) for rows in cells.T])

    return measure


def _from_grams(centred: Array, projected: Array, reference: Reference) -> Measure:
    """Measures all seeds at once from blocks of two Gram matrices of all images, for seeds of no more than r images."""
    gram, inner = projected @ projected.T, centred @ centred.T
    lengths = np.diagonal(inner)

    def measure(cells: Cells) -> Array:
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
