"""Seeds whose distance lies far off all others take no part in the shuffles of the others' pictures.

A seed of broken pictures hands some of them to every shuffled seed. A Frechet distance grows with the square of how far these
lie, so that chance seems to give distances that no seed has: its best is worse than the best of equal seeds, which looks
better than luck, and it spreads so widely that a truly good seed is no better than the median seed.
Far off is `FAR` errors, fewer than the spread of a seed's values that it takes for scores (`outlying`): shuffled scores keep
the mean of all and are compared over their median, shuffled distances move as a whole, by what one seed is off over the
number of seeds. In 75 simulated studies of equal seeds (6 and 40 dimensions, 12 to 100 prompts in 3 to 100 groups, 16 to 32
seeds, normal and lognormal) no seed was off by more than 3.3.
What is too bad is left out first, and then what is too good: a broken seed hides no good one, and a seed that is far off on
the good side, which it may be by chance, is held against shuffles in which it takes part. Where many are, the median of those
that are left is worse than that of all, and a seed has to be better than both.
Source and deviation: as in `outlying`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.chance import p_values
from seedscope.analysis.seeds.distances.base import Distance, Labels, Rows
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.distances.null import ShuffleNull
from seedscope.analysis.seeds.scores.far_seeds import far_seeds
from seedscope.analysis.seeds.scores.scores import sign

FAR = 6.0
"""Off the median seed by so many errors of a seed's distance."""


def far_off(estimate: Array, influence: Array) -> npt.NDArray[np.bool_]:
    """(S,) true for seeds whose distances (S,) lie far off all others; influence: (G, S) of each group of prompts, NaN where
    unknown."""
    known = ~np.isnan(estimate) & ~np.isnan(influence).any(axis=0)
    shared = influence[:, known].mean(axis=1, keepdims=True) if known.any() else 0.0
    error = np.sqrt(((influence - shared) ** 2).sum(axis=0))
    return far_seeds(estimate, error, np.full(len(estimate), FAR), known)


def step_down_null(
    distance: Distance,
    grid: Rows,
    estimate: Array,
    far: npt.NDArray[np.bool_],
    rng: np.random.Generator,
    shuffles: int,
    groups: Labels,
) -> ShuffleNull:
    """The shuffles of a grid (P, S, D) of seeds with these distances (S,), of those alone that are not `far` (S,) off.

    That no seed differs at all (`p_value`) is of all seeds, and so is `observed`; `seed` of each from the last shuffles in
    which it took part.
    """
    found = every = distance.null(grid, rng, shuffles, groups)
    seed, left_out = found.seed.copy(), np.zeros_like(far)
    for too in (-1.0, 1.0):
        some = far & (too * sign(distance.better) * (estimate - np.median(estimate)) > 0)
        if not some.any():
            continue
        left_out |= some
        others = distance.null(grid[:, ~left_out], rng, shuffles, groups)
        seed[~left_out] = p_values(np.minimum(others.over, every.over[~left_out]), others.shuffled)
        found = replace(found, chance=others.chance, seed=seed)
    return found
