"""Which seeds are stable and which brittle: how far a picture goes when its noise goes towards that of another seed.

The picture of a seed is compared with those of its variations, in the distance of some embedding, on the scale on which it
lies 1 apart from the other seeds' pictures of the same prompt, in the median: a seed whose pictures are unlike all others goes
far, and is not brittle for that. The area under a seed's curve of distance over strength, over the
largest strength, is its mean distance on the way: seeds are compared by that, as by any other score.

Each prompt has a variation seed of its own, the same for all seeds: intervals over prompts then hold for other variation seeds
too, and what a prompt's variation seed does to all seeds drops out where they are compared.
Source: for the errors of means over groups of prompts, Liang, Zeger (1986), "Longitudinal data analysis using generalized
linear models"; for the comparison, `effects.py`, `score_null.py` and `discovery.py`.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from seedscope.analysis.seeds.distances.moments import Array
from seedscope.analysis.seeds.scores.additive import additive_fit
from seedscope.analysis.seeds.scores.discovery import q_values
from seedscope.analysis.seeds.scores.effects import Effects, seed_effects
from seedscope.analysis.seeds.scores.outlying import shuffled_alike
from seedscope.analysis.seeds.scores.score_null import score_null
from seedscope.analysis.seeds.scores.scores import Scores, StatisticsError

LEVEL = 0.95
RATE = 0.05
"""False discovery rate at which a seed is called stable or brittle."""
SHUFFLES = 2000
Verdict = Literal["stable", "brittle", "as others"]


@dataclass(frozen=True, eq=False)
class Way:
    """Means over prompts (..., S) with their intervals; NaN where no prompt has both pictures, or a single group has."""

    mean: Array
    lo: Array
    hi: Array


@dataclass(frozen=True, eq=False)
class Variations:
    """How S seeds bear T strengths.

    curve: (T, S) mean distances, where other seeds are 1 apart. area: (S,) mean distance on the way. half: (S,) the
        strength at which the curve reaches one half; NaN where it does not.
    effects: (S,) areas over that of the median seed. stable, brittle: (S,) q-values of "is no more stable, or brittle, than the
        median seed". differ: p of "seeds do not differ at all".
    apart: median distance of two seeds, in the embedding. spread: between which the middle 90 % of pairs lie, where that
        is 1.
    prompts, groups: how many were drawn.
    """

    strengths: Array
    curve: Way
    area: Way
    half: Array
    effects: Effects
    stable: Array
    brittle: Array
    differ: float
    apart: float
    spread: tuple[float, float]
    prompts: int
    groups: int

    def verdict(self, seed: int) -> Verdict:
        """Of the seed at an index."""
        if self.stable[seed] <= RATE:
            return "stable"
        return "brittle" if self.brittle[seed] <= RATE else "as others"


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
    steps = np.asarray(strengths, np.float64)
    if varied.shape[1] < 2 or varied.shape[2] < 2:
        raise StatisticsError(
            f"{varied.shape[1]} prompt(s) x {varied.shape[2]} seed(s): seeds are compared with each other over prompts; take "
            "at least two of each."
        )
    others = np.where(np.eye(varied.shape[2], dtype=bool), np.nan, between)
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # of cells that failed: NaN
        apart = np.nanmedian(others, axis=2)
    if (apart == 0).any():
        raise StatisticsError(
            "Of a prompt a seed's picture is the same as all others', so that nothing is far from it."
        )
    ratio = varied / apart
    areas = np.trapezoid(np.concatenate([0 * ratio[:1], ratio]), np.r_[0.0, steps], axis=0) / steps[-1]
    scores = Scores.of(areas, groups)
    fit = additive_fit(scores)
    shuffle = shuffled_alike(fit, rng, SHUFFLES)
    nulls = [score_null(shuffle, better, LEVEL) for better in ("lower", "higher")]
    q = q_values(np.concatenate([null.p for null in nulls])).reshape(2, -1)
    curve = means_over_prompts(ratio, scores.member)
    low, high = np.nanquantile(others / apart[..., None], [0.05, 0.95])
    return Variations(
        strengths=steps,
        curve=curve,
        area=means_over_prompts(areas, scores.member),
        half=np.array([_reached(steps, of_seed) for of_seed in curve.mean.T]),
        effects=seed_effects(fit, LEVEL, nulls[0]),
        stable=q[0],
        brittle=q[1],
        differ=nulls[0].differ,
        apart=float(np.nanmean(apart)),
        spread=(float(low), float(high)),
        prompts=varied.shape[1],
        groups=len(scores.groups),
    )


def means_over_prompts(values: Array, member: npt.NDArray[np.intp]) -> Way:
    """Means (..., S) of values (..., P, S) over prompts, with Student's t intervals over groups of prompts."""
    there = ~np.isnan(values)
    count = there.sum(axis=-2)
    mean = np.where(there, values, 0).sum(axis=-2) / np.where(count, count, np.nan)
    off = np.where(there, values - mean[..., None, :], 0)
    sums = np.stack([off[..., member == group, :].sum(axis=-2) for group in range(member.max() + 1)])
    known = np.stack([there[..., member == group, :].any(axis=-2) for group in range(member.max() + 1)]).sum(axis=0)
    freedom = np.where(known > 1, known - 1, np.nan)
    error = np.sqrt((sums**2).sum(axis=0) * known / freedom) / count
    half = stdtrit(freedom, 0.5 + LEVEL / 2) * error
    return Way(mean, mean - half, mean + half)


def _reached(strengths: Array, curve: Array, height: float = 0.5) -> float:
    """The first strength at which a curve from (0, 0) reaches a height, between the points on a line."""
    x, y = np.r_[0.0, strengths], np.r_[0.0, curve]
    above = np.flatnonzero(y >= height)
    if not len(above):
        return float("nan")
    at = above[0]
    return float(np.interp(height, y[at - 1 : at + 1], x[at - 1 : at + 1]))
