"""What chance alone does to kernel distances: seeds whose images were shuffled between seeds within each prompt.

Source: as in `null`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.kernel import KernelReference, discrepancy
from seedscope.analysis.seeds.moments import Array
from seedscope.analysis.seeds.null import LARGEST_GRAM, Measure, ShuffleNull, Spread


def kernel_shuffle_null(
    features: npt.ArrayLike,
    reference: KernelReference,
    rng: np.random.Generator,
    shuffles: int = 200,
    groups: npt.ArrayLike | None = None,
) -> ShuffleNull:
    """Shuffle images between seeds within each prompt; features (P, S, D), a complete finite grid, P >= 2, S >= 2.

    Up to LARGEST_GRAM images a shuffle looks the pairs' kernel values up; above, it takes them again, O(S P^2 D). Where that
    is too long, the witnesses are left: one score an image, to be shuffled like any other.

    `groups` (P,): labels of prompts whose images are shuffled together, a seed's as one block; None: each prompt alone. With
    prompts of one object as a group, a seed's luck with that object is no evidence that seeds differ.
    Raises ValueError for another shape, for features that are not finite or, for a kernel of unit lengths, all zero, for fewer
    than 1 shuffle, or for another number of labels or a single one.
    """
    grid = np.asarray(features)
    if grid.ndim != 3 or grid.shape[0] < 2 or grid.shape[1] < 2 or shuffles < 1:
        raise ValueError(f"features of shape {grid.shape} and {shuffles} shuffles: need (P >= 2, S >= 2, D) and >= 1")
    prompts, seeds, dimensions = grid.shape
    labels, member = np.unique(np.arange(prompts) if groups is None else np.asarray(groups), return_inverse=True)
    if len(member) != prompts or len(labels) < 2:
        raise ValueError(
            f"{len(member)} labels of {len(labels)} groups for {prompts} prompts: need one each, of 2 groups or more"
        )
    rows = reference.kernel.prepare(grid.reshape(-1, dimensions))
    if not np.isfinite(rows).all():
        raise ValueError("a shuffle needs a complete grid: leave out prompts with a failed cell first")
    witness = reference.witness(rows)
    small = prompts * seeds <= LARGEST_GRAM
    measure = _from_gram(rows, witness, reference) if small else _from_rows(rows, witness, reference)

    cells = np.arange(prompts * seeds).reshape(prompts, seeds)
    order = np.tile(np.arange(seeds), (len(labels), 1))
    observed = measure(cells)
    chance = np.array(
        [measure(np.take_along_axis(cells, rng.permuted(order, axis=1)[member], axis=1)) for _ in range(shuffles)]
    )
    beyond = (chance.std(axis=1) >= observed.std() * (1 - 1e-9)).sum()
    return ShuffleNull(_spread(observed), _spread(chance), float((beyond + 1) / (shuffles + 1)))


def _spread(distances: Array) -> Spread:
    return Spread(distances.min(axis=-1), distances.max(axis=-1), distances.std(axis=-1))


def _from_gram(rows: Array, witness: Array, reference: KernelReference) -> Measure:
    """Measures all seeds at once from the kernel values of all pairs of images."""
    gram = reference.kernel.values(rows, rows)
    itself = np.diagonal(gram)

    def measure(cells: npt.NDArray[np.intp]) -> Array:
        of_seed = cells.T
        pairs = gram[of_seed[:, :, None], of_seed[:, None, :]].sum(axis=(1, 2))
        sums = (pairs, itself[of_seed].sum(axis=1), witness[of_seed].sum(axis=1))
        return discrepancy(*sums, len(cells), reference)

    return measure


def _from_rows(rows: Array, witness: Array, reference: KernelReference) -> Measure:
    """Measures each seed from its rows."""

    def measure(cells: npt.NDArray[np.intp]) -> Array:
        sums = []
        for of_seed in cells.T:
            gram = reference.kernel.values(rows[of_seed], rows[of_seed])
            sums.append((gram.sum(), np.trace(gram), witness[of_seed].sum()))
        pairs, itself, near = np.array(sums).T
        return discrepancy(pairs, itself, near, len(cells), reference)

    return measure
