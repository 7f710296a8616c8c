"""Which seeds are stable and which brittle: how far a picture goes when its noise goes towards that of another seed.

The picture of a seed is compared with those of its variations, in the distance of some embedding. The area under a seed's
curve of distance over strength, over the largest strength, is its mean distance on the way: seeds are compared by that, as any
that bear a change (`bearing.py`).

Each prompt has a variation seed of its own, the same for all seeds: intervals over prompts then hold for other variation seeds
too, and what a prompt's variation seed does to all seeds drops out where they are compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.bearing import (
    BAND,
    Bearing,
    Way,
    apart,
    bearing,
    means,
    over_seeds,
    refuse_too_few,
    to_others,
)


@dataclass(frozen=True, eq=False, kw_only=True)
class Variations(Bearing):
    """How S seeds bear T strengths.

    curve: (T, S) mean distances, where other seeds are 1 apart; `area` is the mean distance on the way. all: (T,) those of all
        seeds. half: (S,) the strength at which the curve reaches one half; NaN where it does not.
    apart: median distance of two seeds, in the embedding. spread: between which the middle 90 % of pairs lie, where that
        is 1.
    """

    strengths: Array
    curve: Way
    all: Way
    half: Array
    apart: float
    spread: tuple[float, float]


def distances(vectors: npt.NDArray[np.floating]) -> tuple[Array, Array]:
    """Distances (T, P, S) of each variation from its seed's own picture, and (P, S, S) between the seeds' own ones.

    Args:
        vectors: (T + 1, P, S, D), the seeds' own pictures first; NaN where a cell failed.
    """
    wide = np.asarray(vectors, np.float64)
    varied = np.linalg.norm(wide[1:] - wide[0], axis=-1)
    between = np.stack(
        [np.linalg.norm(wide[0] - wide[0][:, [seed]], axis=-1) for seed in range(wide.shape[2])], axis=-1
    )
    return varied, between


def variations(
    varied: Array, between: Array, strengths: npt.ArrayLike, groups: npt.ArrayLike, rng: np.random.Generator
) -> Variations:
    """Judge seeds by the distances of their variations.

    Args:
        varied, between: as of `distances`.
        strengths: (T,) ascending, within (0, 1].
        groups: (P,) labels of the prompts' groups.

    Raises:
        StatisticsError: fewer than two seeds or prompts, or pictures of different seeds that do not differ.
    """
    refuse_too_few(varied.shape[1], varied.shape[2])
    steps = np.asarray(strengths, np.float64)
    others = to_others(between)
    scale = apart(others)
    ratio = varied / scale
    areas = np.trapezoid(np.concatenate([0 * ratio[:1], ratio]), np.r_[0.0, steps], axis=0) / steps[-1]
    _, member = np.unique(np.asarray(groups), return_inverse=True)
    curve = means(ratio, member)
    low, high = np.nanquantile(others / scale[..., None], BAND)
    return Variations(
        **vars(bearing(areas, groups, rng)),
        strengths=steps,
        curve=curve,
        all=over_seeds(ratio, member),
        half=np.array([_reached(steps, of_seed) for of_seed in curve.mean.T]),
        apart=float(np.nanmean(scale)),
        spread=(float(low), float(high)),
    )


def _reached(strengths: Array, curve: Array, height: float = 0.5) -> float:
    """The first strength at which a curve from (0, 0) reaches a height, between the points on a line."""
    x, y = np.r_[0.0, strengths], np.r_[0.0, curve]
    above = np.flatnonzero(y >= height)
    if not len(above):
        return float("nan")
    at = above[0]
    return float(np.interp(height, y[at - 1 : at + 1], x[at - 1 : at + 1]))
