"""What chance alone does to the extrapolated Frechet distance: seeds whose images were shuffled between seeds.

The limit of a seed is a weighted sum of the distances of subsets of its prompts. A shuffle takes these distances alone,
without the influence of each image, which only errors need: it costs a quarter more than a shuffle of the plain distance.
Source: as in `null`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.distances.fd_infinity import HALVES, line, make_a_line, subset_sizes, subsets
from seedscope.analysis.seeds.distances.frechet import Reference
from seedscope.analysis.seeds.distances.frechet_null import frechet_measure
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.distances.null import Cells, ShuffleNull, images_and_cells, shuffle_null


def fd_infinity_shuffle_null(
    features: npt.ArrayLike,
    reference: Reference,
    drawn: np.random.Generator,
    rng: np.random.Generator,
    shuffles: int = 200,
    groups: npt.ArrayLike | None = None,
    fractions: Sequence[float] = HALVES,
) -> ShuffleNull:
    """Shuffle images between seeds; features (P, S, D), a complete finite grid, P >= 2, S >= 2; `groups` as in `null`.

    drawn: draws the subsets of prompts, the same for all seeds and shuffles; in the state that `fd_infinity` was given, seeds
        have its limits. rng: shuffles.

    Raises ValueError for another shape, for features that are not finite, for too few prompts to extrapolate from, and as
    `null.shuffle_null` does.
    """
    rows, cells = images_and_cells(features)
    frechet, prompts = frechet_measure(rows, cells, reference), len(cells)
    sizes = subset_sizes(prompts, fractions)
    if not make_a_line(sizes):
        raise ValueError(f"{prompts} prompts are too few to extrapolate from subsets of {sizes.tolist()}")
    _, intercept = line(1.0 / sizes)
    parts = list(subsets(prompts, sizes, drawn))

    def measure(cells: Cells) -> Array:
        limit = np.zeros(cells.shape[1])
        for weight, of_size in zip(intercept, parts, strict=True):
            limit += weight * np.mean([frechet(cells[part]) for part in of_size], axis=0)
        return limit

    return shuffle_null(measure, cells, rng, shuffles, groups)
