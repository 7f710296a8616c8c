"""What chance alone does to kernel distances: seeds whose images were shuffled between seeds within each prompt or group.

Source: as in `null`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.distances.kernel import KernelReference, discrepancy
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


def kernel_shuffle_null(
    features: npt.ArrayLike,
    reference: KernelReference,
    rng: np.random.Generator,
    shuffles: int = 200,
    groups: npt.ArrayLike | None = None,
) -> ShuffleNull:
    """Shuffle images between seeds; features (P, S, D), a complete finite grid, P >= 2, S >= 2; `groups` as in `null`.

    Up to LARGEST_GRAM images a shuffle looks the pairs' kernel values up; above, it takes them again, O(S P^2 D). Where that
    is too long, the witnesses are left: one score an image, to be shuffled like any other.

    Raises ValueError for another shape, for features that are not finite or, for a kernel of unit lengths, all zero, and as
    `null.shuffle_null` does.
    """
    images, cells = images_and_cells(features)
    rows = reference.kernel.prepare(images)
    refuse_incomplete(rows)
    witness = reference.witness(rows)
    small = cells.size <= LARGEST_GRAM
    measure = _from_gram(rows, witness, reference) if small else _from_rows(rows, witness, reference)
    return shuffle_null(measure, cells, rng, shuffles, groups)


def _from_gram(rows: Array, witness: Array, reference: KernelReference) -> Measure:
    """Measures all seeds at once from the kernel values of all pairs of images."""
    gram = reference.kernel.values(rows, rows)
    itself = np.diagonal(gram)

    def measure(cells: Cells) -> Array:
        of_seed = cells.T
        pairs = gram[of_seed[:, :, None], of_seed[:, None, :]].sum(axis=(1, 2))
        sums = (pairs, itself[of_seed].sum(axis=1), witness[of_seed].sum(axis=1))
        return discrepancy(*sums, len(cells), reference)

    return measure


def _from_rows(rows: Array, witness: Array, reference: KernelReference) -> Measure:
    """Measures each seed from its rows."""

    def measure(cells: Cells) -> Array:
        sums = []
        for of_seed in cells.T:
            gram = reference.kernel.values(rows[of_seed], rows[of_seed])
            sums.append((gram.sum(), np.trace(gram), witness[of_seed].sum()))
        pairs, itself, near = np.array(sums).T
        return discrepancy(pairs, itself, near, len(cells), reference)

    return measure
