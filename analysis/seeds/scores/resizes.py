"""Whether a seed's picture stays the same one at other sizes: with its noise resized ("seed resize"), and with plain noise.

The picture of a seed at its own size is compared with its picture at another size, in the distance of some embedding, over the
region in which the noise of both is the same where it was resized. What that distance is for unlike pictures say the other
seeds: the same picture is compared, over the same region, with those of the other seeds at that size. Where resizing keeps
nothing, a seed's resized noise is as good as another seed's, and so is its plain noise of that size: both are normal and
independent; the distance is then 1 in the mean.

Whether a size keeps anything at all is tested by permuting which seed's picture at the other size is held against which seed's
own, within each prompt and in the same way for all prompts, so that a seed whose pictures look alike whatever the prompt is no
evidence. Seeds are compared by their mean over the sizes that are not their own (`bearing.py`).
Source: Mantel (1967), "The detection of disease clustering and a generalized regression approach", for permuting the labels of
one side of a matrix of distances; Phipson, Smyth (2010) for (b + 1) / (m + 1).
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
    apart,
    bearing,
    means,
    over_seeds,
    refuse_too_few,
    to_others,
)
from seedscope.analysis.seeds.scores.scores import StatisticsError

FEWEST_SEEDS = 4
"""Three seeds can be permuted in six ways, so that nothing has a p-value of 5 %."""


@dataclass(frozen=True, eq=False)
class Kept:
    """What one kind of noise keeps of pictures at T sizes; distances, where other seeds are 1 apart.

    curve: (T, S) of each seed. all: (T,) of all seeds. p: (T,) of "a seed's picture is no nearer to its own at another size
        than other seeds' are".
    """

    curve: Way
    all: Way
    p: Array


@dataclass(frozen=True, eq=False, kw_only=True)
class Resizes(Bearing):
    """How S seeds bear T sizes; `area` is of resized noise, over the sizes that are not their own.

    apart: (T,) mean distance from another seed, in the embedding. spread: (T, 2) between which the middle 90 % of other
        seeds' pictures lie, where that is 1.
    """

    resized: Kept
    plain: Kept
    apart: Array
    spread: Array


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
    others = to_others(resized)
    scale = apart(others, np.nanmean)
    ratios = [np.diagonal(each, axis1=2, axis2=3) / scale for each in (resized, plain)]
    _, member = np.unique(np.asarray(groups), return_inverse=True)
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # of cells that failed: NaN
        areas = np.nanmean(ratios[0][~np.asarray(is_own)], axis=0)
    kept = [_kept(*pair, member, rng) for pair in zip(ratios, (resized, plain), strict=True)]
    return Resizes(
        **vars(bearing(areas, groups, rng)),
        resized=kept[0],
        plain=kept[1],
        apart=np.nanmean(scale, axis=(1, 2)),
        spread=np.nanquantile(others / scale[..., None], BAND, axis=(1, 2, 3)).T,
    )


def _kept(ratio: Array, distances: Array, member: npt.NDArray[np.intp], rng: np.random.Generator) -> Kept:
    p = np.array([nearer(at_size, rng) for at_size in distances])
    return Kept(means(ratio, member), over_seeds(ratio, member), p)


def nearer(distances: Array, rng: np.random.Generator, shuffles: int = SHUFFLES) -> float:
    """p of "a seed's picture is no nearer to its own at another size than the other seeds' are", in [1 / (shuffles + 1), 1].

    Args:
        distances: (P, S, S), of which the diagonal is each seed's own.
    """
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # of cells that failed: NaN
        scale = np.nanmedian(distances, axis=2, keepdims=True)  # no matter how labels are permuted
        matrix = np.nanmean(distances / scale, axis=0)
    seeds = np.arange(matrix.shape[0])
    orders = rng.permuted(np.tile(seeds, (shuffles, 1)), axis=1)
    chance = np.nanmean(matrix[seeds, orders], axis=1)
    return float(p_values(np.array([-np.nanmean(np.diagonal(matrix))]), np.sort(-chance))[0])
