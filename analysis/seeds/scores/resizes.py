"""Whether a seed's picture stays the same one at other sizes: with its noise resized ("seed resize"), and with plain noise.

The picture of a seed at its own size is compared with its picture at another size, in the distance of some embedding, over the
region in which the noise of both is the same where it was resized. How far unlike pictures would be apart say the other seeds'
pictures of that size with noise of that kind, over the same region: distances of different seeds are fitted as a number of the
one picture times a number of the other, and so is what is missing, that of a seed from itself. A seed whose pictures are unlike
all others is not far off for that, nor is one whose pictures are near to all others the same picture. Where nothing is kept,
distances over those fitted are 1 in the mean.

Whether a size keeps anything at all is tested by permuting which seed's picture at the other size is held against which seed's
own, within each prompt and in the same way for all prompts, so that a seed whose pictures look alike whatever the prompt is no
evidence. Seeds are compared by their mean over the sizes that are not their own (`bearing.py`).
Source: Goodman (1968), "The analysis of cross-classified data: independence, quasi-independence, and interactions", for the fit
without the diagonal; Mantel (1967), "The detection of disease clustering and a generalized regression approach", for permuting
the labels of one side of a matrix of distances; Phipson, Smyth (2010) for (b + 1) / (m + 1).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from seedscope.analysis.seeds.chance import p_values
from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.bearing import (
    BAND,
    SHUFFLES,
    Bearing,
    Way,
    bearing,
    means,
    over_seeds,
    refuse_too_few,
    to_others,
)
from seedscope.analysis.seeds.scores.scores import StatisticsError

FEWEST_SEEDS = 4
"""Three seeds can be permuted in six ways, so that nothing has a p-value of 5 %."""


ROUNDS = 12
"""Of the fit, which by then moves by less than 1e-6 with four seeds."""


@dataclass(frozen=True, eq=False)
class Kept:
    """What one kind of noise keeps of pictures at T sizes; distances, where other seeds are 1 apart.

    curve: (T, S) of each seed. all: (T,) of all seeds. p: (T,) of "a seed's picture is no nearer to its own at another size
        than other seeds' are". apart: (T,) mean distance of two seeds, in the embedding. spread: (T, 2) between which the
        middle 90 % of them lie, where that is 1.
    """

    curve: Way
    all: Way
    p: Array
    apart: Array
    spread: Array


@dataclass(frozen=True, eq=False, kw_only=True)
class Resizes(Bearing):
    """How S seeds bear T sizes; `area` is of resized noise, over the sizes that are not their own."""

    resized: Kept
    plain: Kept


def resize_distances(own: npt.NDArray[np.floating], other: npt.NDArray[np.floating]) -> Array:
    """Distances (T, P, S, S) of each seed's picture from those of each seed at another size.

    Args:
        own, other: (T, P, S, D), of what is compared at each size; NaN where a cell failed.
    """
    pairs = [[cdist(*cells) for cells in zip(*at_size, strict=True)] for at_size in zip(own, other, strict=True)]
    return np.asarray(pairs, np.float64)


def resizes(
    resized: Array, plain: Array, is_own: Sequence[bool], groups: npt.ArrayLike, rng: np.random.Generator
) -> Resizes:
    """Judge seeds by the distances of their pictures at other sizes.

    Args:
        resized, plain: as of `resize_distances`, of resized and of plain noise.
        is_own: T, whether a size is the one that seeds are compared with.
        groups: (P,) labels of the prompts' groups.
        rng: permutes and shuffles.

    Raises:
        StatisticsError: fewer than four seeds or two prompts, no other size, or pictures of different seeds that do not differ.
    """
    refuse_too_few(resized.shape[1], resized.shape[2], FEWEST_SEEDS)
    if all(is_own):
        raise StatisticsError("There is no size but the seeds' own; name another one.")
    _, member = np.unique(np.asarray(groups), return_inverse=True)
    ratios = [_over_unlike(each) for each in (resized, plain)]
    of_resized = np.diagonal(ratios[0][~np.asarray(is_own)], axis1=2, axis2=3)
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # of cells that failed: NaN
        areas = np.nanmean(of_resized, axis=0)
    kept = [_kept(*pair, member, rng) for pair in zip(ratios, (resized, plain), strict=True)]
    return Resizes(**vars(bearing(areas, groups, rng)), resized=kept[0], plain=kept[1])


def _kept(ratios: Array, distances: Array, member: npt.NDArray[np.intp], rng: np.random.Generator) -> Kept:
    own = np.diagonal(ratios, axis1=2, axis2=3)
    return Kept(
        curve=means(own, member),
        all=over_seeds(own, member),
        p=np.array([nearer(at_size, rng) for at_size in distances]),
        apart=np.nanmean(to_others(distances), axis=(1, 2, 3)),
        spread=np.nanquantile(to_others(ratios), BAND, axis=(1, 2, 3)).T,
    )


def _over_unlike(distances: Array) -> Array:
    """Distances (..., S, S) over those that unlike pictures would have.

    Raises:
        StatisticsError: of a prompt all pictures of other seeds are the same.
    """
    unlike = _fitted(to_others(distances))
    if (unlike == 0).any():
        raise StatisticsError(
            "Of a prompt a seed's picture is the same as all others', so that nothing is far from it."
        )
    return distances / unlike


def _fitted(distances: Array) -> Array:
    """Products (..., S, S) of a number of the row and one of the column, with the sums of rows and columns of those that are
    known; NaN counts for nothing."""
    there = ~np.isnan(distances)
    known, rows = np.where(there, distances, 0.0), np.ones_like(distances[..., :1])
    with np.errstate(invalid="ignore"):  # of cells that failed: NaN
        for _ in range(ROUNDS):
            columns = known.sum(axis=-2, keepdims=True) / np.nansum(there * rows, axis=-2, keepdims=True)
            rows = known.sum(axis=-1, keepdims=True) / np.nansum(there * columns, axis=-1, keepdims=True)
    return np.asarray(rows * columns)


def nearer(distances: Array, rng: np.random.Generator, shuffles: int = SHUFFLES) -> float:
    """p of "a seed's picture is no nearer to its own at another size than the other seeds' are", in [1 / (shuffles + 1), 1].

    Args:
        distances: (P, S, S), of which the diagonal is each seed's own.
    """
    # Rows and columns are scaled with what is permuted among them, so that it is the same for all permutations.
    scaled = distances / _fitted(distances)
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # of cells that failed: NaN
        matrix = np.nanmean(scaled, axis=0)
    seeds = np.arange(matrix.shape[0])
    orders = rng.permuted(np.tile(seeds, (shuffles, 1)), axis=1)
    chance = np.nanmean(matrix[seeds, orders], axis=1)
    return float(p_values(np.array([-np.nanmean(np.diagonal(matrix))]), np.sort(-chance))[0])
